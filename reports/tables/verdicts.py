"""What a table says, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.statistics.differences import Difference
from benchmark.system.amounts import count
from benchmark.tables.cells import Cell, Table
from reports.tables.grid import columns, signed
from reports.tables.paths import without_folders

MOST_NAMES = 4
"""Rows or columns that a sentence names; more are counted."""
NOT_COMPARED = "; not compared, which takes stored scores and a label with two test videos"


def verdicts(table: Table) -> Iterator[str]:
    """Say what a table shows: where tested where trained a sentence per column, else one per row.

    Rows are told apart as in the table itself: by differences whose p-values are adjusted for their number.
    """
    if not any(cell.summary for cell in table.cells):
        reason = next((cell.reason for cell in table.cells if cell.reason), "no run is stored yet")
        yield f"No number: {without_folders(reason)}."
    elif table.plan.subject is not None:
        yield from _by_subject(table)
    elif table.plan.protocol == "cross":
        yield from _by_row(table)
    else:
        yield from _by_column(table)


def _by_column(table: Table) -> Iterator[str]:
    """Say for each dataset which row is best, and which ones cannot be told from it."""
    seeds = table.plan.seeds
    for title, source, target in columns(table):
        cells = [table.cell(row.label, source.name, target.name) for row in table.plan.rows]
        compared = [cell for cell in cells if cell.standing]
        best = [cell for cell in compared if cell.standing == "best"]
        alike = [cell for cell in compared if cell.standing == "indistinguishable"]
        others = [cell for cell in cells if cell.summary and not cell.standing]
        if len(compared) > 1:
            more = f"; not compared, for lack of stored scores: {_numbers(others, seeds)}" if others else ""
            once = any(cell.summary and cell.summary.n == 1 for cell in compared)
            caveat = "; with one seed, which is taken as given" if once else ""
            yield f"{title}: best is {_numbers(best, seeds)}{_rest(alike, len(compared) - 1, seeds)}{caveat}{more}."
        else:
            yield f"{title}: {_numbers(cells, seeds) or 'no number'}{_not_compared(cells)}."


def _not_compared(cells: Sequence[Cell]) -> str:
    """Say why several rows have numbers and no differences; empty where that is not so."""
    numbers, compared = sum(bool(cell.summary) for cell in cells), sum(bool(cell.standing) for cell in cells)
    return NOT_COMPARED if numbers > 1 >= compared else ""


def _rest(alike: Sequence[Cell], others: int, seeds: int) -> str:
    if not alike:
        return f", distinguishable from {'the other' if others == 1 else f'the other {others}'}"
    if len(alike) <= MOST_NAMES:
        return f", not distinguishable from {_numbers(alike, seeds)}"
    return f", not distinguishable from {'any' if len(alike) == others else len(alike)} of the other {others}"


def _by_row(table: Table) -> Iterator[str]:
    """Say for each row where it is better and where worse than the row that it is compared with."""
    gaps: dict[tuple[str, str], list[tuple[str, Difference]]] = {}
    for _, s, t in columns(table):
        place = s.name if s == t else f"{s.name} → {t.name}"
        for shown in table.differences(s.name, t.name):
            gaps.setdefault((shown.one, shown.other), []).append((place, shown))
    for (one, other), found in gaps.items():
        clear = [(place, shown.gap) for place, shown in found if shown.significant]
        better = [(place, gap) for place, gap in clear if gap > 0]
        worse = [(place, gap) for place, gap in clear if gap <= 0]
        parts = [f"{word} on {_places(named)}" for word, named in (("better", better), ("worse", worse)) if named]
        left = len(found) - len(clear)
        if left:
            parts.append(f"not distinguishable on {'any' if not clear else f'the other {left}'}")
        yield f"{one} against {other}, in {count(len(found), 'column')}: {'; '.join(parts)}."
    if not gaps:
        yield from (
            f"{title}: {text}." for title, s, t in columns(table) if (text := _row_numbers(table, s.name, t.name))
        )


def _by_subject(table: Table) -> Iterator[str]:
    """Say for each dataset how the method that the table is about compares with each other one."""
    for title, source, target in columns(table):
        found = [d for d in table.differences(source.name, target.name) if d.one == table.plan.subject]
        if not found:
            cells = [table.cell(row.label, source.name, target.name) for row in table.plan.rows]
            text = _numbers(cells, table.plan.seeds) or "no number"
            yield f"{title}: {text}{_not_compared(cells) or '; nothing to compare'}."
            continue
        parts = [
            *(_clearly(shown, "better than") for shown in found if shown.significant and shown.gap > 0),
            *(_clearly(shown, "worse than") for shown in found if shown.significant and shown.gap <= 0),
            *(_not_clearly(shown) for shown in found if not shown.significant),
        ]
        once = "" if all(shown.covers_seeds for shown in found) else "; with one seed, which is taken as given"
        yield f"{title}: {table.plan.subject} is {'; '.join(parts)}{once}."


def _clearly(shown: Difference, how: str) -> str:
    low, high = sorted((abs(shown.ci_low), abs(shown.ci_high)))
    return f"{how} {shown.other} by {100 * abs(shown.gap):.1f} (95 % interval {100 * low:.1f} to {100 * high:.1f})"


def _not_clearly(shown: Difference) -> str:
    interval = f"{signed(100 * shown.ci_low)} to {signed(100 * shown.ci_high)}"
    adjusted = ", p adjusted for several comparisons" if shown.ci_low * shown.ci_high > 0 else ""
    return f"not distinguishable from {shown.other} ({signed(100 * shown.gap)}, 95 % interval {interval}{adjusted})"


def _row_numbers(table: Table, train: str, test: str) -> str:
    return _numbers([table.cell(row.label, train, test) for row in table.plan.rows], table.plan.seeds)


def _numbers(cells: Sequence[Cell], seeds: int) -> str:
    """Name rows with their means, and how many seeds they have where these are fewer than planned."""
    return ", ".join(
        f"{cell.row} ({100 * cell.summary.mean:.1f}{f', n = {cell.summary.n}' if cell.summary.n < seeds else ''})"
        for cell in cells
        if cell.summary
    )


def _places(found: Sequence[tuple[str, float]]) -> str:
    if len(found) > MOST_NAMES:
        return str(len(found))
    return ", ".join(f"{place} ({signed(100 * gap)})" for place, gap in found)
