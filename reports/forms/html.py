"""Tables as a web page: one file, without scripts, that needs no network."""

from __future__ import annotations

import html
from collections.abc import Iterable

from benchmark.system.names import printable
from reports.tables.document import Document, Part
from reports.tables.grid import Grid, GridCell, GridGroup, GridRow, pad

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
figure { margin: 0 0 2.5rem; overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
table { border-top: 2px solid; border-bottom: 2px solid; }
caption { text-align: left; padding-bottom: .75rem; }
caption p { margin: 0; }
th, td { padding: .25rem .8rem; text-align: left; vertical-align: top; font-weight: normal; white-space: nowrap; }
thead th { border-bottom: 1px solid; vertical-align: bottom; font-weight: 600; }
tbody + tbody { border-top: 1px solid #aaa; }
th.title { font-style: italic; }
.value { display: inline-block; min-width: 3em; text-align: right; }
ul { padding: 0; list-style: none; font-size: .875rem; }
code { font-size: .875rem; overflow-wrap: anywhere; }
@media print {
  body { margin: 0; max-width: none; font-size: 9pt; }
  figure { overflow: visible; }
  tr { break-inside: avoid; }
}
"""


def escape(text: str) -> str:
    """Return a text such that a browser shows it and takes no part of it for its own."""
    return html.escape(printable(text))


def to_html(document: Document) -> str:
    """Render a document as a page."""
    title = escape(f"{document.table}: {document.parts[0].title}")
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>\n{STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{title}</h1>",
        *(line for part in document.parts for line in part_lines(part)),
        f"<p>Made by <code>{escape(document.command)}</code>.</p>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def part_lines(part: Part, prefix: str = "") -> list[str]:
    """Render a part of a document.

    Parameters
    ----------
    prefix
        Makes the part's name unique on a page with several documents.
    """
    notes = ["<ul>", *(f"<li>{escape(note)}</li>" for note in part.notes), "</ul>"] if part.notes else []
    return [
        f'<figure id="{escape(prefix + part.name)}">',
        "<table>",
        "<caption>" + "".join(f"<p>{escape(line)}</p>" for line in part.caption) + "</caption>",
        "<thead>",
        row_line(f'<th scope="col">{escape(name)}</th>' for name in (*part.grid.stub(), *part.grid.headers)),
        "</thead>",
        *(line for group in part.grid.groups for line in _group(part.grid, group)),
        "</table>",
        *notes,
        "</figure>",
    ]


def _group(grid: Grid, group: GridGroup) -> list[str]:
    lines = ["<tbody>"]
    if group.title and not grid.group_header:
        span = 1 + len(grid.headers)
        lines.append(row_line([f'<th scope="rowgroup" colspan="{span}" class="title">{escape(group.title)}</th>']))
    for number, row in enumerate(group.rows):
        first = []
        if grid.group_header and number == 0:
            first = [f'<th scope="rowgroup" rowspan="{len(group.rows)}">{escape(group.title)}</th>']
        lines.append(row_line([*first, f'<th scope="row">{escape(row.name)}</th>', *_cells(grid, row)]))
    return [*lines, "</tbody>"]


def _cells(grid: Grid, row: GridRow) -> list[str]:
    return [f"<td>{_cell(cell, pad(grid, column, cell))}</td>" for column, cell in enumerate(row.cells)]


def _cell(cell: GridCell, value: str) -> str:
    main = " ".join(filter(None, [f'<span class="value">{value}</span>' if value else "", escape(cell.rest)]))
    return (f"<strong>{main}</strong>" if cell.bold else main) + escape(cell.extras)


def row_line(cells: Iterable[str]) -> str:
    """Render cells as a row."""
    return f"<tr>{''.join(cells)}</tr>"
