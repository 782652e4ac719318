"""The command that tests a stored run, or weights from elsewhere, on a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, open_datasets, say, say_failures, show_metrics
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.datasets.dataset import Dataset
    from benchmark.runs.records import RunRecord
    from benchmark.runs.store import RunStore


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(evaluate)


def evaluate(
    what: Annotated[
        list[str], typer.Argument(metavar="[RUN] DATASET", help="Key of a stored run, or its first digits; a dataset.")
    ],
    weights: Annotated[
        Path | None, typer.Option(help="A file of weights (torch.save or safetensors) instead of a stored run.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Whose weights they are: a method's name.")] = None,
    benchmark: Annotated[
        terms.Benchmark | None,
        typer.Option(help="What the weights were trained on: whose recipe counts; the dataset's benchmark by default."),
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


def _evaluate_run(run: str, name: str, data: Path | None, results: Path, device: str) -> None:
    from benchmark.execution.driver import run_jobs
    from benchmark.execution.executors.serial import SerialExecutor
    from benchmark.training.jobs import Job
    from benchmark.training.specification import check_testable, find_pipeline_of
    from reports.tables.single_runs import evaluation_table

    store = Results(results).store
    record = _find_run(store, run)
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
    from benchmark.training.specification import check_testable
    from benchmark.training.weights_from_elsewhere import evaluate_weights
    from reports.tables.single_runs import weights_table

    check_testable(dataset)
    found = evaluate_weights(path, find_pipeline(reference), dataset, device, settings, benchmark)
    spec = found.spec
    show_metrics(weights_table(f"{spec.title} with the weights of {path}", dataset.name, found.metrics))
    say(f"Settings: the recipe of {spec.benchmark}, profile {spec.profile}{''.join(f', {s}' for s in settings)}.")


def _find_run(store: RunStore, prefix: str) -> RunRecord:
    keys = list(filter(lambda key: key.startswith(prefix), store.keys()))
    if len(keys) != 1:
        how = "several runs" if keys else "no run"
        raise InputError(f"{store.root}: {how} with a key that begins with {prefix}; `wvad status` lists them")
    record = store.record(keys[0])
    if record is None:
        raise InputError(f"{store.folder(keys[0])}: its record is damaged; train the run again")
    if record.spec.trial:
        raise InputError(f"run {record.key} is a trial of a search: it keeps no weights that could be tested")
    if record.spec.key != record.key:
        raise InputError(f"run {record.key} was stored under other rules for keys; train it again")
    return record
