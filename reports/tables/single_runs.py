"""What single runs say: their metrics, and how the runs of tables stand."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from benchmark.metrics.undefined import why_undefined
from benchmark.runs.records import Evaluation, Failure, RunRecord, evaluation_key, trouble_line
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.terms import Trouble
from reports.tables.grid import EMPTY

if TYPE_CHECKING:
    import pandas as pd

RunStanding = Failure | Literal["done", "missing"]
"""How a run stands: it is there, it did not succeed the last time, or it was never done."""


@dataclass(frozen=True)
class PlannedRuns:
    """The runs of a table's row on a dataset: run key -> how it stands."""

    plan: TablePlan
    label: str
    dataset: str
    standing: dict[str, RunStanding]


@dataclass(frozen=True)
class Metrics:
    """All metrics of runs, and below them why some are undefined."""

    grid: RichTable
    notes: tuple[str, ...]


MOST_LISTED = 200
"""Rows that are listed one by one where no table is named."""

GIVEN = "as given"
"""Stands where a selection does, for weights that were not selected here."""


def metrics_table(plan: TablePlan, store: RunStore) -> Metrics:
    """Return all metrics of the runs of a plan, mean ± sample standard deviation over seeds, by selection."""
    evaluations = [e for key in plan.run_keys() for e in store.evaluations(key)]
    names = {dataset.test_hash: dataset.name for dataset in plan.datasets}
    shown = [e.model_copy(update={"dataset": names[e.test_hash]}) for e in evaluations if e.test_hash in names]
    return _metrics(_rows(shown), "all metrics, in percent")


def evaluation_table(record: RunRecord, evaluations: Sequence[Evaluation]) -> Metrics:
    """Return all metrics of one run, by selection."""
    spec = record.spec
    return _metrics(
        _rows(evaluations),
        f"{spec.title} trained on {spec.dataset}, seed {spec.seed} (run {record.key}), in percent",
    )


def weights_table(what: str, dataset: str, metrics: Mapping[str, float | None]) -> Metrics:
    """Return all metrics of weights that are no run of ours."""
    rows = [(dataset, name, GIVEN, value) for name, value in metrics.items()]
    return _metrics(rows, f"{what}, in percent")


_Row = tuple[str, str, str, float | None]
"""Dataset, metric, selection and value; None where the metric is undefined there."""


def _rows(evaluations: Iterable[Evaluation]) -> list[_Row]:
    return [(e.dataset, name, e.selection, value) for e in evaluations for name, value in e.metrics.items()]


def _metrics(rows: Sequence[_Row], title: str) -> Metrics:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["dataset", "metric", "selection", "value"]).astype({"value": float})
    grid = RichTable("tested on", "metric", title=title, title_justify="left")
    selections = [s for s in ("last", "validation", "oracle", GIVEN) if s in set(frame["selection"])]
    for selection in selections:
        grid.add_column(selection, justify="right")
    for (dataset, metric), group in frame.groupby(["dataset", "metric"], sort=False):
        values = [group.loc[group["selection"] == s, "value"] for s in selections]
        grid.add_row(str(dataset), str(metric), *(_mean_and_deviation(v) for v in values))
    undefined: dict[str, list[str]] = {}
    for name, metric in dict.fromkeys((name, metric) for name, metric, _, value in rows if value is None):
        undefined.setdefault(name, []).append(metric)
    notes = (f"{EMPTY} {why_undefined(metrics, name)}." for name, metrics in undefined.items())
    return Metrics(grid, tuple(notes))


def _mean_and_deviation(values: pd.Series) -> str:
    if values.isna().all():
        return EMPTY
    text = f"{100 * values.mean():.2f}"
    return f"{text} ± {100 * values.std(ddof=1):.2f}" if len(values) > 1 else text


