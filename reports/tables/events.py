"""Below a table that measures events: how many are met, how soon, and at how many false alarms per hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean, stdev

from benchmark.metrics.events import RATES, RECALLS, delay_name, rate_name, recall_name
from benchmark.metrics.undefined import why_undefined
from benchmark.statistics.events import EventNumber
from benchmark.system.amounts import count
from benchmark.tables.cells import Table
from benchmark.tables.compared import MeasuredRow
from benchmark.tables.event_columns import EventColumn
from reports.tables.differences import HEADERS, difference_cells
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow

TITLE = "Events"
DELAYS = "Delays"
DIFFERENCES = "Differences in events"
CAPTION = (
    f"{TITLE}: the share in percent that an alarm meets, as the threshold falls, before false alarms come to more than "
    "so many per hour outside events; then the false alarms per hour when a share is met. Mean ± sample standard "
    "deviation over seeds, in brackets 95 % intervals if other test videos were drawn (docs/statistics.md).",
)
DELAY_CAPTION = (
    f"{DELAYS}: seconds from an event's start to its first alarm, the median over all events, those that are missed "
    "being the slowest; at so many false alarms per hour outside events. In brackets 95 % intervals, then the share of "
    "the events that is met, in percent.",
)
DIFFERENCE_CAPTION = (
    f"{DIFFERENCES}, with 95 % intervals as among the differences; of shares in points. p is adjusted by Holm for all "
    "differences of events of the table. A delay that some resample does not have is not compared.",
)
RECALL_HEADERS = tuple(f"met at {rate}/h" for rate in RATES)
RATE_HEADERS = tuple(f"false/h at {100 * recall:g} %" for recall in RECALLS)
UNKNOWN = "the events of its test videos are not stored; the command that made the table adds them and trains nothing"


def event_grid(table: Table) -> Grid | None:
    """Return the shares of events met and the false alarms per hour; None where nothing is measured."""

    def cells(row: MeasuredRow) -> Iterator[GridCell]:
        yield from (number_cell(row.numbers[recall_name(rate)], as_percent, table.plan.seeds) for rate in RATES)
        yield from (number_cell(row.numbers[rate_name(recall)], as_number, table.plan.seeds) for recall in RECALLS)

    return _grid(table, (*RECALL_HEADERS, *RATE_HEADERS), cells)


def delay_grid(table: Table) -> Grid | None:
    """Return the median delays, each with the share of events met; None where nothing is measured."""

    def cells(row: MeasuredRow) -> Iterator[GridCell]:
        for rate in RATES:
            met = row.numbers[recall_name(rate)]
            shown = number_cell(row.numbers[delay_name(rate)], as_number, table.plan.seeds)
            mean = _mean(met.values)
            remarks = () if mean is None else (f"{as_percent(mean)} met",)
            yield replace(shown, remarks=(*remarks, *shown.remarks))

    return _grid(table, tuple(f"seconds at {rate}/h" for rate in RATES), cells)


def difference_grid(table: Table) -> Grid | None:
    """Return the differences of the rows to those that they are compared with; None without any."""
    groups = []
    for column in table.events:
        for name, shown in SHOWN.items():
            gaps = table.shown(found[name] for found in column.differences.values() if name in found)
            rows = tuple(GridRow(f"{g.one} − {g.other}", difference_cells(g, shown[1])) for g in gaps)
            if rows:
                groups.append(GridGroup(f"{_title(table, column)}: {shown[0]}", rows))
    return Grid("", "row, compared with", HEADERS, tuple(groups)) if groups else None


def event_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks below the events: what they are of, and what has no number and why."""
    shares = [recall_name(rate) for rate in RATES] + [rate_name(recall) for recall in RECALLS]
    return (*_facts(table), *_reasons(table, shares))


def missing_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks on test sets whose events are not stored, for below the table itself."""
    lacking = dict.fromkeys(column.test for column in table.events if column.annotated is None)
    return tuple(f"{name}: no measures of events: {UNKNOWN}." for name in lacking)


def delay_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks below the delays."""
    return _reasons(table, [delay_name(rate) for rate in RATES])


def _grid(table: Table, headers: Sequence[str], cells: Callable[[MeasuredRow], Iterator[GridCell]]) -> Grid | None:
    groups = []
    for column in table.events:
        rows = column.measured.rows if column.measured else ()
        named = zip((row.label for row in table.plan.rows), rows, strict=column.measured is not None)
        shown = tuple(GridRow(label, tuple(cells(row))) for label, row in named if row)
        groups += [GridGroup(_title(table, column), shown)] if shown else []
    return Grid("", "method", tuple(headers), tuple(groups)) if groups else None


def _title(table: Table, column: EventColumn) -> str:
    return column.test if table.plan.protocol == "in-domain" else f"{column.train} → {column.test}"


def _facts(table: Table) -> Iterator[str]:
    """Say of each test set what its rates are of."""
    for dataset in table.plan.datasets:
        known = ((c.annotated, c.measured) for c in table.events if c.test == dataset.name)
        annotated, found = next((pair for pair in known if all(pair)), (None, None))
        if annotated is None or found is None:
            continue
        assumed = " (assumed; `wvad data add --fps` says it)" if annotated.assumed else ""
        line = (
            f"{dataset.name}: {count(found.events, 'event')}, {60 * found.normal_hours:.1f} minutes outside them at "
            f"{annotated.fps:g} frames per second{assumed}"
        )
        if found.events and found.endless_rate is not None:
            line += f". An alarm that never ends meets all at {found.endless_rate:.1f} false alarms per hour"
        yield f"{line}."
    if table.plan.join:
        yield f"Alarms with at most {table.plan.join:g} s between them are one."


def _reasons(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Say once of each test set which measures some row lacks there, and what they need."""
    lines = []
    for dataset in table.plan.datasets:
        rows = [row for c in table.events if c.test == dataset.name and c.measured for row in c.measured.rows if row]
        lacking = [name for name in names if any(None in row.numbers[name].values for row in rows)]
        lines += [f"{EMPTY} {why_undefined(lacking, dataset.name)}."] if lacking else []
    return tuple(lines)


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean over seeds; None unless each seed has a value."""
    found = [value for value in values if value is not None]
    return fmean(found) if found and len(found) == len(values) else None


def as_percent(value: float) -> str:
    """Write a share in percent, without the sign."""
    return f"{100 * value:.1f}"


def as_number(value: float) -> str:
    """Write a rate or a time."""
    return f"{value:.2f}"


def number_cell(number: EventNumber, say: Callable[[float], str], seeds: int) -> GridCell:
    """Show a measure of events: mean, deviation over seeds, interval, perhaps without upper end, and missing seeds."""
    mean = _mean(number.values)
    if mean is None:
        return GridCell(EMPTY)
    found = [value for value in number.values if value is not None]
    parts = [f"± {say(stdev(found))}"] if len(found) > 1 else []
    if number.ci_low is not None:
        high = "∞" if number.ci_high is None else say(number.ci_high)
        parts.append(f"[{say(number.ci_low)}, {high}]")
    remarks = (f"n = {len(found)}",) if len(found) < seeds else ()
    return GridCell(say(mean), " ".join(parts), remarks=remarks)


SHOWN = {
    **{recall_name(rate): (f"events met at {rate} per hour, in points", 100.0) for rate in RATES},
    **{rate_name(recall): (f"false alarms per hour at {100 * recall:g} % met", 1.0) for recall in RECALLS},
    **{delay_name(rate): (f"delay at {rate} per hour, in seconds", 1.0) for rate in RATES},
}
"""Measure -> what its differences are called, and what they are multiplied by."""
