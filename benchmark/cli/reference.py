"""The command that compares stored tables with reference results, and writes such."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import say
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.runs.table_plan import TablePlan


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(verify_reference)


def verify_reference(
    table: Annotated[
        str | None, typer.Argument(help="Name a table; by default all that have reference results.")
    ] = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Make reference results of a stored table in this folder instead, such as results/reference.",
        ),
    ] = None,
) -> None:
    """Say whether stored tables of the scenes agree with the reference results of this version; train nothing.

    The exit code is 1 unless every cell of these tables' reference results is there and agrees.
    """
    from benchmark.system.files import write_atomically, writing_to
    from benchmark.tables.declaration import read_table
    from benchmark.tables.reference import list_references, make_reference, read_reference, reference_text

    if write is not None and table is None:
        raise InputError("--write: name the table to make reference results of")
    if write is None and table is not None:
        read_reference(table)  # a table without any is refused
    folder, wanted = Results(results), list_references() if table is None else [table]
    found = _largest(folder, wanted)
    if not found:
        named = table or f"table with reference results ({', '.join(wanted) or 'there are none'})"
        raise InputError(
            f"{results}: no {named} of the scenes, profile quick, with default settings; run `wvad reproduce` first"
        )
    if write is None:
        if not say_agreement(found, folder):
            raise typer.Exit(1)
        return
    reference = make_reference(found[0], [row.label for row in read_table(wanted[0]).rows], folder.store)
    path = write / f"{wanted[0]}.csv"
    with writing_to(write, "--write"):
        write.mkdir(parents=True, exist_ok=True)
        write_atomically(path, reference_text(reference))
    say(f"Written: {path}, {len(reference.cells)} cells")


def _largest(folder: Results, tables: Sequence[str]) -> list[TablePlan]:
    """Return of each table that can be compared the plan with the most runs: others are of parts of it."""
    from benchmark.tables.reference import has_reference_settings

    plans = [list(filter(has_reference_settings, folder.plans(table))) for table in tables]
    return [max(found, key=lambda plan: len(plan.run_keys())) for found in plans if found]


def say_agreement(plans: Iterable[TablePlan], results: Results) -> bool:
    """Say of tables whether they agree with their reference results, if there are any; return whether all do."""
    from benchmark.tables.agreement import compare_with_reference
    from benchmark.tables.reference import has_reference_settings, list_references, read_reference
    from reports.tables.reference import agreement_lines

    found = []
    for plan in plans:
        if plan.table in list_references() and has_reference_settings(plan):
            found.append(compare_with_reference(plan, read_reference(plan.table), results.store))
            for line in agreement_lines(found[-1]):
                say(line)
    return all(agreement.complete for agreement in found)
