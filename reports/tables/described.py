"""What the methods of a table are: what they cost, what they are told, and what was published of them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.runs.table_plan import PlannedDataset, PlannedRow
from benchmark.tables.cells import Table
from benchmark.tables.costs import Cost
from benchmark.terms import SUPERVISION_NAMES
from reports.tables.cost import whole
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow

COSTS = ("parameters", "multiply-adds per snippet", "training, seconds", "snippets scored per second")
COLUMNS = ("told", "fidelity", "reported (features)")
TITLE = "What the methods are"
CAPTION_OF_COSTS = (
    "Seconds and speeds are wall-clock times of the machine that trained, where other runs may have kept the "
    "other cores busy; multiply-adds are for one crop, with all inputs that a method accepts."
)
CAPTION = (
    "Reported figures are in percent and rest on the features named, not on those of this table; most were chosen on "
    "the test set.",
)


def methods_caption(table: Table) -> tuple[str, ...]:
    """Return the sentences above the methods."""
    return (f"{TITLE}. {CAPTION_OF_COSTS}" if _has_costs(table) else f"{TITLE}.", *CAPTION)


def methods_grid(table: Table) -> Grid | None:
    """Return the methods with what is said of them, by training dataset; None for a table that does not say it."""
    if not table.plan.described:
        return None
    groups = (GridGroup(dataset.name, tuple(_rows(table, dataset))) for dataset in table.plan.datasets)
    return Grid("", "method", (*(COSTS if _has_costs(table) else ()), *COLUMNS), tuple(groups))


def _has_costs(table: Table) -> bool:
    """Return whether costs stand here, and not in a part of their own."""
    return "cost" not in table.plan.measures


def _rows(table: Table, dataset: PlannedDataset) -> Iterator[GridRow]:
    costs = {cost.row: cost for cost in table.costs if cost.dataset == dataset.name}
    for row in table.plan.rows:
        told = SUPERVISION_NAMES[row.supervision.get(dataset.name, "weak")] if dataset.name not in row.unfit else EMPTY
        yield GridRow(
            row.label,
            (
                *(_costs(row, dataset, costs.get(row.label)) if _has_costs(table) else ()),
                GridCell("", told),
                GridCell("", (row.card.fidelity if row.card else "") or EMPTY),
                GridCell("", _reported(row, dataset) or EMPTY),
            ),
        )


def _costs(row: PlannedRow, dataset: PlannedDataset, cost: Cost | None) -> Iterator[GridCell]:
    yield whole(cost.parameters if cost else None)
    yield whole(row.card.multiply_adds.get(dataset.name) if row.card else None)  # also of a row without a run
    yield GridCell(f"{cost.seconds:.1f}" if cost else EMPTY)
    yield whole(cost.snippets_per_second if cost else None)


def _reported(row: PlannedRow, dataset: PlannedDataset) -> str:
    figures = [figure for figure in (row.card.reported if row.card else ()) if figure.dataset == dataset.name]
    return "; ".join(
        f"{figure.value:g} ({figure.features}{figure.source and f', as in {figure.source}'})" for figure in figures
    )
