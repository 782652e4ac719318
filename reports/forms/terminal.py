"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from reports.tables.document import Part
from reports.tables.grid import GridCell

WIDEST = 36
"""Columns of a terminal that a column of a table takes at most, where they are scarce: longer names go on below."""
BETWEEN = 3
"""What a column takes beside its content: a line, and a blank on either side."""


def to_terminal(part: Part) -> RenderableType:
    """Render the grid of a part; its caption and notes are for the caller to print below.

    What is wider than the terminal goes on in a table below with the same rows, so that no name and no number is cut.
    """
    return _Pages(part)


@dataclass(frozen=True)
class _Pages:
    """A grid as one table, or several below one another where the terminal is narrow."""

    part: Part

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RichTable]:
        grid, room = self.part.grid, options.max_width - 1
        lines = [line for group in grid.groups for line in grid.lines(group)]
        stubs = [[names[place] for names, _ in lines] for place in range(len(grid.stub()))]
        texts = [[_cell(row.cells[place]).plain for _, row in lines if row] for place in range(len(grid.headers))]
        natural = [
            max(map(cell_len, (head, *column)))
            for head, column in zip((*grid.stub(), *grid.headers), (*stubs, *texts), strict=True)
        ]
        if sum(natural) + BETWEEN * len(natural) <= room:
            yield _draw(self.part, range(len(texts)), None)
            return
        widths = [_narrow(head, column) for head, column in zip(grid.headers, texts, strict=True)]
        first = [min(width, WIDEST) for width in natural[: len(stubs)]]
        for columns in _divide(widths, room - sum(first) - BETWEEN * len(first)):
            yield _draw(self.part, columns, [*first, *(widths[column] for column in columns)])


def _narrow(head: str, column: Sequence[str]) -> int:
    """Return the width at which a column breaks no number and no word of its head."""
    return min(WIDEST, max(map(cell_len, (*head.split(), *column)), default=1))


def _divide(widths: Sequence[int], room: int) -> Iterator[Sequence[int]]:
    """Divide columns, given their widths, into pages of so much room; each has one at least."""
    page: list[int] = []
    for column, width in enumerate(widths):
        if page and sum(widths[c] + BETWEEN for c in page) + width + BETWEEN > room:
            yield page
            page = []
        page.append(column)
    yield page


def _draw(part: Part, columns: Sequence[int], widths: Sequence[int] | None) -> RichTable:
    grid = part.grid
    drawn = RichTable(title=part.name, title_justify="left")
    for place, name in enumerate((*grid.stub(), *(grid.headers[column] for column in columns))):
        drawn.add_column(name, overflow="fold", width=None if widths is None else widths[place])
    for names, row in (line for group in grid.groups for line in grid.lines(group)):
        drawn.add_row(*names, *(_cell(row.cells[column]) for column in columns if row))
    return drawn


def _cell(cell: GridCell) -> Text:
    """Render a cell; what is bold is so on a terminal, and plain in a log."""
    return Text.assemble((cell.main, "bold" if cell.bold else ""), cell.extras)
