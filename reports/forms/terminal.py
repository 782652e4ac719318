"""Tables on a terminal."""

from __future__ import annotations

from rich.table import Table as RichTable
from rich.text import Text

from reports.tables.document import Part
from reports.tables.grid import GridCell


def to_terminal(part: Part) -> RichTable:
    """Render the grid of a part; its caption and notes are for the caller to print below."""
    grid = part.grid
    drawn = RichTable(title=part.name, title_justify="left")
    for name in (*grid.stub(), *grid.headers):
        drawn.add_column(name, overflow="fold")
    for names, row in (line for group in grid.groups for line in grid.lines(group)):
        drawn.add_row(*names, *(map(_cell, row.cells) if row else ()))
    return drawn


def _cell(cell: GridCell) -> Text:
    """Render a cell; what is bold is so on a terminal, and plain in a log."""
    return Text.assemble((cell.main, "bold" if cell.bold else ""), cell.extras)
