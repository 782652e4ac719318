"""The numbers of a table: what a call's parent run opens on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.runs.records import Evaluation, evaluation_key
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.over_seeds import summarise
from benchmark.terms import Selection
from benchmark.tracking.content import SELECTIONS, distinct, milliseconds

if TYPE_CHECKING:
    from mlflow.entities import Metric


def means(plan: TablePlan, store: RunStore) -> list[Metric]:
    """Return the mean of the primary metric over seeds, of each row where it was trained and tested, by selection.

    Each is named ``SELECTION mean/METRIC/DATASET/ROW``, where trained elsewhere ``.../DATASET from OTHER/ROW``, and has
    the time of its latest evaluation. So one that is logged again adds nothing, and the latest one counts. MLflow lists
    them in this order: in front are those of the last step where a row was trained.
    """
    from mlflow.entities import Metric

    found: list[tuple[tuple[int, bool], str, float, int]] = []
    for row in plan.all_rows():
        for source in plan.datasets:
            runs = _Runs(row.runs[source.name], source.test_hash, store)
            for target in plan.tested_on(row, source.name):
                where = target.name if target is source else f"{target.name} from {source.name}"
                for selection in SELECTIONS:
                    tested = runs.tested(selection, target.test_hash)
                    values = [value for e in tested if (value := e.metrics.get(target.metric)) is not None]
                    if values:
                        latest = max(milliseconds(e.finished) for e in tested)
                        place = SELECTIONS.index(selection), target is not source
                        name = f"{selection} mean/{target.metric}/{where}/{row.label}"
                        found.append((place, name, summarise(values).mean, latest))
    found.sort(key=lambda mean: mean[0])
    given = distinct(name for _, name, _, _ in found)
    return [Metric(given[name], value, time, 0) for _, name, value, time in found]


class _Runs:
    """The runs of a row on a training dataset, each read once."""

    def __init__(self, keys: Sequence[str], test_hash: str, store: RunStore) -> None:
        records = [record for key in keys if (record := store.record(key)) is not None]
        self._selections = {record.key: record.selections(test_hash) for record in records}
        self._evaluations = {e.key: e for key in self._selections for e in store.evaluations(key)}

    def tested(self, selection: Selection, test_hash: str) -> list[Evaluation]:
        """Return the evaluations that count; an oracle that was chosen on other test labels does not."""
        chosen = [key for key, selections in self._selections.items() if selection in selections]
        keys = (evaluation_key(key, selection, test_hash) for key in chosen)
        return [self._evaluations[key] for key in keys if key in self._evaluations]
