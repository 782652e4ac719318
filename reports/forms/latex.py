"""Tables as LaTeX, to be pasted into a paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from benchmark.system.names import printable
from reports.tables.document import Document, Part
from reports.tables.grid import FIGURE_SPACE, SUPERSCRIPTS, Grid, GridCell, pad

LATIN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")
"""Letters beyond ASCII that LaTeX takes as they are, in any of its font encodings."""


ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
    "\u0323": "d",
    "\u0331": "b",
}
"""Combining marks, and LaTeX's commands for them in any font encoding."""


def _greek(letter: str) -> str:
    return unicodedata.name(letter).split()[-1].lower().replace("lamda", "lambda")


ESCAPES = {
    **{character: f"\\{character}" for character in "#$%&_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': "''",
    # After the end of a row, LaTeX would take these for an argument.
    "*": "{*}",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "→": r"$\rightarrow$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "·": r"\textperiodcentered{}",
    "°": r"$^\circ$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "∞": r"$\infty$",
    "µ": r"$\mu$",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "…": r"\dots{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ı": r"\i{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{THIN SPACE}": r"\,",
    FIGURE_SPACE: r"\phantom{0}",
    **{letter: rf"\textsuperscript{{{digit}}}" for digit, letter in enumerate(SUPERSCRIPTS)},
    **{letter: f"$\\{_greek(letter)}$" for letter in "αβγδεζηθικλμνξπρστυφχψω"},
    **{letter: f"$\\{_greek(letter).capitalize()}$" for letter in "ΓΔΘΛΞΠΣΥΦΨΩ"},
}

SPLIT = "r@{}l"
"""Two columns that look like one: the numbers end where what belongs to them begins."""


def to_latex(document: Document) -> str:
    """Render a document as LaTeX: one floating table for each part."""
    parts = [_part(part) for part in document.parts]
    foreign = "".join(sorted({c for part in parts for c in part if not c.isascii() and c not in LATIN}))
    head = [
        "% Needs \\usepackage{booktabs} in the preamble, and nothing else.",
        *([f"% Use LuaLaTeX or XeLaTeX, with a font that has these characters of names: {foreign}"] if foreign else []),
        f"% Made by: {' '.join(document.command.split())}",
    ]
    return "\n\n".join(["\n".join(head), *parts]) + "\n"


def escape(text: str) -> str:
    """Return a text such that LaTeX prints it; letters that its standard fonts lack stay, as UTF-8."""
    escaped = "".join(
        ESCAPES.get(c) or _letter(c) for c in printable(unicodedata.normalize("NFC", text.replace("\n", " ")))
    )
    # No ligatures: options begin with two hyphens.
    return escaped.replace("--", "-{}-").replace("--", "-{}-")


def _letter(character: str) -> str:
    """Return a letter as it is, or by the command for its accent."""
    base, *marks = list(unicodedata.normalize("NFD", character))
    if character in LATIN or len(marks) != 1 or not base.isascii() or marks[0] not in ACCENTS:
        return character
    return f"\\{ACCENTS[marks[0]]}{{{base}}}"


def _part(part: Part) -> str:
    label = re.sub(r"[^A-Za-z0-9-]+", "-", part.name)
    lines = [
        r"\begin{table}[tbp]",
        r"\centering",
        rf"\caption[{escape(part.title)}]{{{escape(' '.join(part.caption))}}}",
        rf"\label{{tab:{label}}}",
        r"\smallskip",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        *_tabular(part.grid),
    ]
    if part.notes:
        notes = " \\par\n".join(escape(note) for note in part.notes)
        lines += ["", r"\medskip", rf"\parbox{{\linewidth}}{{{notes}}}"]
    return "\n".join([*lines, r"\end{table}"])


def _tabular(grid: Grid) -> list[str]:
    columns = [_column([row.cells[i] for group in grid.groups for row in group.rows]) for i in range(len(grid.headers))]
    width = 1 + sum(2 if column == SPLIT else 1 for column in columns)
    heads = [
        rf"\multicolumn{{2}}{{c}}{{{escape(header)}}}" if column == SPLIT else escape(header)
        for header, column in zip(grid.headers, columns, strict=True)
    ]
    lines = [
        rf"\begin{{tabular}}{{@{{}}l{''.join(columns)}@{{}}}}",
        r"\toprule",
        _row([escape(grid.row_header), *heads]),
    ]
    for group in grid.groups:
        lines.append(r"\midrule")
        if group.title:
            # A line rather than a column: papers are narrow.
            title = escape(f"{grid.group_header} {group.title}".strip())
            lines.append(_row([rf"\multicolumn{{{width}}}{{@{{}}l@{{}}}}{{\textit{{{title}}}}}"]))
        for row in group.rows:
            cells = [_cell(cell, pad(grid, i, cell), columns[i]) for i, cell in enumerate(row.cells)]
            lines.append(_row([escape(row.name), *cells]))
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _column(cells: Sequence[GridCell]) -> str:
    """Return how a column is aligned; one of numbers with something behind them is made of two."""
    if not any(cell.value for cell in cells):
        return "l"
    return SPLIT if any(cell.rest or cell.extras for cell in cells) else "r"


def _cell(cell: GridCell, value: str, column: str) -> str:
    value, rest = (rf"\textbf{{{escape(part)}}}" if cell.bold and part else escape(part) for part in (value, cell.rest))
    after = ("~" if value and rest else "") + rest + escape(cell.extras)
    return f"{value} & {after}" if column == SPLIT else value + after


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
