"""The differences between a table's rows, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.cells import Cell, Table
from reports.grid import EMPTY, Grid, GridCell, GridGroup, GridRow, dataset_title

TITLE = "Differences"
CAPTION = (
    f"{TITLE} between rows, in points, with 95 % intervals: a paired bootstrap over the test videos, with the variance "
    "of the seeds on top (docs/statistics.md). Each interval stands for itself; p is adjusted by Holm for all "
    "differences of the table, and bold ones are those with p at most 0.05.",
)
ORACLE = "Chosen on these test labels: the oracle's differences are optimistic, and their p-values too small."
ONE_SEED = "‡ One of the two has one seed: the interval says nothing of other seeds."


def difference_grid(table: Table) -> Grid | None:
    """Return the differences of the rows to those that they are compared with; None without any."""
    if not any(cell.gap for cell in table.cells):
        return None
    plan = table.plan
    if plan.protocol == "in-domain":
        headers = tuple(dataset_title(dataset) for dataset in plan.datasets)
        pairs = [(d.name, d.name) for d in plan.datasets]
        return Grid("", "row, compared with", headers, (GridGroup("", tuple(_rows(table, pairs))),))
    headers = tuple(f"trained on {dataset.name}" for dataset in plan.datasets)
    groups = [
        GridGroup(dataset_title(target), tuple(_rows(table, [(s.name, target.name) for s in plan.datasets])))
        for target in plan.datasets
    ]
    return Grid("tested on", "row, compared with", headers, tuple(groups))


def difference_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks below the differences."""
    one_seed = (ONE_SEED,) if any(cell.gap and not cell.gap.covers_seeds for cell in table.cells) else ()
    return (*one_seed, ORACLE) if table.selection == "oracle" else one_seed


def _rows(table: Table, pairs: Sequence[tuple[str, str]]) -> Iterator[GridRow]:
    for row in table.plan.rows:
        cells = [table.cell(row.label, train, test) for train, test in pairs]
        if any(cell.gap for cell in cells):
            yield GridRow(f"{row.label} − {row.against}", tuple(_gap(cell) for cell in cells))


def _gap(cell: Cell) -> GridCell:
    gap, p = cell.gap, cell.p_adjusted
    if gap is None or p is None:
        return GridCell(EMPTY)
    low, high = (_points(value) for value in (gap.ci_low, gap.ci_high))
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return GridCell(
        _points(gap.gap), f"[{low}, {high}]", marks="" if gap.covers_seeds else "‡", remarks=(shown,), bold=p <= 0.05
    )


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.2f}".replace("-", "−")
