"""The differences of a table as they are shown: which row less which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmark.statistics.differences import SIGNIFICANCE
from benchmark.tables.cells import Table


@dataclass(frozen=True)
class ShownGap:
    """Difference of two rows in one column, one - other, as fractions.

    Attributes
    ----------
    p
        Adjusted by Holm for all differences of the table.
    """

    one: str
    other: str
    gap: float
    ci_low: float
    ci_high: float
    p: float
    covers_seeds: bool

    @property
    def clear(self) -> bool:
        """Whether the difference is significant."""
        return self.p <= SIGNIFICANCE


def shown_gaps(table: Table, train: str, test: str) -> Iterator[ShownGap]:
    """Iterate over the differences in a column: of each row to its own other, or of a table's subject to each row."""
    for row in table.plan.rows:
        cell = table.cell(row.label, train, test)
        gap, p = cell.gap, cell.p_adjusted
        if gap is None or p is None:
            continue
        if table.plan.subject is None:
            yield ShownGap(row.label, str(row.against), gap.gap, gap.ci_low, gap.ci_high, p, gap.covers_seeds)
        else:
            yield ShownGap(table.plan.subject, row.label, -gap.gap, -gap.ci_high, -gap.ci_low, p, gap.covers_seeds)