def find_standing(plans: Sequence[TablePlan], store: RunStore) -> list[PlannedRuns]:
    """Return for each table and row how its runs stand."""
    found = []
    for plan in plans:
        hashes = {dataset.name: dataset.test_hash for dataset in plan.datasets}
        for row in plan.all_rows():
            for dataset, keys in row.runs.items():
                tests = [tested.test_hash for tested in plan.tested_on(row, dataset)]
                standing = {key: _stand(store, key, hashes[dataset], tests) for key in keys}
                found.append(PlannedRuns(plan, row.label, dataset, standing))
    return found


def status_table(planned: Sequence[PlannedRuns], keys: bool) -> RichTable:
    """Return for each table and row how many runs are done, how many ended otherwise, and how many are missing.

    Parameters
    ----------
    keys
        Whether to list the keys of the runs too. Without them, many rows of a table are counted in one.
    """
    listed = planned if keys or len(planned) <= MOST_LISTED else _by_dataset(planned)
    numbers = [Counter(map(_word, runs.standing.values())) for runs in listed]
    counted = [
        "done",
        *(status for status in get_args(Trouble) if any(number[status] for number in numbers)),
        "missing",
    ]
    grid = RichTable(*(Column(name, overflow="fold") for name in ("table", "folder", "method", "trained on")))
    for word in counted:
        grid.add_column(word, justify="right")
    if listed is not planned:
        grid.caption, grid.caption_justify = (
            f"{len(planned)} rows, counted together. `wvad status TABLE` lists them.",
            "left",
        )
    if keys:
        grid.add_column("run keys", overflow="fold", min_width=16)
    for runs, number in zip(listed, numbers, strict=True):
        shown = (str(number[word]) for word in counted)
        cells = (runs.plan.table, runs.plan.folder, runs.label, runs.dataset, *shown)
        grid.add_row(*map(Text, (*cells, " ".join(runs.standing)) if keys else cells))
    return grid


def _by_dataset(planned: Sequence[PlannedRuns]) -> list[PlannedRuns]:
    """Put the rows of a table that are trained on the same dataset together: the runs of all of them."""
    groups: dict[tuple[int, str], list[PlannedRuns]] = {}
    for runs in planned:
        groups.setdefault((id(runs.plan), runs.dataset), []).append(runs)
    return [
        rows[0]
        if len(rows) == 1
        else PlannedRuns(
            rows[0].plan,
            f"{len(rows)} rows",
            rows[0].dataset,
            {key: how for row in rows for key, how in row.standing.items()},
        )
        for rows in groups.values()
    ]


def trouble_lines(planned: Sequence[PlannedRuns]) -> list[str]:
    """Say of each run that gave no result why, once however many tables need it."""
    troubles = {key: how for runs in planned for key, how in runs.standing.items() if isinstance(how, Failure)}
    return [trouble_line(how.status, how.spec, how.reason) for how in troubles.values()]


def undefined_lines(planned: Sequence[PlannedRuns], store: RunStore) -> list[str]:
    """Say of each test set on which runs are judged by a metric that is undefined there, why."""
    lines = dict.fromkeys(
        why_undefined([e.metric], dataset.name)
        for runs in planned
        for key in itertools.islice((key for key, how in runs.standing.items() if how == "done"), 1)
        for e in store.evaluations(key)
        for dataset in runs.plan.datasets
        if e.test_hash == dataset.test_hash and e.metrics.get(e.metric) is None
    )
    return list(lines)


def _word(standing: RunStanding) -> str:
    return standing.status if isinstance(standing, Failure) else standing


def _stand(store: RunStore, key: str, own: str, tests: Sequence[str]) -> RunStanding:
    """Return how a run stands, by the hashes of the test parts of its training dataset and of all it is tested on."""
    record = store.record(key)
    if record is not None and (record.spec.imported or _is_evaluated(store, record, own, tests)):
        return "done"  # imported scores are as they came
    return store.failure(key) or "missing"


def _is_evaluated(store: RunStore, record: RunRecord, own: str, tests: Sequence[str]) -> bool:
    keys = (evaluation_key(record.key, selection, test) for test in tests for selection in record.selections(own))
    return all(store.evaluation(record.key, key) is not None for key in keys)
