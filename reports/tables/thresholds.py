"""Below a table that asks for thresholds: what comes of those that were chosen on held-out training videos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import fmean

from benchmark.metrics.events import RATES
from benchmark.statistics.events import EventNumber
from benchmark.system.amounts import count
from benchmark.tables.cells import Table
from benchmark.tables.transfers import came_name, met_name
from reports.tables.events import as_number, as_percent, number_cell
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow

TITLE = "Thresholds that were not chosen on the test"
CAPTION = (
    f"{TITLE}: the lowest one down to which the normal training videos that a run held out give at most so many false "
    "alarms per hour, and what comes of it on test videos: false alarms per hour outside events, mean ± sample "
    "standard deviation over seeds, in brackets 95 % intervals if other test videos were drawn, then the share of the "
    "events that is met, in percent.",
)


def threshold_grid(table: Table) -> Grid | None:
    """Return what comes of the thresholds; None where none is chosen."""
    groups = []
    for transfer in table.transfers:
        rows = tuple(
            GridRow(label, tuple(_cells(transfer.numbers[label], table.plan.seeds)))
            for label, found in transfer.chosen.items()
            if found
        )
        if rows:
            groups.append(GridGroup(f"{transfer.train} → {transfer.test}", rows))
    return Grid("", "method", tuple(f"chosen for {rate}/h" for rate in RATES), tuple(groups)) if groups else None


def _cells(numbers: Mapping[str, EventNumber], seeds: int) -> Iterator[GridCell]:
    for rate in RATES:
        if came_name(rate) not in numbers:
            yield GridCell(EMPTY)
            continue
        shown = number_cell(numbers[came_name(rate)], as_number, seeds)
        met = number_cell(numbers[met_name(rate)], as_percent, seeds)
        yield replace(shown, remarks=(f"{met.value} met", *shown.remarks))


def threshold_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks below the thresholds: what they were chosen on, and why some are lacking."""
    lines = []
    for dataset in table.plan.datasets:
        found = [c for t in table.transfers if t.train == dataset.name for of in t.chosen.values() for c in of]
        if not found:
            continue
        hours = fmean(chosen.hours for chosen in found)
        segments = "" if hours else "; videos that are stored as segments have no alarms to count"
        lines.append(
            f"{dataset.name}: chosen on {fmean(chosen.videos for chosen in found):.0f} normal videos of "
            f"{60 * hours:.1f} minutes, mean over runs{segments}."
        )
        lacking = [rate for rate in RATES if any(chosen.thresholds[rate] is None for chosen in found)]
        if lacking:
            needs = ", ".join(f"{rate}/h needs {count(60 // rate, 'minute')}" for rate in lacking)
            lines.append(f"{EMPTY} trained on {dataset.name}: a threshold for {needs} of held-out normal videos.")
    return tuple(lines)


def missing_thresholds(table: Table) -> tuple[str, ...]:
    """Return a remark on rows with results that have no thresholds, for below the table itself."""
    lacking = dict.fromkeys(
        f"{row} on {transfer.train}"
        for transfer in table.transfers
        for row, of in transfer.chosen.items()
        if not of and table.cell(row, transfer.train, transfer.train).summary
    )
    advice = (
        "the command that made the table chooses them with --measures thresholds, and trains nothing anew"
        if table.plan.holdout
        else "their runs held out no training videos, those of the command with --measures thresholds --holdout 0.2 do"
    )
    return (f"No thresholds: {', '.join(lacking)}; {advice}.",) if lacking else ()
