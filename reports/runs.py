"""What single runs say: their metrics, and how the runs of tables stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from rich.table import Table as RichTable

from benchmark.plans import TablePlan
from benchmark.records import Evaluation, Failure, RunRecord, Trouble, trouble_line
from benchmark.runs import RunStore

if TYPE_CHECKING:
    import pandas as pd

Standing = Failure | Literal["done", "missing"]
"""How a run stands: it is there, it did not succeed the last time, or it was never done."""

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


def find_standing(plans: Sequence[TablePlan], store: RunStore) -> dict[str, Standing]:
    """Return how each run of some plans stands; each is looked up once, whichever tables need it."""
    keys = dict.fromkeys(key for plan in plans for key in plan.run_keys())
    return {key: "done" if store.record(key) else store.failure(key) or "missing" for key in keys}


def status_table(plans: Sequence[TablePlan], standing: Mapping[str, Standing]) -> RichTable:
    """Return for each table and row how many runs are done, how many ended otherwise, and how many are missing."""
    words = {key: how.status if isinstance(how, Failure) else how for key, how in standing.items()}
    occurring = set(words.values())
    counted = ["done", *(status for status in get_args(Trouble) if status in occurring), "missing"]
    grid = RichTable("table", "folder", "method", "trained on")
    for word in counted:
        grid.add_column(word, width=len(word))  # a known width spares measuring a thousand rows
    grid.add_column("run keys")
    for plan in plans:
        for row in plan.all_rows():
            for dataset, keys in row.runs.items():
                number = Counter(words[key] for key in keys)
                numbers = (str(number[word]) for word in counted)
                grid.add_row(plan.table, plan.folder, row.label, dataset, *numbers, " ".join(keys))
    return grid


def trouble_lines(standing: Mapping[str, Standing]) -> list[str]:
    """Say of each run that gave no result why."""
    return [trouble_line(how.status, how.spec, how.reason) for how in standing.values() if isinstance(how, Failure)]
