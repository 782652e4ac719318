"""The command that answers whether a method is better than others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import TrainingChoices, command_line, do_tables, open_datasets, say, say_failures
from benchmark.cli.drawing import Stored, draw, given

if TYPE_CHECKING:
    from benchmark.plans import TablePlan


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(compare)


def compare(
    method: Annotated[str, typer.Option(help="The method in question: a registered name, or path/to/file.py:Class.")],
    against: Annotated[str, typer.Option(help="Methods to compare it with, joined by commas.")],
    dataset: Annotated[str, typer.Option(help="An imported dataset; several joined by commas.")],
    power: Annotated[
        float | None,
        typer.Option(min=0.01, help="Say how many seeds and videos would show a difference of so many points."),
    ] = None,
    profile: options.Profile = "quick",
    seeds: options.Seeds = None,
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    holdout: options.Holdout = 0.0,
    looks: options.Looks = None,
    device: options.Device = "auto",
    executor: options.ExecutorOption = None,
    workers: options.Workers = None,
    cached: options.Cached = "use",
    tracking: options.Tracking = "mlflow",
    settings: options.Settings = None,
) -> None:
    """Say whether a method is better than others, with intervals; runs that are stored are not trained again."""
    from benchmark.declarations import declare_comparison
    from benchmark.experiments import plan_table

    choices = TrainingChoices(
        profile, seeds, data, results, holdout, looks, device, executor, workers, cached, tracking, settings
    )
    names = options.split(dataset)
    opened = open_datasets(names, data)
    size = None if power is None else power / 100
    declaration = declare_comparison(method, options.split(against), opened, choices.options(), size)
    folder = f"{'+'.join(names)}-{profile}"
    plan, jobs = plan_table(declaration, opened, folder, command_line(), choices.options())
    outcomes = do_tables([(plan, jobs)], choices)
    _answer(plan, data, results, device)
    if code := say_failures(outcomes):
        raise typer.Exit(code)


def _answer(plan: TablePlan, data: Path | None, results: Path, device: options.DeviceName) -> None:
    """Write a page on the comparison, with its figures, and say what it found."""
    from benchmark.files import write_atomically, writing_to
    from reports.page import to_page
    from reports.report import make_report

    stored = Stored(results, "last", [plan])
    labels = [row.label for row in plan.rows]
    shown = [(line_up, [c.label for c in line_up.contenders if c.label in labels]) for line_up in stored.line_ups]
    sections = [stored.section(line_up, chosen, data, device) for line_up, chosen in shown]
    made = make_report(stored.tables(), sections, "last", stored.runs)
    path = stored.results.reports / f"{plan.table}-{plan.folder}.html"
    with writing_to(path.parent, "--results"):
        path.parent.mkdir(parents=True, exist_ok=True)
        page = to_page(made, draw(list(made.figures()), [], None), given("last", data, results), plan.title)
        write_atomically(path, page)
    for verdict in made.tables[0].verdicts:
        say(verdict)
    say(f"Written: {path}, with figures, classes and videos")
