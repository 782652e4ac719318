"""Tables as Markdown."""

from __future__ import annotations

import pandas as pd

from reports.tables.document import Document, Part
from reports.tables.grid import Grid, GridCell


def to_markdown(document: Document) -> str:
    """Render a document as Markdown."""
    made = f"Made by `{document.command}`."
    return "\n\n".join([f"# {document.table}", *(_part(part) for part in document.parts), made]) + "\n"


def _part(part: Part) -> str:
    blocks = ["\n".join(f"{line}  " for line in part.caption).rstrip(), _grid(part.grid)]
    if part.notes:
        blocks.append("\n".join(f"- {line}" for line in part.notes))
    return "\n\n".join(blocks)


def _grid(grid: Grid) -> str:
    headers = [*grid.stub(), *grid.headers]
    rows = []
    for names, row in (line for group in grid.groups for line in grid.lines(group)):
        if row is None:
            rows.append([f"**{names[0]}**", *("" for _ in headers[1:])])
        else:
            rows.append([*names, *(_cell(cell) for cell in row.cells)])
    escaped = [[text.replace("|", r"\|").replace("\n", " ") for text in line] for line in (headers, *rows)]
    frame = pd.DataFrame(escaped[1:], columns=escaped[0])
    return str(frame.to_markdown(index=False, disable_numparse=True))


def _cell(cell: GridCell) -> str:
    return (f"**{cell.main}**" if cell.bold else cell.main) + cell.extras
