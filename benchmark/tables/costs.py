"""What the runs of a table cost, read from the run store."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from benchmark.runs.records import RunRecord, evaluation_key
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.terms import Selection


@dataclass(frozen=True)
class Cost:
    """What the runs of a row on a dataset cost.

    Attributes
    ----------
    parameters
        Number of trained parameters.
    seconds
        Wall-clock time of a training, the mean over seeds.
    snippets_per_second
        How many test snippets are scored in a second, reading them included, the mean over seeds; None where it was not
        measured.
    """

    row: str
    dataset: str
    parameters: int
    seconds: float
    snippets_per_second: float | None


def find_costs(plan: TablePlan, store: RunStore, selection: Selection) -> tuple[Cost, ...]:
    """Find what the finished runs of a table cost; a row without any on a dataset is left out."""
    found = []
    for row in plan.rows:
        for dataset in plan.datasets:
            records = [record for key in row.runs[dataset.name] if (record := store.record(key)) is not None]
            if not records:
                continue
            speeds = [_speed(record, dataset.test_hash, store, selection) for record in records]
            measured = [speed for speed in speeds if speed is not None]
            found.append(
                Cost(
                    row=row.label,
                    dataset=dataset.name,
                    parameters=records[0].parameters,
                    seconds=fmean(record.seconds for record in records),
                    snippets_per_second=fmean(measured) if measured else None,
                )
            )
    return tuple(found)


def _speed(record: RunRecord, test_hash: str, store: RunStore, selection: Selection) -> float | None:
    evaluation = store.evaluation(record.key, evaluation_key(record.key, selection, test_hash))
    return evaluation.snippets_per_second if evaluation else None
