"""Table 4 as a heat map: what is kept when a method is tested on other datasets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from benchmark.tables.cells import Cell, Table
from reports.figures.figure import NO_NUMBER, Absence, Figure
from reports.figures.style import DOUBLE, canvas, shorten
from reports.tables.captions import figure_caption
from reports.tables.grid import EMPTY, dataset_title

NAME, TITLE = "cross-dataset", "Across datasets"
CELL = 0.78
"""Width of a cell, in inches."""
WORST = 60
"""Relative drop in percent from which on colours are the same."""
CAPTION = (
    "Numbers: the metric of the dataset tested on, mean over seeds, in percent; below it the relative drop against the "
    "same method trained there. Colour: that drop, up to 60 %. † below chance, where a relative drop says little.",
)


def draw_cross_dataset(table: Table) -> Figure | Absence:
    """Draw a table of the protocol `cross`, a panel for each method."""
    plan = table.plan
    folder = f"{plan.folder}/{plan.table}"
    if not any(cell.summary for cell in table.cells):
        return Absence(folder, NAME, TITLE, NO_NUMBER)
    data = pd.DataFrame([_row(cell) for cell in table.cells])
    rows = [row.label for row in plan.rows if data.loc[data["method"] == row.label, "mean"].notna().any()]
    return Figure(
        folder,
        NAME,
        TITLE,
        (*figure_caption(table), *CAPTION),
        f"Heat maps of {' and '.join(rows)}: trained on each of {', '.join(d.name for d in plan.datasets)}, "
        "tested on each.",
        lambda: _draw(table, rows),
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
    count = len(table.plan.datasets)
    columns = min(len(rows), max(1, int((DOUBLE - 2) / (CELL * count))))
    lines = -(-len(rows) // columns)
    figure = canvas(2 + CELL * count * columns, 0.2 + lines * (0.85 + 0.8 * CELL * count))
    axes = figure.subplots(lines, columns, squeeze=False)
    for place, (axis, row) in enumerate(zip(axes.flat, rows, strict=False)):
        _panel(axis, table, row, labelled=place % columns == 0)
        axis.set_title(shorten(row, 10 * count))
    for axis in axes.flat[len(rows) :]:
        axis.set_axis_off()
    bar = figure.colorbar(axes[0, 0].collections[0], ax=axes, shrink=0.9, pad=0.02, extend="max")
    bar.set_label("relative drop (%)")
    bar.outline.set_visible(False)
    return figure


def _panel(axis: Axes, table: Table, row: str, labelled: bool) -> None:
    datasets = table.plan.datasets
    cells = [[table.cell(row, source.name, target.name) for source in datasets] for target in datasets]
    drops = np.array([[np.nan if cell.drop is None else 100 * cell.drop for cell in line] for line in cells])
    texts = np.array([[_text(cell) for cell in line] for line in cells])
    names = [dataset.name for dataset in datasets]
    sns.heatmap(
        drops,
        mask=np.isnan(drops),
        annot=texts,
        fmt="",
        vmin=0,
        vmax=WORST,
        cmap="flare",
        cbar=False,
        linewidths=1.5,
        annot_kws={"fontsize": 6.5},
        xticklabels=names,
        yticklabels=[dataset_title(dataset) for dataset in datasets] if labelled else False,
        ax=axis,
    )
    axis.set_facecolor("white")
    for y, line in enumerate(cells):
        for x, cell in enumerate(line):
            if cell.drop is None:
                weight = "bold" if cell.train == cell.test else "normal"
                axis.text(x + 0.5, y + 0.5, _text(cell), ha="center", va="center", fontsize=6.5, fontweight=weight)
    axis.grid(visible=False)
    axis.tick_params(length=0)
    axis.set_xticks(axis.get_xticks(), names, rotation=25, ha="right", rotation_mode="anchor")
    axis.set_xlabel("trained on")
    if labelled:
        axis.tick_params(axis="y", labelrotation=0)
        axis.set_ylabel("tested on")


def _text(cell: Cell) -> str:
    if cell.summary is None:
        return EMPTY
    mark = "†" if cell.below_chance else ""
    drop = "" if cell.drop is None else f"\n{'↓' if cell.drop >= 0 else '↑'}{100 * abs(cell.drop):.0f} %"
    return f"{100 * cell.summary.mean:.1f}{mark}{drop}"
