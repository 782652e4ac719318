"""The command that brings in scores from somebody's own code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import command_line, open_datasets, say, show_table, warn, write_table
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.runs.table_plan import TablePlan

LONGEST_NAME = 60
"""Characters of a name: it stands in tables, and in the names of their files."""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("import-scores")(import_scores)


def import_scores(
    name: Annotated[str, typer.Argument(help="Give the method this name; tables add that it is imported.")],
    dataset: Annotated[str, typer.Option(help="Name the imported dataset whose test videos were scored.")],
    scores: Annotated[
        list[Path],
        typer.Option(help="Read score files from this folder, one per test video; repeat it for more seeds."),
    ],
    profile: Annotated[terms.Profile, typer.Option(help="Set it beside runs of this profile.")] = "quick",
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    tracking: options.Tracking = "mlflow",
) -> None:
    """Bring in the scores of a method from elsewhere, as runs that tables and reports treat like any other."""
    from benchmark.execution.call import finish_table
    from benchmark.system.files import writing_to
    from benchmark.tables.describing import describe_dataset
    from benchmark.tables.planning import plan_imported
    from benchmark.tracking import follow_again
    from benchmark.training.annotated_events import keep_events
    from benchmark.training.elsewhere.score_files import read_scores
    from benchmark.training.elsewhere.scores import check_different, store_imported
    from benchmark.training.requirements import check_testable

    if not name.strip() or not name.isprintable() or any(sign in name for sign in ",:+@/") or len(name) > LONGEST_NAME:
        raise InputError(
            f"{name!r}: not a name for a method; write one line of {LONGEST_NAME} characters at most, without , : + @ /"
        )
    opened = open_datasets([dataset], data)[0]
    check_testable(opened)
    read = [read_scores(folder, opened.manifest) for folder in scores]
    check_different(scores, [found for found, *_ in read])
    kept = Results(results)
    store = kept.store
    with writing_to(store.root, "--results"):
        specs = [store_imported(name, found, seed, opened, profile, store) for seed, (found, *_) in enumerate(read)]
    keep_events([opened.path], store)
    for folder, (_, units, naming) in zip(scores, read, strict=True):
        counts = ", ".join(f"{count} videos with a score per {unit}" for unit, count in units.items())
        say(f"{folder}: {counts}{f'. {naming}' if naming else ''}")
    invocation = kept.write_invocation(plan_imported(specs, describe_dataset(opened), command_line()))
    tracker = follow_again(kept, invocation, tracking, warn)
    finish_table(invocation.plan, kept, tracker, lambda plan: _show(plan, kept))
    say(f"Compare it with: wvad compare --method 'imported:{name}' --against rtfm --dataset {dataset}")


def _show(plan: TablePlan, results: Results) -> None:
    from benchmark.tables.cells import fill_selections

    filled = fill_selections(plan, results.store)
    show_table(filled["last"], write_table(filled, results, "last"), details=False)
