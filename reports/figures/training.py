"""The loss terms over the steps of training."""

from __future__ import annotations

from functools import partial

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from benchmark.tables.line_ups import Contender
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.style import DOUBLE, SINGLE, Colour, Colours, canvas, dash, legend_below, number_logarithm, shorten

NAME, TITLE = "training", "Training curves"
POINTS = 50
"""Places on the x-axis that a curve is thinned to; each is the mean of the steps around it."""
COLUMNS = 3
CAPTION = (
    "Loss terms as they are weighted, mean over seeds and over the steps around each point; thick: their sum, band: "
    "lowest to highest seed. The scale is logarithmic where all values are positive.",
)


def draw_training(evidence: Evidence) -> Figure | Absence:
    """Draw the loss terms of a line-up's methods, a panel for each."""
    folder = evidence.line_up.name
    parts = [part for contender in evidence.line_up.contenders if (part := _terms(contender, evidence)) is not None]
    if not parts:
        return Absence(folder, NAME, TITLE, "no loss curves are stored.")
    data = pd.concat(parts, ignore_index=True)
    methods = list(dict.fromkeys(data["method"]))
    return Figure(
        folder,
        NAME,
        TITLE,
        (*evidence.about(selected=False), *CAPTION, *_missing(evidence)),
        f"Loss terms over the training steps of {', '.join(methods)}.",
        partial(_draw, data, evidence.colours),
        data,
    )


def _terms(contender: Contender, evidence: Evidence) -> pd.DataFrame | None:
    """Return the thinned terms of a contender's runs: method, term, step, mean, low, high."""
    runs = evidence.losses(contender)
    if not runs:
        return None
    every = -(-max(len(run) for run in runs) // POINTS)
    thinned = [run.groupby((run["step"] - 1) // every).mean() for run in runs]
    long = pd.concat(run.melt("step", var_name="term") for run in thinned)
    grouped = long.groupby(["term", "step"], sort=False)["value"]
    frame = grouped.agg(mean="mean", low="min", high="max").reset_index()
    frame.insert(0, "method", contender.label)
    return frame


def _missing(evidence: Evidence) -> tuple[str, ...]:
    """Say which curves could not be read."""
    short = [
        f"{contender.label} ({len(evidence.losses(contender))} of {len(contender.seeds)} runs)"
        for contender in evidence.line_up.contenders
        if len(evidence.losses(contender)) < len(contender.seeds)
        and not any(record.spec.imported for record in evidence.records[contender])
    ]
    return (f"Loss curves that are missing or damaged are left out: {', '.join(short)}.",) if short else ()


def _draw(data: pd.DataFrame, colours: Colours) -> Canvas:
    methods = list(dict.fromkeys(data["method"]))
    columns = min(COLUMNS, len(methods))
    lines = -(-len(methods) // columns)
    figure = canvas(DOUBLE * columns / COLUMNS if columns > 1 else SINGLE, 2.5 * lines)
    axes = figure.subplots(lines, columns, squeeze=False)
    for axis, method in zip(axes.flat, methods, strict=False):
        _panel(figure, axis, data[data["method"] == method], colours[method])
        axis.set_title(shorten(method))
    for axis in axes.flat[len(methods) :]:
        axis.set_axis_off()
    for axis in axes.flat[max(len(methods) - columns, 0) : len(methods)]:
        axis.set_xlabel("step")
    for axis in axes[:, 0]:
        axis.set_ylabel("loss")
    return figure


def _panel(figure: Canvas, axis: Axes, data: pd.DataFrame, colour: Colour) -> None:
    total = data[data["term"] == "loss"]
    axis.plot(total["step"], total["mean"], color=colour, linewidth=1.8, label="loss")
    axis.fill_between(total["step"], total["low"], total["high"], color=colour, alpha=0.2, linewidth=0)
    terms = [term for term in dict.fromkeys(data["term"]) if term != "loss"]
    shades = sns.color_palette("crest", len(terms))
    for place, (term, shade) in enumerate(zip(terms, shades, strict=True)):
        part = data[data["term"] == term]
        axis.plot(part["step"], part["mean"], color=shade, linewidth=0.9, linestyle=dash(place + 1), label=term)
    axis.yaxis.set_major_formatter("{x:g}")
    if (data["mean"] > 0).all():
        axis.set_yscale("log")
        number_logarithm(axis.yaxis)
    legend_below(figure, axis, ncols=3, fontsize=5.8, handlelength=2, columnspacing=0.8)
