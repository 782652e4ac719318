"""The command that answers whether a method is better than others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import command_line, do_and_show, open_datasets, say, say_failures, say_verdicts
from benchmark.cli.drawing import Stored, draw, given, today
from benchmark.cli.quantities import between
from benchmark.cli.training_options import takes_choices
from benchmark.cli.tune import tune_rows
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices

if TYPE_CHECKING:
    from benchmark.tables.cells import Table


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(compare)


@takes_choices
def compare(
    choices: Choices,
    method: Annotated[str, typer.Option(help="Judge this method, named as for wvad train.")],
    against: Annotated[str, typer.Option(help="Compare it with these methods, joined by commas.")],
    dataset: Annotated[str, typer.Option(help="Use this dataset, or several joined by commas.")],
    power: Annotated[
        float | None,
        typer.Option(
            parser=between(0.01, 100),
            metavar="POINTS",
            help="Say how many seeds and videos would show a difference of this many points.",
        ),
    ] = None,
    selection: options.Selection = "last",
    tuned: options.Tuned = None,
    measures: options.Measures = None,
    join: options.Join = None,
    details: options.Details = False,
) -> None:
    """Say whether a method is better than others, with intervals; runs that are stored are not trained again."""
    from benchmark.tables.declaring import declare_comparison
    from benchmark.tables.line_ups import MOST
    from benchmark.tables.planning import plan_table

    others = options.split(against)
    if len(others) >= MOST:
        raise InputError(f"--against: {len(others)} methods are too many for a figure; name {MOST - 1} at most")
    if selection == "validation" and not choices.holdout:
        raise InputError("--selection validation needs training videos to choose by: give --holdout, such as 0.2")
    opened = open_datasets(options.split(dataset), choices.data)
    size = None if power is None else power / 100
    declaration = options.measured(declare_comparison(method, others, opened, choices, size), measures, join)
    (table,) = tune_rows([(declaration, opened)], choices, tuned)
    planned = plan_table(table, opened, choices, command_line())
    outcomes, (filled,) = do_and_show([planned], choices, details, selection, partial(_write_page, choices))
    say_verdicts([filled[selection]])
    if code := say_failures(outcomes):
        raise typer.Exit(code)


def _write_page(choices: Choices, table: Table) -> None:
    """Write a page on the comparison, with its figures."""
    from benchmark.system.files import write_atomically, writing_to
    from reports.page.html_page import to_page
    from reports.page.report import make_report

    plan, selection = table.plan, table.selection
    stored = Stored(choices.results, selection, [plan])
    labels = [row.label for row in plan.rows if row.tuned] or [row.label for row in plan.rows]
    shown = [(line_up, [c.label for c in line_up.contenders if c.label in labels]) for line_up in stored.line_ups]
    device: terms.Device = "cpu" if choices.device == "cpu" else "auto"  # the runs' GPU may be elsewhere
    sections = stored.sections(shown, choices.data, device)
    made = make_report([table], sections, selection, stored.runs)
    path = stored.results.comparison_page(plan, selection)
    with writing_to(path.parent, "--results"):
        path.parent.mkdir(parents=True, exist_ok=True)
        repeated = given(selection, choices.data, choices.results)
        page = to_page(made, draw(list(made.figures()), [], None), repeated, plan.title, today())
        write_atomically(path, page)
    say(f"Written: {path}, with figures, classes and videos")
