"""Commands that train and render."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import (
    check_order,
    command_line,
    default_datasets,
    do_and_show,
    err,
    open_datasets,
    out,
    say,
    say_failures,
    say_plan,
    say_simulated,
    say_verdicts,
    show_metrics,
    show_table,
    write_table,
)
from benchmark.cli.reference import say_agreement
from benchmark.cli.training_options import takes_choices
from benchmark.cli.tune import show_searches, tune_rows, writes_search
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices

if TYPE_CHECKING:
    from benchmark.tables.cells import Table


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (reproduce, render, train, sweep, status):
        app.command()(command)


@takes_choices
def reproduce(
    choices: Choices,
    table: Annotated[
        str,
        typer.Argument(
            help="Name a table of the paper, such as table4, or all of them by all; zoo and cost have all methods."
        ),
    ],
    datasets: Annotated[
        str | None,
        typer.Option(
            help="Use these datasets, joined by commas; by default the paper's if all are imported, else simulated."
        ),
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help="Take only these rows, by label or method, joined by commas; by default all.")
    ] = None,
    tuned: options.Tuned = None,
    measures: options.Measures = None,
    join: options.Join = None,
    details: options.Details = False,
) -> None:
    """Train what a table of the paper needs, evaluate it, and render the table; a run is trained once for all."""
    from benchmark.tables.declaration import choose_rows, list_paper_tables, read_table
    from benchmark.tables.planning import plan_table

    named = map(read_table, list_paper_tables() if table == "all" else [table])
    chosen = [options.measured(declaration, measures, join) for declaration in named]
    if methods is not None:
        chosen = choose_rows(chosen, options.split(methods))
    declared, stems = [], []
    for declaration in chosen:
        if datasets is None:
            names = default_datasets(declaration.datasets, choices.data)
            stem = "scenes" if names != list(declaration.datasets) else ""
        else:
            names, stem = options.split(datasets), ""
        declared.append((declaration, open_datasets(names, choices.data)))
        stems.append(stem)
    tables = tune_rows(declared, choices, tuned)
    planned = [
        plan_table(table, opened, choices, command_line(), stem)
        for table, (_, opened), stem in zip(tables, declared, stems, strict=True)
    ]
    simulated = [d.name for plan, _ in planned for d in plan.datasets if d.simulated]
    if datasets is None and simulated:
        say_simulated(list(dict.fromkeys(simulated)), choices.data)
    say_plan(planned, choices)
    outcomes, filled = do_and_show(planned, choices, details)
    say_agreement((plan for plan, _ in planned), Results(choices.results))
    say_verdicts([table["last"] for table in filled])
    if code := say_failures(outcomes):
        raise typer.Exit(code)


@takes_choices
def train(
    choices: Choices,
    method: options.MethodName,
    dataset: Annotated[
        str, typer.Argument(help="Name an imported dataset, or a simulated one, such as scenes-avenue.")
    ],
    details: options.Details = False,
) -> None:
    """Train one method on one dataset, and test it there."""
    from benchmark.plugins.pipelines import find_pipeline
    from benchmark.system.files import file_name
    from benchmark.tables.declaration import RowDeclaration, TableDeclaration
    from benchmark.tables.planning import plan_table
    from benchmark.training.specification import describe_run
    from reports.tables.single_runs import metrics_table

    check_order(method, dataset, choices.data)
    pipeline, opened = find_pipeline(method), open_datasets([dataset], choices.data)
    spec, _ = describe_run(pipeline, opened[0], choices)
    declaration = TableDeclaration(
        name=f"train-{file_name(pipeline.name)}",
        title=f"{spec.title} on {dataset}",
        protocol="cross",
        datasets=(dataset,),
        rows=(RowDeclaration(label=spec.title, method=method),),
        controls=False,
    )
    plan, jobs = plan_table(declaration, opened, choices, command_line())
    outcomes, filled = do_and_show([(plan, jobs)], choices, details)
    if details:
        show_metrics(metrics_table(plan, Results(choices.results).store))
    else:
        say("All its metrics are printed with --details.")
    say_verdicts([table["last"] for table in filled])
    if code := say_failures(outcomes):
        raise typer.Exit(code)


@takes_choices
def sweep(
    choices: Choices,
    method: options.MethodName,
    values: Annotated[list[str], typer.Argument(metavar="KEY=V1,V2,...", help="Name a setting and the values to try.")],
    dataset: Annotated[str, typer.Option(help="Use this dataset, or several joined by commas.")],
    details: options.Details = False,
) -> None:
    """Train a method with several values of a setting, and with the recipe's own; a table and a plot."""
    from benchmark.tables.declaring import declare_sweep
    from benchmark.tables.planning import plan_table

    studied = [_parse(text) for text in values]
    if len({key for key, _ in studied}) < len(studied):
        raise InputError(f"sweep: a setting is named twice in {' '.join(values)}; write its values in one list")
    opened = open_datasets(options.split(dataset), choices.data)
    planned = plan_table(declare_sweep(method, studied, opened, choices), opened, choices, command_line())
    outcomes, filled = do_and_show([planned], choices, details)
    say_verdicts([table["last"] for table in filled])
    if code := say_failures(outcomes):
        raise typer.Exit(code)


