"""How far thresholds carry that were chosen on held-out training videos: what comes of them on test videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import RATES
from benchmark.runs.records import AnnotatedEvents, ChosenThresholds, thresholds_name
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.events import EventNumber, event_number, resample_transfers
from benchmark.tables.compared import Seeds, read_scores
from benchmark.terms import Selection


@dataclass(frozen=True)
class Transfer:
    """The thresholds of a table's rows that were trained on one dataset, on the test videos of another or the same.

    Attributes
    ----------
    chosen
        Row -> what was chosen for each seed; empty where a run has none, or the events of a dataset are not stored.
    numbers
        Row -> measure -> what comes of the thresholds, see `came_name` and `met_name`; only where every seed has one.
    """

    train: str
    test: str
    chosen: Mapping[str, Sequence[ChosenThresholds]]
    numbers: Mapping[str, Mapping[str, EventNumber]]


def came_name(rate: int) -> str:
    """Return what the false alarms per hour are called that come of a threshold chosen for so many."""
    return f"false_alarms_per_hour_at_threshold_for_{rate}_per_hour"


def met_name(rate: int) -> str:
    """Return what the share of events is called that a threshold chosen for so many false alarms per hour meets."""
    return f"event_recall_at_threshold_for_{rate}_per_hour"


def move_thresholds(
    plan: TablePlan, columns: Mapping[tuple[str, str], Sequence[Seeds]], store: RunStore, selection: Selection
) -> tuple[Transfer, ...]:
    """Return what comes of the thresholds of a table's rows; see `benchmark.tables.event_columns.measure_events`."""
    events = {dataset.name: store.events(dataset.test_hash) for dataset in plan.datasets}
    found = []
    for (train, test), evaluations in columns.items():
        source, target = events[train], events[test]
        rows = {row.label: seeds for row, seeds in zip(plan.rows, evaluations, strict=True)}
        if source is None or target is None:
            found.append(Transfer(train, test, dict.fromkeys(rows, ()), {row: {} for row in rows}))
            continue
        chosen = {row: _chosen(seeds, source, plan.join, store, selection) for row, seeds in rows.items()}
        numbers = {row: _numbers(seeds, chosen[row], target, plan.join, store) for row, seeds in rows.items()}
        found.append(Transfer(train, test, chosen, numbers))
    return tuple(found)


def _chosen(
    seeds: Seeds, source: AnnotatedEvents, join: float, store: RunStore, selection: Selection
) -> list[ChosenThresholds]:
    """Return the thresholds of each seed; none at all unless every one has some."""
    records = [record for run, _ in seeds if (record := store.record(run)) is not None]
    names = [thresholds_name(record, selection, source.fps, join) for record in records]
    found = [store.derived("thresholds", name, ChosenThresholds) for name in names]
    kept = [chosen for chosen in found if chosen is not None]
    return kept if len(kept) == len(seeds) else []


def _numbers(
    seeds: Seeds, chosen: Sequence[ChosenThresholds], target: AnnotatedEvents, join: float, store: RunStore
) -> dict[str, EventNumber]:
    scored = read_scores(seeds, store) if chosen else []
    alarms = [Alarms.find(one, target.intervals, target.fps, join) for one in scored]
    numbers: dict[str, EventNumber] = {}
    for rate in RATES:
        thresholds = [threshold for found in chosen if (threshold := found.thresholds[rate]) is not None]
        if alarms and len(thresholds) == len(alarms):
            came, met = resample_transfers(list(zip(alarms, thresholds, strict=True)), scored[0].labels)
            numbers |= {came_name(rate): event_number(came), met_name(rate): event_number(met)}
    return numbers
