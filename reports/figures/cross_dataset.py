"""Table 4 as a heat map: what is kept when a method is tested on other datasets."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure as Canvas

from benchmark.tables.cells import Cell, Table
from reports.figures.figure import NO_NUMBER, Absence, Figure
from reports.figures.style import DOUBLE, INK, canvas, shorten
from reports.tables.captions import figure_caption
from reports.tables.grid import EMPTY, dataset_title

NAME, TITLE = "cross-dataset", "Across datasets"
NARROWEST, WIDEST, HEIGHT = 0.34, 0.6, 0.29
"""Of a cell, in inches."""
BESIDE = 1.5
"""Room for the methods' names, in inches."""
LONGEST = 22
"""Characters of a name beside or below the cells."""
MOST = 120
"""Methods that are drawn: a picture has to end somewhere."""
WORST = 60
"""Relative drop in percent from which on colours are the same."""
CAPTION = (
    "Numbers: the metric of the dataset tested on, mean over seeds, in percent; below it the relative drop against the "
    "same method trained there. Colour: that drop, up to 60 %. † below chance, where a relative drop says little.",
)


def draw_cross_dataset(table: Table) -> Figure | Absence:
    """Draw a table of the protocol `cross`, a panel for each dataset tested on and a line for each method."""
    plan = table.plan
    folder = f"{plan.folder}/{plan.table}"
    if not any(cell.summary for cell in table.cells):
        return Absence(folder, NAME, TITLE, NO_NUMBER)
    data = pd.DataFrame([_row(cell) for cell in table.cells])
    filled = [row.label for row in plan.rows if data.loc[data["method"] == row.label, "mean"].notna().any()]
    rows = filled[:MOST]
    left_out = f"Drawn are the first {MOST} of {len(filled)} methods; the CSV file beside the figure has all."
    return Figure(
        folder,
        NAME,
        TITLE,
        (*figure_caption(table), *CAPTION, *([left_out] if len(filled) > MOST else [])),
        f"Heat maps of {' and '.join(rows)}: trained on each of {', '.join(d.name for d in plan.datasets)}, "
        "tested on each.",
        partial(_draw, table, rows),
        data,
    )


def _row(cell: Cell) -> dict[str, object]:
    summary = cell.summary
    return {
        "method": cell.row,
        "trained_on": cell.train,
        "tested_on": cell.test,
        "metric": cell.metric,
        "mean": summary.mean if summary else None,
        "std": summary.std if summary else None,
        "n_seeds": summary.n if summary else 0,
        "relative_drop": cell.drop,
        "below_chance": cell.below_chance,
    }


def _draw(table: Table, rows: list[str]) -> Canvas:
    datasets = table.plan.datasets
    count = len(datasets)
    width = min(WIDEST, max(NARROWEST, (DOUBLE - BESIDE) / count**2))
    columns = min(count, max(1, round((DOUBLE - BESIDE) / (width * count))))
    lines = -(-count // columns)
    figure = canvas(BESIDE + width * count * columns, 0.7 + lines * (1 + HEIGHT * len(rows)))
    axes = figure.subplots(lines, columns, squeeze=False)
    letters = int(width * count / 0.07)
    for place, (axis, target) in enumerate(zip(axes.flat, datasets, strict=False)):
        cells = [[table.cell(row, source.name, target.name) for source in datasets] for row in rows]
        colours = _panel(axis, cells)
        axis.set_title(f"tested on\n{shorten(dataset_title(target), letters)}")
        names = [shorten(dataset.name, LONGEST) for dataset in datasets]
        axis.set_xticks(np.arange(count) + 0.5, names, rotation=40, ha="right", rotation_mode="anchor")
        labels = [shorten(row, LONGEST) for row in rows] if place % columns == 0 else []
        axis.set_yticks(np.arange(len(labels)) + 0.5, labels)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    figure.supxlabel("trained on", fontsize=7.5)
    inch = 1 / figure.get_figheight()
    bar = figure.colorbar(
        colours, ax=axes, location="top", fraction=0.12 * inch, pad=0.08 * inch, aspect=30, shrink=0.6, extend="max"
    )
    bar.set_label("relative drop (%)")
    bar.outline.set_visible(False)
    return figure


def _panel(axis: Axes, cells: list[list[Cell]]) -> QuadMesh:
    """Draw the methods tested on one dataset: a line for each, a column for each dataset trained on."""
    drops = np.array([[np.nan if cell.drop is None else 100 * cell.drop for cell in line] for line in cells])
    shades = sns.color_palette("flare", as_cmap=True)
    mesh = axis.pcolormesh(
        np.ma.masked_invalid(drops), vmin=0, vmax=WORST, cmap=shades, edgecolors="white", linewidth=1
    )
    for y, line in enumerate(cells):
        for x, cell in enumerate(line):
            dark = cell.drop is not None and 100 * cell.drop > WORST / 4
            axis.text(
                x + 0.5,
                y + 0.5,
                _text(cell),
                ha="center",
                va="center",
                fontsize=6,
                color="white" if dark else INK,
                fontweight="bold" if cell.train == cell.test else "normal",
            )
    axis.set(ylim=(len(cells), 0), facecolor="white")
    axis.grid(visible=False)
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    return mesh


def _text(cell: Cell) -> str:
    if cell.summary is None:
        return EMPTY
    mark = "†" if cell.below_chance else ""
    drop = "" if cell.drop is None else f"\n{'↓' if cell.drop >= 0 else '↑'}{_rounded(100 * abs(cell.drop))} %"
    return f"{100 * cell.summary.mean:.1f}{mark}{drop}"


def _rounded(percent: float) -> str:
    """Write a drop in whole percent, as there is little room, and with a decimal where it would come to nothing."""
    return f"{percent:.{0 if percent >= 1 else 1}f}"
