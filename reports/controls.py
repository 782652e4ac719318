"""Controls under a table: what scores without training reach, and training on labels that say nothing."""

from __future__ import annotations

from benchmark.cells import Table
from benchmark.statistics import Summary
from reports.grid import EMPTY, Grid, GridCell, GridGroup, GridRow, dataset_title

TITLE = "Controls"
CAPTION = (
    f"{TITLE}, in percent: scores that need no training, and the table's first method trained on video labels that "
    "were dealt out at random. A random score per video is the mean of 100 draws.",
)


def control_grid(table: Table) -> Grid | None:
    """Return the controls that are stored; None without any."""
    rows = [
        GridRow(name, tuple(_cell(value) for value in values))
        for name, values in table.controls
        if any(value is not None for value in values)
    ]
    headers = tuple(dataset_title(dataset) for dataset in table.plan.datasets)
    return Grid("", "control", headers, (GridGroup("", tuple(rows)),)) if rows else None


def _cell(value: Summary | None) -> GridCell:
    if value is None:
        return GridCell(EMPTY)
    return GridCell(f"{100 * value.mean:.2f}", f"± {100 * value.std:.2f}" if value.std is not None else "")
