"""The neutral form of a table: rows, cells and flags, from which every rendering is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmark.runs.table_plan import PlannedDataset, PlannedRow
from benchmark.tables.cells import Cell, Table
from benchmark.tables.paper import decimals, footnotes
from benchmark.terms import METRIC_NAMES

EMPTY = "—"
MARK_OF_TOLD = "§"
"""Behind the name of a row whose method is told more or less than video labels."""
LEADING = ("best", "indistinguishable")
"""Standings that are set in bold."""
FIGURE_SPACE = "\N{FIGURE SPACE}"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
"""Digits of the marks of footnotes."""


@dataclass(frozen=True)
class GridCell:
    """What stands in a cell.

    Attributes
    ----------
    value
        A number, or `EMPTY`; values of a column are aligned at their points. Empty in a cell of words.
    rest
        What belongs to the value, such as ``± 0.50``; or the words.
    marks
        Signs that the notes explain.
    remarks
        What is said in brackets after all that.
    bold
        Whether value and rest stand out.
    """

    value: str
    rest: str = ""
    marks: str = ""
    remarks: tuple[str, ...] = ()
    bold: bool = False

    @property
    def main(self) -> str:
        """Value and rest, what `bold` is about."""
        return f"{self.value} {self.rest}".strip()

    @property
    def extras(self) -> str:
        """Marks and remarks."""
        return self.marks + "".join(f" ({remark})" for remark in self.remarks)


@dataclass(frozen=True)
class GridRow:
    """A row: its name and its cells."""

    name: str
    cells: tuple[GridCell, ...]


@dataclass(frozen=True)
class GridGroup:
    """Rows under a title; an empty title is not shown."""

    title: str
    rows: tuple[GridRow, ...]


@dataclass(frozen=True)
class Grid:
    """A table of cells.

    Attributes
    ----------
    group_header
        Heading of the column in which the groups' titles stand; empty where each title has a line of its own.
    row_header, headers
        Headings of the rows' names and of the cells.
    """

    group_header: str
    row_header: str
    headers: tuple[str, ...]
    groups: tuple[GridGroup, ...]

    @cached_property
    def most_decimals(self) -> list[int]:
        """Decimals of each column's longest value."""
        columns = zip(*(row.cells for group in self.groups for row in group.rows), strict=True)
        return [max((_decimals(cell) or 0 for cell in column), default=0) for column in columns]

    def stub(self) -> tuple[str, ...]:
        """Return the headings left of the cells' ones."""
        return (self.group_header, self.row_header) if self.group_header else (self.row_header,)

    def lines(self, group: GridGroup) -> Iterator[tuple[tuple[str, ...], GridRow | None]]:
        """Iterate over a group's printed lines: what stands left of the cells, and the row; None for the title's."""
        if group.title and not self.group_header:
            yield (group.title,), None
        for number, row in enumerate(group.rows):
            title = (group.title if number == 0 else "",) if self.group_header else ()
            yield (*title, row.name), row


