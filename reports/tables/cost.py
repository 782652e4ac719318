"""Below a table that measures cost: what each method costs, beside what it reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from benchmark.system.amounts import count
from benchmark.tables.cells import Table
from benchmark.tables.costs import Cost
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow, dataset_title, result

TITLE = "Cost beside quality"
CAPTION = (
    f"{TITLE}. Results in percent on the test videos of the dataset trained on; multiply-adds per snippet and crop, "
    "with all inputs that a method accepts; seconds of a training on the clock, the mean over seeds, where other runs "
    "may have kept the other cores busy; the most memory that a training took; snippets that one core scores in a "
    "second, from a pass of its own (docs/running.md).",
)
COLUMNS = (
    "result",
    "parameters",
    "multiply-adds per snippet",
    "training, seconds",
    "peak memory, MB",
    "snippets per second on one core",
)
ADVICE = "`wvad reproduce` or `compare` with --measures cost"


def whole(value: float | None) -> GridCell:
    """Show a count, with commas between thousands."""
    return GridCell(EMPTY if value is None else f"{value:,.0f}")


def cost_grid(table: Table) -> Grid | None:
    """Return the costs of the methods by training dataset; None where none are measured."""
    costs = _measured(table)
    if not costs:
        return None
    groups = []
    for dataset in table.plan.datasets:
        here = {cost.row: cost for cost in costs if cost.dataset == dataset.name}
        labels = [row.label for row in table.plan.rows if row.label in here]
        rows = tuple(GridRow(label, tuple(_cells(table, here[label]))) for label in labels)
        groups += [GridGroup(dataset_title(dataset), rows)] if rows else []
    return Grid("", "method", COLUMNS, tuple(groups))


def cost_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks below the costs: where they were measured, and what is lacking and why."""
    costs = _measured(table)
    trained = Counter(place for cost in costs for place in cost.places)
    passes = Counter(
        f"{speed.processor or 'a processor without a name'} with PyTorch {speed.torch}"
        for cost in costs
        if (speed := cost.speed) is not None
    )
    return (
        *(f"Trained on {place}: {count(number, 'row')}." for place, number in trained.items()),
        *(f"Snippets per second on one core of {place}: {count(number, 'row')}." for place, number in passes.items()),
        *_lacking(costs, "multiply-adds", f"{ADVICE} counts them, where they can be", lambda c: c.multiply_adds),
        *_lacking(costs, "peak memory", "not recorded by earlier versions, or not known", lambda c: c.peak_memory),
        *_lacking(costs, "speed on one core", f"{ADVICE} measures it and trains nothing anew", lambda c: c.speed),
    )


def _measured(table: Table) -> tuple[Cost, ...]:
    return table.costs if "cost" in table.plan.measures else ()


def _cells(table: Table, cost: Cost) -> Iterator[GridCell]:
    yield result(table.cell(cost.row, cost.dataset, cost.dataset), table.plan.seeds)
    yield whole(cost.parameters)
    yield whole(cost.multiply_adds)
    yield GridCell(f"{cost.seconds:.1f}")
    yield GridCell(EMPTY if cost.peak_memory is None else f"{cost.peak_memory / 1e6:,.1f}")
    yield whole(cost.speed.snippets_per_second if cost.speed else None)


def _lacking(costs: tuple[Cost, ...], what: str, why: str, number: Callable[[Cost], object]) -> Iterator[str]:
    rows = [f"{cost.row} on {cost.dataset}" for cost in costs if number(cost) is None]
    if rows:
        named = f"all {count(len(rows), 'row')}" if len(rows) == len(costs) else ", ".join(rows)
        yield f"{EMPTY} {what}: {named}; {why}."
