"""A study of settings: the metric over the values of each."""

from __future__ import annotations

from functools import partial

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Canvas

from benchmark.tables.cells import Table
from reports.figures.figure import NO_NUMBER, Absence, Figure
from reports.figures.style import DOUBLE, SINGLE, canvas, dash, legend_above, render
from reports.tables.captions import figure_caption
from reports.tables.grid import dataset_title

NAME, TITLE = "study", "Settings"
COLUMNS = 3
CAPTION = "Mean and sample standard deviation over seeds. Choosing a value by this picture is tuning on the test set."


def draw_study(table: Table) -> Figure | Absence:
    """Draw the numbers of a study, a panel per setting and a line per dataset."""
    plan = table.plan
    folder = f"{plan.folder}/{plan.table}"
    data = study_frame(table)
    if data.empty:
        return Absence(folder, NAME, TITLE, NO_NUMBER)
    settings = list(dict.fromkeys(data["setting"]))
    return Figure(
        folder,
        NAME,
        TITLE,
        (*figure_caption(table), CAPTION),
        f"Results over the values of {', '.join(settings)}.",
        partial(_draw, data, settings),
        data,
    )


def study_picture(table: Table) -> list[bytes]:
    """Return the figure of a study as PNG, nothing where there is none."""
    figure = draw_study(table)
    return [render(figure.draw, ["png"]).contents["png"]] if isinstance(figure, Figure) else []


def study_frame(table: Table) -> pd.DataFrame:
    """Return the numbers of a study, in percent: setting, value, dataset with its metric, mean, std."""
    rows = []
    for row in table.plan.rows:
        for dataset in table.plan.datasets:
            summary = table.cell(row.label, dataset.name, dataset.name).summary
            if summary is not None and row.settings:
                value = row.settings[0].partition("=")[2]
                std = float("nan") if summary.std is None else 100 * summary.std
                rows.append((row.group, value, dataset_title(dataset), 100 * summary.mean, std))
    return pd.DataFrame(rows, columns=["setting", "value", "dataset", "mean", "std"])


def _draw(data: pd.DataFrame, settings: list[str]) -> Canvas:
    columns = min(len(settings), COLUMNS)
    lines = -(-len(settings) // columns)
    figure = canvas(DOUBLE * columns / COLUMNS if columns > 1 else SINGLE, 0.3 + 2.1 * lines)
    axes = figure.subplots(lines, columns, sharey=True, squeeze=False)
    colours = sns.color_palette("colorblind")
    for axis, setting in zip(axes.flat, settings, strict=False):
        shown = data[data["setting"] == setting]
        numbers = pd.to_numeric(shown["value"], errors="coerce")
        shown = shown.assign(place=shown["value"] if numbers.isna().any() else numbers)
        shown = shown if numbers.isna().any() else shown.sort_values("place", kind="stable")
        for place, (name, part) in enumerate(shown.groupby("dataset", sort=False)):
            axis.errorbar(
                part["place"],
                part["mean"],
                yerr=part["std"],
                color=colours[place % len(colours)],
                linestyle=dash(place),
                marker="o",
                markersize=3.5,
                capsize=2,
                label=str(name),
            )
        axis.set_xlabel(setting)
    for axis in axes.flat[len(settings) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("percent")
    legend_above(figure, axes[0, 0])
    return figure
