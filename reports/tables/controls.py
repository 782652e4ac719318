"""Controls under a table: what scores without training reach, and training on labels that say nothing."""

from __future__ import annotations

from benchmark.tables.cells import Table
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow, dataset_title, result

TITLE = "Controls"
CAPTION = (
    f"{TITLE}, in percent: scores that need no training, and the table's first method trained on video labels that "
    "were dealt out at random. A random score per video is the mean of 100 draws. One that is far from chance, on "
    "either side, is a shortcut that a method may take.",
)


def control_grid(table: Table) -> Grid | None:
    """Return the controls that are stored; None without any."""
    plan = table.plan
    rows = [GridRow(name, tuple(_value(value) for value in values)) for name, values in table.controls]
    if plan.shuffled is not None and any(cell.summary for cell in table.shuffled):
        rows.append(GridRow(plan.shuffled.label, tuple(result(cell, plan.seeds) for cell in table.shuffled)))
    headers = tuple(dataset_title(dataset) for dataset in plan.datasets)
    return Grid("", "control", headers, (GridGroup("", tuple(rows)),)) if rows else None


def _value(value: float | None) -> GridCell:
    return GridCell(EMPTY if value is None else f"{100 * value:.2f}")
