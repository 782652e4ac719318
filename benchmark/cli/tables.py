"""Commands that train and render."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import (
    TrainingChoices,
    command_line,
    default_datasets,
    do_tables,
    err,
    open_datasets,
    out,
    say_failures,
    say_plan,
    say_simulated,
    show_table,
    write_table,
)
from benchmark.errors import InputError
from benchmark.invocations import Results


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (reproduce, render, train, status):
        app.command()(command)


def reproduce(
    table: Annotated[str, typer.Argument(help="Which table of the paper, e.g. table4; or all of them.")],
    datasets: Annotated[str | None, typer.Option(help="Imported datasets, joined by commas.")] = None,
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
    """Train what a table of the paper needs, evaluate it, and render the table; a run is trained once for all."""
    from benchmark.experiments import list_tables, plan_table, read_table

    choices = TrainingChoices(
        profile, seeds, data, results, holdout, looks, device, executor, workers, cached, tracking, settings
    )
    planned = []
    for declaration in map(read_table, list_tables() if table == "all" else [table]):
        if datasets is None:
            names = default_datasets(declaration.datasets, data)
            stem = "scenes" if names != list(declaration.datasets) else "+".join(names)
        else:
            names = [name.strip() for name in datasets.split(",")]
            stem = "+".join(names)
        opened = open_datasets(names, data)
        planned.append(plan_table(declaration, opened, f"{stem}-{profile}", command_line(), choices.options()))
    simulated = [d.name for plan, _ in planned for d in plan.datasets if d.simulated]
    if datasets is None and simulated:
        say_simulated(list(dict.fromkeys(simulated)), data)
    if len(planned) > 1:
        say_plan(planned, choices)
    if code := say_failures(do_tables(planned, choices)):
        raise typer.Exit(code)


def train(
    method: options.MethodName,
    dataset: Annotated[str, typer.Argument(help="An imported dataset.")],
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
    """Train one method on one dataset, and test it there."""
    from benchmark.experiments import RowDeclaration, TableDeclaration, plan_table
    from benchmark.files import file_name
    from benchmark.pipelines import find_pipeline
    from benchmark.planning import describe_run
    from benchmark.runs import RunStore
    from reports.runs import metrics_table

    choices = TrainingChoices(
        profile, seeds, data, results, holdout, looks, device, executor, workers, cached, tracking, settings
    )
    pipeline, opened = find_pipeline(method), open_datasets([dataset], data)
    spec, _ = describe_run(pipeline, opened[0], choices.options())
    declaration = TableDeclaration(
        name=f"train-{file_name(pipeline.name)}",
        title=f"{spec.title} on {dataset}",
        protocol="cross",
        datasets=(dataset,),
        rows=(RowDeclaration(label=spec.title, method=method),),
        controls=False,
    )
    plan, jobs = plan_table(declaration, opened, f"{dataset}-{profile}", command_line(), choices.options())
    outcomes = do_tables([(plan, jobs)], choices)
    out.print(metrics_table(plan, RunStore(choices.options().runs)))
    if code := say_failures(outcomes):
        raise typer.Exit(code)


def render(
    table: Annotated[str, typer.Argument(help="Which table, or all.")],
    selection: options.Selection = "last",
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
) -> None:
    """Render tables again from the stored runs alone; what is missing is an empty cell."""
    store = Results(results)
    plans = list(store.plans(None if table == "all" else table))
    if not plans:
        raise InputError(
            f"{results}: no {'table' if table == 'all' else table} planned there; run `wvad reproduce` first"
        )
    for plan in plans:
        rendered, paths = write_table(plan, store, selection)
        show_table(rendered, paths)


def status(
    table: Annotated[str | None, typer.Argument(help="Which table; all that were planned unless given.")] = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
) -> None:
    """Say which runs of the planned tables are done, missing or failed."""
    from benchmark.runs import RunStore
    from reports.runs import status_table

    plans = list(Results(results).plans(table))
    if table and not plans:
        raise InputError(f"{results}: no {table} planned there; run `wvad reproduce {table}` first")
    if not plans:
        err.print(f"{results}: no table planned there yet; `wvad reproduce table4` plans one")
        return
    out.print(status_table(plans, RunStore(Results(results).runs)))
