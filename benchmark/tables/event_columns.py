"""The columns of a table by measures of events, read from the run store alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmark.runs.records import AnnotatedEvents
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.differences import Difference, holm
from benchmark.tables.compared import MeasuredColumn, Seeds, measure_column


@dataclass(frozen=True)
class EventColumn:
    """The rows of a table that were trained on one dataset and tested on another, by measures of events.

    Attributes
    ----------
    annotated
        The events of the test videos; None where the store does not have them.
    measured
        None where no row has stored scores, or the events are not known.
    differences
        Row -> measure -> the row less the one that it is compared with.
    """

    train: str
    test: str
    annotated: AnnotatedEvents | None
    measured: MeasuredColumn | None
    differences: Mapping[str, Mapping[str, Difference]]


def measure_events(
    plan: TablePlan, columns: Mapping[tuple[str, str], Sequence[Seeds]], store: RunStore
) -> tuple[EventColumn, ...]:
    """Measure the rows of a table by events; p-values are adjusted for all differences of events of the table.

    Parameters
    ----------
    columns
        Dataset trained on and dataset tested on -> the evaluations of each row, in order.
    """
    hashes = {dataset.name: dataset.test_hash for dataset in plan.datasets}
    found = []
    for (train, test), evaluations in columns.items():
        annotated = store.events(hashes[test])
        measured = annotated and measure_column(evaluations, plan.others(), annotated, plan.join, store)
        found.append((train, test, annotated, measured or None))
    gaps = [gap for *_, m in found for row in (m.rows if m else ()) if row for gap in row.gaps.values()]
    adjusted = iter(holm([gap.p for gap in gaps]))
    return tuple(EventColumn(*of, _differences(plan, of[3], adjusted)) for of in found)


def _differences(
    plan: TablePlan, measured: MeasuredColumn | None, adjusted: Iterator[float]
) -> dict[str, dict[str, Difference]]:
    """Name the rows of the differences of a column, and give them their adjusted p-values."""
    differences: dict[str, dict[str, Difference]] = {}
    for row, found in zip(plan.rows, measured.rows if measured else (), strict=measured is not None):
        for name, gap in found.gaps.items() if found else ():
            named = {"one": row.label, "other": row.against, "p": next(adjusted)}
            differences.setdefault(row.label, {})[name] = gap.model_copy(update=named)
    return differences