class Footnotes:
    """The footnotes of a grid, numbered as they come up."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def mark(self, notes: Sequence[str]) -> str:
        """Return the marks of notes; a note that was there before keeps its number."""
        self.notes += [note for note in dict.fromkeys(notes) if note not in self.notes]
        raised = str.maketrans("0123456789", SUPERSCRIPTS)
        return "\N{THIN SPACE}".join(str(self.notes.index(note) + 1).translate(raised) for note in notes)

    def lines(self) -> list[str]:
        """Return the notes, each with its mark."""
        return [f"{self.mark([note])} {note}" for note in self.notes]


def main_grid(table: Table, notes: Footnotes) -> Grid:
    """Return the grid of a table.

    Parameters
    ----------
    notes
        Takes the footnotes to what the paper reports of others.
    """
    datasets = table.plan.datasets
    if table.plan.protocol == "in-domain":
        headers = tuple(dataset_title(dataset) for dataset in datasets)
        return Grid("", "method", headers, (*_by_group(table), *_reported(table, notes)))
    headers = tuple(f"trained on {dataset.name}" for dataset in datasets)
    return Grid("tested on", "method", headers, tuple(_by_target(table)))


def columns(table: Table) -> list[tuple[str, PlannedDataset, PlannedDataset]]:
    """Return what rows of a table are compared on: a title, the dataset trained on and the dataset tested on."""
    datasets = table.plan.datasets
    if table.plan.protocol == "in-domain":
        return [(dataset_title(dataset), dataset, dataset) for dataset in datasets]
    return [(f"{s.name} → {dataset_title(t)}", s, t) for t in datasets for s in datasets]


def row_name(row: PlannedRow) -> str:
    """Name a row, with a mark where its method is told more or less than video labels."""
    return f"{row.label} {MARK_OF_TOLD}" if row.supervision else row.label


def dataset_title(dataset: PlannedDataset) -> str:
    """Name a dataset and what is measured on it."""
    return f"{dataset.name} ({METRIC_NAMES[dataset.metric]})"


def result(cell: Cell, seeds: int, bold: bool = False) -> GridCell:
    """Show the result of a method: mean and deviation in percent, a mark below chance, the drop, missing seeds."""
    s = cell.summary
    if s is None:
        return GridCell(EMPTY)
    remarks = []
    if cell.drop is not None:
        remarks.append(f"{'↓' if cell.drop >= 0 else '↑'}{100 * abs(cell.drop):.1f} %")
    if s.n < seeds:
        remarks.append(f"n = {s.n}")
    return GridCell(
        value=f"{100 * s.mean:.2f}",
        rest=f"± {100 * s.std:.2f}" if s.std is not None else "",
        marks="†" if cell.below_chance else "",
        remarks=tuple(remarks),
        bold=bold,
    )


def percent(value: float | None) -> GridCell:
    """Show a share in percent."""
    return GridCell(EMPTY if value is None else f"{100 * value:.2f}")


def signed(points: float) -> str:
    """Show a difference in points, with its sign."""
    return f"{points + 0.0:+.2f}".replace("-", "−")  # a zero turned round is a zero


def interval(low: float, high: float) -> str:
    """Show an interval in points."""
    return f"[{signed(low)}, {signed(high)}]"


def pad(grid: Grid, column: int, cell: GridCell) -> str:
    """Return a cell's value with figure spaces for the decimals that it lacks of its column's longest."""
    decimals = _decimals(cell)
    return cell.value if decimals is None else cell.value + FIGURE_SPACE * (grid.most_decimals[column] - decimals)


def _decimals(cell: GridCell) -> int | None:
    _, point, decimals = cell.value.partition(".")
    return len(decimals) if point else None


def _by_target(table: Table) -> Iterator[GridGroup]:
    plan = table.plan
    for target in plan.datasets:
        rows = []
        for row in plan.rows:
            cells = [table.cell(row.label, source.name, target.name) for source in plan.datasets]
            rows.append(GridRow(row_name(row), tuple(result(c, plan.seeds, c.train == c.test) for c in cells)))
        yield GridGroup(dataset_title(target), tuple(rows))


def _by_group(table: Table) -> Iterator[GridGroup]:
    plan = table.plan
    groups: list[tuple[str, list[GridRow]]] = []
    for row in plan.rows:
        cells = [table.cell(row.label, dataset.name, dataset.name) for dataset in plan.datasets]
        if not groups or row.group != groups[-1][0]:
            groups.append((row.group, []))
        groups[-1][1].append(GridRow(row_name(row), tuple(result(c, plan.seeds, c.standing in LEADING) for c in cells)))
    return (GridGroup(title, tuple(rows)) for title, rows in groups)


def _reported(table: Table, notes: Footnotes) -> Iterator[GridGroup]:
    plan = table.plan

    def cell(name: str, value: float | None, dataset: PlannedDataset) -> GridCell:
        if value is None:
            return GridCell(EMPTY)
        marks = notes.mark(footnotes(plan.table, name, dataset.benchmark))
        return GridCell(f"{value:.{decimals(plan.table)}f}", marks=marks)

    if table.reported:
        rows = [
            GridRow(name, tuple(cell(name, v, d) for v, d in zip(values, plan.datasets, strict=True)))
            for name, values in table.reported
        ]
        yield GridGroup("reported by the paper", tuple(rows))
