"""Tables as Markdown."""

from __future__ import annotations

import re

import pandas as pd

from benchmark.system.names import printable
from reports.tables.document import Document, Part
from reports.tables.grid import Grid, GridCell


def to_markdown(document: Document) -> str:
    """Render a document as Markdown."""
    made = f"Made by {_code(document.command)}."
    return "\n\n".join([f"# {escape(document.table)}", *(_part(part) for part in document.parts), made]) + "\n"


def escape(text: str) -> str:
    """Return a text as one line in which no name begins a tag, a link or a picture."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", printable(text)).replace("](", r"]\(")


def _code(text: str) -> str:
    """Return a text as code: between more backticks than it holds."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    blank = " " if "`" in text else ""
    return f"{fence}{blank}{printable(text)}{blank}{fence}"


def _part(part: Part) -> str:
    blocks = ["\n".join(f"{escape(line)}  " for line in part.caption).rstrip(), _grid(part.grid)]
    if part.notes:
        blocks.append("\n".join(f"- {escape(line)}" for line in part.notes))
    return "\n\n".join(blocks)


def _grid(grid: Grid) -> str:
    headers = [*grid.stub(), *grid.headers]
    rows = []
    for names, row in (line for group in grid.groups for line in grid.lines(group)):
        if row is None:
            rows.append([f"**{names[0]}**", *("" for _ in headers[1:])])
        else:
            rows.append([*names, *(_cell(cell) for cell in row.cells)])
    escaped = [[escape(text).replace("|", r"\|") for text in line] for line in (headers, *rows)]
    frame = pd.DataFrame(escaped[1:], columns=escaped[0])
    return str(frame.to_markdown(index=False, disable_numparse=True))


def _cell(cell: GridCell) -> str:
    return (f"**{cell.main}**" if cell.bold else cell.main) + cell.extras
