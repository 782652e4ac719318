"""The commands that look at trained weights: test them on a dataset, or diagnose the parts of the method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import (
    check_order,
    command_line,
    err,
    open_datasets,
    say,
    say_failures,
    show_metrics,
    show_parts,
    warn,
    write_files,
)
from benchmark.cli.training_options import takes_choices
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices

if TYPE_CHECKING:
    from benchmark.datasets.dataset import Dataset
    from benchmark.plugins.pipelines import Pipeline
    from benchmark.runs.table_plan import TablePlan


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (evaluate, diagnose):
        app.command()(command)


def evaluate(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] DATASET",
            help="Name a stored run by its key or first digits, then a dataset; with --weights a dataset alone.",
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(help="Test the weights in this file (torch.save or safetensors) in place of a stored run."),
    ] = None,
    method: Annotated[str | None, typer.Option(help="Name the method whose weights they are.")] = None,
    benchmark: Annotated[
        terms.Benchmark | None,
        typer.Option(
            help="Take the recipe of the benchmark that the weights were trained on; by default the dataset's."
        ),
    ] = None,
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    device: options.Device = "auto",
    settings: options.Settings = None,
) -> None:
    """Test a stored run on a dataset, or weights such as those that a method's authors published; train nothing."""
    from benchmark.training.choices import choose_device

    if weights is None:
        if method is not None or settings or benchmark is not None:
            raise InputError("--method, --benchmark and --set are for --weights; a stored run has its own")
        if len(what) != 2:
            raise InputError("name a run and a dataset, or --weights FILE --method NAME and a dataset")
        _evaluate_run(what[0], what[1], data, results, choose_device(device))
        return
    if method is None or len(what) != 1:
        raise InputError("with --weights FILE, name its --method and one dataset, and no run")
    _evaluate_weights(weights, method, open_datasets(what, data)[0], choose_device(device), settings or (), benchmark)


@takes_choices
def diagnose(
    choices: Choices,
    method: options.MethodName,
    dataset: Annotated[str, typer.Argument(help="Name a dataset, imported or simulated.")],
) -> None:
    """Say what the parts of a method carry, by held-out training videos alone. No test video is opened.

    A quarter of the training videos is held out unless --holdout says otherwise.
    """
    from benchmark.execution.call import do_tables
    from benchmark.plugins.pipelines import find_pipeline
    from benchmark.tables.planning import plan_diagnosis

    if choices.looks is not None:
        raise InputError("--looks: a diagnosis is of the weights of the last step; leave it away")
    check_order(method, dataset, choices.data)
    pipeline, opened = find_pipeline(method), open_datasets([dataset], choices.data)[0]
    held_out = replace(choices, holdout=choices.holdout or terms.HELD_OUT)
    planned = plan_diagnosis(pipeline, opened, held_out, command_line())
    troubles: list[str] = []

    def finish(plan: TablePlan) -> None:
        troubles.extend(_diagnose(plan, pipeline, opened, choices))

    code = say_failures(do_tables([planned], held_out, err, finish))
    for line in troubles:
        warn(line)
    if code or troubles:
        raise typer.Exit(1)


def _diagnose(plan: TablePlan, pipeline: Pipeline, dataset: Dataset, choices: Choices) -> list[str]:
    """Diagnose the runs of a plan that are stored, write and show what was found; return what went wrong."""
    from benchmark.statistics.diagnosis import summarise_measures
    from benchmark.training.choices import choose_device
    from benchmark.training.diagnosis import diagnose_runs
    from reports.forms.files import diagnosis_texts
    from reports.tables.diagnosis import diagnosis_document

    results = Results(choices.results)
    device = choose_device("cpu" if choices.device == "cpu" else "auto")  # the runs' GPU may be elsewhere
    found, troubles = diagnose_runs(plan.run_keys(), pipeline, dataset, results.store, device)
    if not found:
        return troubles or [f"{plan.table}: none of its runs is stored"]
    numbers = summarise_measures(found)
    files = {f"{plan.table}.{end}": text.encode() for end, text in diagnosis_texts(plan, numbers).items()}
    paths = write_files(results.table_folder(plan.folder), files)
    show_parts(diagnosis_document(plan, numbers).parts)
    say(f"Written: {', '.join(map(str, paths))}")
    return troubles


def _evaluate_run(run: str, name: str, data: Path | None, results: Path, device: str) -> None:
    from benchmark.execution.driver import run_jobs
    from benchmark.execution.executors.serial import SerialExecutor
    from benchmark.runs.finding import find_run
    from benchmark.training.jobs import Job
    from benchmark.training.requirements import check_testable
    from benchmark.training.specification import find_pipeline_of
    from reports.tables.single_runs import evaluation_table

    store = Results(results).store
    record = find_run(store, run)
    target = open_datasets([name], data)[0]
    if target.manifest.feature_set != record.spec.feature_set:
        raise InputError(
            f"run {record.key} was trained on {record.spec.feature_set} features, "
            f"{name} has {target.manifest.feature_set}: they do not compare"
        )
    check_testable(target)
    pipeline = find_pipeline_of(record.spec)
    source = open_datasets([record.spec.dataset], data)[0]
    job = Job(record.spec, pipeline, source.path, (target.path,), store.root, device, cached="only")
    store.prepare()
    outcomes = run_jobs([job], SerialExecutor(), err, lambda outcome: None)
    if code := say_failures(outcomes):
        raise typer.Exit(code)
    test_hash = target.manifest.test_hash()
    show_metrics(evaluation_table(record, [e for e in store.evaluations(record.key) if e.test_hash == test_hash]))


def _evaluate_weights(
    path: Path,
    reference: str,
    dataset: Dataset,
    device: str,
    settings: Sequence[str],
    benchmark: terms.Benchmark | None,
) -> None:
    from benchmark.plugins.pipelines import find_pipeline
    from benchmark.training.elsewhere.weights import evaluate_weights
    from benchmark.training.requirements import check_testable
    from reports.tables.single_runs import weights_table

    check_testable(dataset)
    found = evaluate_weights(path, find_pipeline(reference), dataset, device, settings, benchmark)
    spec = found.spec
    show_metrics(weights_table(f"{spec.title} with the weights of {path}", dataset.name, found.metrics))
    say(f"Settings: the recipe of {spec.benchmark}, profile {spec.profile}{''.join(f', {s}' for s in settings)}.")