def render(
    table: Annotated[str, typer.Argument(help="Name a table, or all.")],
    selection: options.Selection = "last",
    measures: options.Measures = None,
    join: options.Join = None,
    details: options.Details = False,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
) -> None:
    """Render tables again from the stored runs alone; what is missing is an empty cell."""
    from benchmark.tables.cells import fill_selections
    from benchmark.tuning.trials import read_trials

    folder = Results(results)
    found = list(folder.plans(None if table == "all" else table))
    plans = [plan for plan in found if not plan.diagnosis]
    if table != "all" and len(plans) < len(found):
        raise InputError(f"{table}: needs the dataset and the method; `wvad diagnose` again trains nothing anew")
    if not plans:
        raise InputError(
            f"{results}: no {'table' if table == 'all' else table} planned there; run `wvad reproduce` first"
        )
    shown: list[Table] = []
    for plan in (options.measured(plan, measures, join) for plan in plans):
        if plan.search is not None:
            search = read_trials(plan, folder.store)
            writes_search(folder)(search)
            show_searches([search], folder)
            continue
        filled = fill_selections(plan, folder.store)
        show_table(filled[selection], write_table(filled, folder, selection), details)
        shown.append(filled[selection])
    say_verdicts(shown)


def status(
    table: Annotated[str | None, typer.Argument(help="Name a table; by default all that were planned.")] = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
) -> None:
    """Say how many runs of the planned tables are done or missing, and why others gave no result.

    Of a table that is named, the keys of its runs are listed: `wvad status table4`. Runs that are not tested are
    counted only there, as in `wvad status tune-rtfm` or `diagnose-clav`. Where hundreds of rows are planned, those of
    a table are counted together unless it is named.
    """
    from reports.tables.single_runs import find_standing, status_table, trouble_lines, undefined_lines

    plans = [plan for plan in Results(results).plans(table) if table or plan.tested]
    if table and not plans:
        raise InputError(f"{results}: no {table} planned there; run `wvad reproduce {table}` first")
    if not plans:
        err.print(f"{results}: no table planned there yet; `wvad reproduce table4` plans one")
        return
    store = Results(results).store
    standing = find_standing(plans, store)
    out.print(status_table(standing, keys=table is not None))
    for line in (*trouble_lines(standing), *undefined_lines(standing, store)):
        say(line)


def _parse(text: str) -> tuple[str, list[str]]:
    key, equals, listed = text.partition("=")
    values = [value.strip() for value in listed.split(",")]
    if not key or not equals or "" in values:
        raise InputError(f"sweep: {text}: write KEY=V1,V2,...")
    if len(set(values)) < len(values):
        raise InputError(f"sweep: {text}: a value is named twice")
    return key, values
