"""The paper's numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmark.runs.table_plan import PlannedDataset
from benchmark.statistics.over_seeds import Summary
from benchmark.tables.cells import Cell, Table
from benchmark.tables.paper import decimals, footnotes
from reports.tables.grid import EMPTY, Footnotes, Grid, GridCell, GridGroup, GridRow, columns, result, signed

COLUMNS = ("the paper", "ours", "difference", "the paper's is")
TITLE = "The paper's numbers beside ours"
CAPTION = (
    f"{TITLE}, in percent. The difference is ours less the paper's, in points; the last column says whether the "
    "paper's is inside, above or below our 95 % interval of the mean over seeds.",
    "Most published numbers are chosen on the test set: the oracle selection is the one to compare with them.",
)


def paper_grid(table: Table, notes: Footnotes) -> Grid | None:
    """Return the cells that the paper has a number for, in a grid of their own; None without any.

    Parameters
    ----------
    notes
        Takes the footnotes to the paper's numbers.
    """
    groups = tuple(group for group in _groups(table, notes) if group.rows)
    return Grid("", "method", COLUMNS, groups) if groups else None


def _groups(table: Table, notes: Footnotes) -> Iterator[GridGroup]:
    for title, source, target in columns(table):
        yield GridGroup(title, tuple(_rows(table, source, target, notes)))


def _rows(table: Table, source: PlannedDataset, target: PlannedDataset, notes: Footnotes) -> Iterator[GridRow]:
    cross = table.plan.protocol == "cross"
    name = "table4" if cross else table.plan.table
    benchmark = f"{source.benchmark} → {target.benchmark}" if cross else target.benchmark
    for row in table.plan.rows:
        cell = table.cell(row.label, source.name, target.name)
        if row.paper is not None and cell.paper is not None:
            marks = notes.mark(footnotes(name, row.paper, benchmark))
            printed = GridCell(f"{cell.paper:.{decimals(name)}f}", marks=marks)
            yield GridRow(row.label, (printed, *_ours(cell, cell.paper, table.plan.seeds)))


def _ours(cell: Cell, paper: float, seeds: int) -> tuple[GridCell, GridCell, GridCell]:
    if cell.summary is None:
        return GridCell(EMPTY), GridCell(EMPTY), GridCell("", EMPTY)
    return (
        result(replace(cell, drop=None, below_chance=False), seeds),
        GridCell(signed(100 * cell.summary.mean - paper)),
        GridCell("", _verdict(cell.summary, paper / 100)),
    )


def _verdict(ours: Summary, paper: float) -> str:
    if ours.ci_low is None or ours.ci_high is None:
        return "no interval"
    return "below" if paper < ours.ci_low else "above" if paper > ours.ci_high else "inside"
