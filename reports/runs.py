"""What single runs say: their metrics, and which of a table's runs are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table as RichTable

from benchmark.plans import PlannedDataset, TablePlan
from benchmark.records import Evaluation, RunRecord, evaluation_key
from benchmark.runs import RunStore

if TYPE_CHECKING:
    import pandas as pd

GIVEN = "as given"
"""Stands where a selection does, for weights that were not selected here."""


def metrics_table(plan: TablePlan, store: RunStore) -> RichTable:
    """Return all metrics of the runs of a plan, mean ± sample standard deviation over seeds, by selection."""
    evaluations = [e for key in plan.run_keys() for e in store.evaluations(key)]
    names = {dataset.test_hash: dataset.name for dataset in plan.datasets}
    shown = [e.model_copy(update={"dataset": names[e.test_hash]}) for e in evaluations if e.test_hash in names]
    return _metrics(_rows(shown), "all metrics, in percent")


def evaluation_table(record: RunRecord, evaluations: Sequence[Evaluation]) -> RichTable:
    """Return all metrics of one run, by selection."""
    spec = record.spec
    return _metrics(
        _rows(evaluations),
        f"{spec.title} trained on {spec.dataset}, seed {spec.seed} (run {record.key}), in percent",
    )


def weights_table(what: str, dataset: str, metrics: Mapping[str, float | None]) -> RichTable:
    """Return all metrics of weights that are no run of ours."""
    rows = [(dataset, name, GIVEN, value) for name, value in metrics.items() if value is not None]
    return _metrics(rows, f"{what}, in percent")


def _rows(evaluations: Iterable[Evaluation]) -> list[tuple[str, str, str, float]]:
    return [(e.dataset, name, e.selection, v) for e in evaluations for name, v in e.metrics.items() if v is not None]


def _metrics(rows: Sequence[tuple[str, str, str, float]], title: str) -> RichTable:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["dataset", "metric", "selection", "value"])
    grid = RichTable("tested on", "metric", title=title, title_justify="left")
    selections = [s for s in ("last", "validation", "oracle", GIVEN) if s in set(frame["selection"])]
    for selection in selections:
        grid.add_column(selection, justify="right")
    for (dataset, metric), group in frame.groupby(["dataset", "metric"], sort=False):
        values = [group.loc[group["selection"] == s, "value"] for s in selections]
        grid.add_row(str(dataset), str(metric), *(_mean_and_deviation(v) for v in values))
    return grid


def _mean_and_deviation(values: pd.Series) -> str:
    if values.empty:
        return "—"
    text = f"{100 * values.mean():.2f}"
    return f"{text} ± {100 * values.std(ddof=1):.2f}" if len(values) > 1 else text


def status_table(plans: Sequence[TablePlan], store: RunStore) -> RichTable:
    """Return for each table and row which runs are done, which failed and which are missing."""
    grid = RichTable("table", "folder", "method", "trained on")
    for counted in ("done", "failed", "missing"):
        grid.add_column(counted, width=len(counted))  # a known width spares measuring a thousand rows
    grid.add_column("run keys")
    for plan in plans:
        hashes = {dataset.name: dataset.test_hash for dataset in plan.datasets}
        for row in plan.all_rows():
            for dataset, keys in row.runs.items():
                tests = plan.tested_on(row, dataset)
                done = [key for key in keys if _is_done(store, key, hashes[dataset], tests)]
                failed = [key for key in keys if key not in done and store.failure(key)]
                missing = len(keys) - len(done) - len(failed)
                grid.add_row(
                    plan.table,
                    plan.folder,
                    row.label,
                    dataset,
                    str(len(done)),
                    str(len(failed)),
                    str(missing),
                    " ".join(keys),
                )
    return grid


def _is_done(store: RunStore, key: str, own: str, tests: Sequence[PlannedDataset]) -> bool:
    """Return whether a run is stored with all evaluations that its plan asks for; imported scores are as they came."""
    record = store.record(key)
    return record is not None and (
        record.spec.imported
        or all(
            store.evaluation(key, evaluation_key(key, selection, test.test_hash)) is not None
            for test in tests
            for selection in record.selections(own)
        )
    )
