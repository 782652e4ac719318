"""The differences between a table's rows, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.statistics.differences import SIGNIFICANCE, Difference
from benchmark.tables.cells import Table
from reports.tables.grid import Grid, GridCell, GridGroup, GridRow, columns, interval, signed

TITLE = "Differences"
HEADERS = ("difference", "95 % interval", "p")
CAPTION = (
    f"{TITLE} between rows, in points, with 95 % intervals: a paired bootstrap over the test videos, with the variance "
    "of the seeds on top (docs/statistics.md). Each interval stands for itself; p is adjusted by Holm for all "
    "differences of the table, and bold ones are those with p at most 0.05.",
)
ORACLE = "Chosen on these test labels: the oracle's differences are optimistic, and their p-values too small."
ONE_SEED = "‡ One of the two has one seed: the interval says nothing of other seeds."


def difference_grid(table: Table) -> Grid | None:
    """Return the differences of the rows to those that they are compared with; None without any."""
    groups = (GridGroup(title, tuple(_rows(table, s.name, t.name))) for title, s, t in columns(table))
    filled = tuple(group for group in groups if group.rows)
    return Grid("", "row, compared with", HEADERS, filled) if filled else None


def difference_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks below the differences."""
    one_seed = (ONE_SEED,) if any(c.difference and not c.difference.covers_seeds for c in table.cells) else ()
    return (*one_seed, ORACLE) if table.selection == "oracle" else one_seed


def difference_cells(shown: Difference, scale: float = 100) -> tuple[GridCell, ...]:
    """Return a difference, its interval and its p-value, below `HEADERS`.

    Parameters
    ----------
    scale
        What a difference and its interval are multiplied by; shares are shown in points.
    """
    return (
        GridCell(signed(scale * shown.gap), marks="" if shown.covers_seeds else "‡", bold=shown.significant),
        GridCell("", interval(scale * shown.ci_low, scale * shown.ci_high)),
        GridCell("", _said_p(shown)),
    )


def _said_p(shown: Difference) -> str:
    """Write a p-value with three decimals, and more where these would put it on the other side of what is clear."""
    if shown.p < 0.001:
        return "< 0.001"
    texts = (f"{shown.p:.{decimals}f}" for decimals in range(3, 20))
    return next(text for text in texts if (float(text) <= SIGNIFICANCE) == shown.significant)


def _rows(table: Table, train: str, test: str) -> Iterator[GridRow]:
    for shown in table.differences(train, test):
        yield GridRow(f"{shown.one} − {shown.other}", difference_cells(shown))
