"""A results folder with thousands of runs, written without training: what a lab has after a year of sweeps."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.frame import test_metrics as metrics_of
from benchmark.runs.checksums import write_checksums
from benchmark.runs.records import Environment, Evaluation, RunRecord, evaluation_key
from benchmark.runs.results_folder import Results
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.score_files import chance_level
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedDataset, PlannedRow, TablePlan
from benchmark.terms import Training
from tests.small_store import draw_scores

DATASETS = ("street", "films", "campus")
SEEDS = 10
COUNTS = {"Arson": 4, "Assault": 8, "Abuse": 8}
NORMAL = 20
ENVIRONMENT = Environment(wvad_bench="0", python="3", torch="2", numpy="2", machine="Linux", device="cpu")
FINISHED = "2026-01-01T00:00:00+00:00"


def make_large_results(root: Path, runs: int) -> Results:
    """Make a results folder with the table ``table4`` of two methods, and a sweep that has the rest of the runs."""
    results = Results(root)
    results.runs.mkdir(parents=True)
    datasets = [_dataset(name) for name in DATASETS]
    scored = [draw_scores(seed, 0.5, COUNTS, NORMAL) for seed in range(SEEDS)]
    compared = [_plan_row(method, (), datasets) for method in ("rtfm", "clav")]
    rest = runs - 2 * len(DATASETS) * SEEDS
    values = [f"training.weight_decay={number / 1e5:g}" for number in range(rest // (len(DATASETS) * SEEDS))]
    swept = [_plan_row("rtfm", (value,), datasets) for value in values]
    store = RunStore(results.runs)
    for rows in (compared, swept):
        for dataset in datasets:
            _store_runs(store, rows, dataset, datasets if rows is compared else [dataset], scored)
    results.write_invocation(_plan("table4", "cross", compared, datasets))
    results.write_invocation(_plan("sweep-rtfm", "in-domain", swept, datasets))
    return results


def _dataset(name: str) -> PlannedDataset:
    return PlannedDataset(
        name=name,
        benchmark="other",
        metric="auc_frame",
        feature_set="i3d",
        crops=1,
        test_hash=f"test part of {name}",
        test_videos=sum(COUNTS.values()) + NORMAL,
        missing=0,
        simulated=False,
    )


def _specs(method: str, settings: Sequence[str], dataset: PlannedDataset) -> Iterator[RunSpec]:
    first = RunSpec(
        method=method,
        version=1,
        config={"weights": list(settings)},
        training=Training(steps=40, looks=0, crops=1),
        inputs={},
        profile="quick",
        holdout=0.0,
        train_hash=f"train part of {dataset.name}",
        seed=0,
        title=method,
        dataset=dataset.name,
        benchmark="other",
        feature_set="i3d",
    )
    return (first.model_copy(update={"seed": seed}) for seed in range(SEEDS))


def _plan_row(method: str, settings: tuple[str, ...], datasets: Sequence[PlannedDataset]) -> PlannedRow:
    label = " ".join((method, *settings))
    runs = {d.name: tuple(spec.key for spec in _specs(method, settings, d)) for d in datasets}
    return PlannedRow(label=label, method=method, settings=settings, against="rtfm", paper=None, runs=runs)


def _plan(table: str, protocol: str, rows: Sequence[PlannedRow], datasets: Sequence[PlannedDataset]) -> TablePlan:
    labels = {row.label for row in rows}
    return TablePlan(
        table=table,
        title=table,
        protocol=protocol,  # type: ignore[arg-type]
        folder="street+films+campus-quick",
        profile="quick",
        seeds=SEEDS,
        holdout=0.0,
        overrides=(),
        command=f"wvad reproduce {table}",
        datasets=tuple(datasets),
        rows=tuple(row if row.against in labels else row.model_copy(update={"against": None}) for row in rows),
    )


def _store_runs(
    store: RunStore,
    rows: Sequence[PlannedRow],
    dataset: PlannedDataset,
    targets: Sequence[PlannedDataset],
    scored: Sequence[ScoredVideos],
) -> None:
    metrics = [metrics_of(one) for one in scored]
    for row in rows:
        for spec, key, one, found in zip(
            _specs(row.method, row.settings, dataset), row.runs[dataset.name], scored, metrics, strict=True
        ):
            folder = store.folder(key)
            (folder / "evaluations").mkdir(parents=True)
            for target in targets:
                evaluation = _evaluation(key, target, found, chance_level("auc_frame", one))
                store.write_scores(key, evaluation.key, one)
                store.write_evaluation(evaluation)
            (folder / "record.json").write_text(_record(key, spec).model_dump_json(indent=1))
            write_checksums(folder)


def _record(key: str, spec: RunSpec) -> RunRecord:
    return RunRecord(
        key=key,
        spec=spec,
        looks=(),
        selected={"last": spec.training.steps},
        oracle_test_hash=None,
        deviations=(),
        dim=8,
        object_classes=0,
        parameters=100,
        seconds=1.0,
        finished=FINISHED,
        environment=ENVIRONMENT,
    )


def _evaluation(key: str, target: PlannedDataset, metrics: dict[str, float | None], chance: float) -> Evaluation:
    return Evaluation(
        key=evaluation_key(key, "last", target.test_hash),
        run_key=key,
        selection="last",
        step=40,
        dataset=target.name,
        test_hash=target.test_hash,
        metric="auc_frame",
        metrics=metrics,
        chance=chance,
        finished=FINISHED,
    )
