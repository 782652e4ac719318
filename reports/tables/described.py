"""What the methods of a table are: what they cost, what they are told, and what was published of them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.runs.table_plan import PlannedDataset, PlannedRow
from benchmark.tables.cells import Table
from reports.tables.captions import TOLD
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow

COLUMNS = (
    "parameters",
    "multiply-adds per snippet",
    "training, seconds",
    "snippets scored per second",
    "told",
    "fidelity",
    "reported (features)",
)
TITLE = "What the methods are"
CAPTION = (
    f"{TITLE}. Seconds and speeds are wall-clock times of the machine that trained, where other runs may have kept the "
    "other cores busy; multiply-adds are for one crop, with all inputs that a method accepts.",
    "Reported figures are in percent and rest on the features named, not on those of this table; most were chosen on "
    "the test set.",
)


def methods_grid(table: Table) -> Grid | None:
    """Return the methods with what is said of them, by training dataset; None for a table that does not say it."""
    if not any(row.card for row in table.plan.rows):
        return None
    groups = (GridGroup(dataset.name, tuple(_rows(table, dataset))) for dataset in table.plan.datasets)
    return Grid("", "method", COLUMNS, tuple(groups))


def _rows(table: Table, dataset: PlannedDataset) -> Iterator[GridRow]:
    costs = {cost.row: cost for cost in table.costs if cost.dataset == dataset.name}
    for row in table.plan.rows:
        cost, card = costs.get(row.label), row.card
        multiply_adds = card.multiply_adds.get(dataset.name) if card else None
        speed = cost.snippets_per_second if cost else None
        told = TOLD[row.supervision.get(dataset.name, "weak")] if dataset.name not in row.unfit else EMPTY
        yield GridRow(
            row.label,
            (
                GridCell(f"{cost.parameters:,}" if cost else EMPTY),
                GridCell(EMPTY if multiply_adds is None else f"{multiply_adds:,}"),
                GridCell(f"{cost.seconds:.1f}" if cost else EMPTY),
                GridCell(EMPTY if speed is None else f"{speed:,.0f}"),
                GridCell("", told),
                GridCell("", (card.fidelity if card else "") or EMPTY),
                GridCell("", _reported(row, dataset) or EMPTY),
            ),
        )


def _reported(row: PlannedRow, dataset: PlannedDataset) -> str:
    figures = [figure for figure in (row.card.reported if row.card else ()) if figure.dataset == dataset.name]
    return "; ".join(
        f"{figure.value:g} ({figure.features}{figure.source and f', as in {figure.source}'})" for figure in figures
    )
