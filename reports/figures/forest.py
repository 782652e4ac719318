"""Differences between the rows of a table, with their intervals, as a forest plot."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib.figure import Figure as Canvas

from benchmark.statistics.differences import SIGNIFICANCE
from benchmark.tables.cells import Table
from reports.figures.figure import Absence, Figure
from reports.figures.style import ABNORMAL, DOUBLE, GREY, INK, NORMAL, canvas, shorten
from reports.tables.captions import figure_caption
from reports.tables.differences import difference_notes
from reports.tables.grid import columns, interval, signed

NAME, TITLE = "forest", "Differences"
MOST = 150
"""Differences that are drawn: a picture has to end somewhere."""
CAPTION = (
    "Differences between rows in points, with 95 % intervals that count test videos and seeds (docs/statistics.md).",
    "Filled: p at most 0.05 after Holm's adjustment for all differences of the table, blue for better and vermilion "
    "for worse; open: no verdict.",
)


def draw_forest(table: Table) -> Figure | Absence:
    """Draw the differences of a table's rows to those that they are compared with."""
    plan = table.plan
    folder = f"{plan.folder}/{plan.table}"
    data = _data(table)
    if data.empty:
        return Absence(folder, NAME, TITLE, "no two of its rows can be compared.")
    shown = in_order(data.sort_values("p_holm", kind="stable").head(MOST).sort_index())
    left_out = f"Drawn are the {MOST} of {len(data)} differences with the smallest p; the CSV file beside has all."
    return Figure(
        folder,
        NAME,
        TITLE,
        (*figure_caption(table), *CAPTION, *([left_out] if len(data) > MOST else []), *difference_notes(table)),
        f"Forest plot of {len(shown)} differences between rows of {plan.table}, with 95 % intervals.",
        partial(draw_intervals, shown.assign(label=_labels(shown)), "difference in points"),
        data,
    )


def _data(table: Table) -> pd.DataFrame:
    rows = [
        {
            "column": title,
            "row": shown.one,
            "against": shown.other,
            "difference": shown.gap,
            "ci_low": shown.ci_low,
            "ci_high": shown.ci_high,
            "p_holm": shown.p,
            "covers_seeds": shown.covers_seeds,
        }
        for title, source, target in columns(table)
        for shown in table.differences(source.name, target.name)
    ]
    return pd.DataFrame(rows)


def in_order(data: pd.DataFrame) -> pd.DataFrame:
    """Put the best first where all are compared with one row; else they stay as the table has them."""
    if data["against"].nunique() > 1:
        return data
    parts = [part.sort_values("difference", ascending=False) for _, part in data.groupby("column", sort=False)]
    return pd.concat(parts)


def _labels(data: pd.DataFrame) -> list[str]:
    return [f"{shorten(row['row'])} − {shorten(row['against'])}" for row in data.to_dict("records")]


def draw_intervals(data: pd.DataFrame, what: str) -> Canvas:
    """Draw differences with their intervals, one below the other.

    Parameters
    ----------
    data
        A row for each: column, label, difference, ci_low, ci_high, p_holm, covers_seeds; those of a column follow one
        another.
    what
        What stands below the axis.
    """
    groups = list(data.groupby("column", sort=False))
    figure = canvas(DOUBLE, 0.7 + 0.19 * (len(data) + 1.2 * len(groups)))
    axis = figure.subplots()
    labels: dict[float, str] = {}
    y = 0.0
    for title, part in groups:
        axis.annotate(
            str(title),
            (0, y),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold",
            fontsize=7,
        )
        for row in part.to_dict("records"):
            y += 1
            labels[y] = f"{row['label']}{'' if row['covers_seeds'] else ' ‡'}"
            low, middle, high = (100 * row[name] for name in ("ci_low", "difference", "ci_high"))
            clear = row["p_holm"] <= SIGNIFICANCE
            colour = INK if not clear else NORMAL if middle > 0 else ABNORMAL
            axis.plot([low, high], [y, y], color=colour, linewidth=1.1, zorder=2)
            face = colour if clear else "white"
            axis.plot(middle, y, marker="s", markersize=4, color=colour, markerfacecolor=face, zorder=3)
            text = f"{signed(middle)} {interval(low, high)}"
            axis.annotate(
                text,
                (1, y),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
                annotation_clip=False,
            )
        y += 1.2
    axis.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    axis.set(yticks=list(labels), ylim=(y - 0.5, -0.7), xlabel=what)
    axis.set_yticklabels(list(labels.values()))
    axis.grid(visible=False, axis="y")
    return figure
