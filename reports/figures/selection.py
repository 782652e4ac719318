"""What looking at the test set gains: the metric over the looks, and what each selection gives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from benchmark.metrics.undefined import why_undefined
from benchmark.runs.records import RunRecord
from benchmark.tables.line_ups import Contender
from benchmark.terms import METRIC_NAMES, Selection
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.style import DOUBLE, GREY, Colours, canvas, dash, legend_above, legend_below, shorten

NAME, TITLE = "selection", "Looks and selections"
MARKERS: dict[Selection, str] = {"last": "o", "validation": "s", "oracle": "*"}
CAPTION = (
    "Left: the metric on the test set at each look, mean over seeds (band: lowest to highest seed); it chooses nothing "
    "but the oracle. Right: what each selection gives, mean over seeds; the number is what the oracle, the "
    "best look at the test labels, gains over the last step, in points. It is what most published numbers contain.",
)


def draw_selection(evidence: Evidence) -> Figure | Absence:
    """Draw the looks at the test set of a line-up's methods and the selections made from them."""
    folder = evidence.line_up.name
    test_hash = evidence.line_up.dataset.test_hash
    looked = {c: [r for r in records if r.looks] for c, records in evidence.records.items()}
    if any(looked.values()) and all(look.test is None for rs in looked.values() for r in rs for look in r.looks):
        dataset = evidence.line_up.dataset
        return Absence(folder, NAME, TITLE, f"{why_undefined([dataset.metric], dataset.name)}.")
    today = {c: [r for r in records if r.oracle_test_hash == test_hash] for c, records in looked.items()}
    old = [c.label for c, records in looked.items() if len(today[c]) < len(records)]
    stale = (f"Left out, as the looks were at other test videos or labels: {', '.join(old)}.",) if old else ()
    found = [_looks(c, records) for c, records in today.items() if records]
    looks = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if looks.empty:
        reason = "the looks were at other test videos or labels." if old else "the runs were not looked at (`--looks`)."
        return Absence(folder, NAME, TITLE, reason)
    methods = list(dict.fromkeys(looks["method"]))
    return Figure(
        folder,
        NAME,
        TITLE,
        (*evidence.about(selected=False), *CAPTION, *stale),
        f"Test metric over the looks during training of {', '.join(methods)}, and the gain of the oracle selection.",
        partial(_draw, looks, METRIC_NAMES[evidence.line_up.dataset.metric], evidence.colours),
        looks,
    )


def _looks(contender: Contender, records: Sequence[RunRecord]) -> pd.DataFrame:
    """Return the looks of a contender's runs, one row each, with the selections that chose it."""
    rows = [
        {
            "method": contender.label,
            "seed": record.spec.seed,
            "step": look.step,
            "test": look.test,
            "validation": look.validation,
            "selected": " ".join(name for name, step in record.selected.items() if step == look.step),
        }
        for record in records
        for look in record.looks
        if look.test is not None
    ]
    return pd.DataFrame(rows, columns=["method", "seed", "step", "test", "validation", "selected"])


def _draw(looks: pd.DataFrame, metric: str, colours: Colours) -> Canvas:
    methods = list(dict.fromkeys(looks["method"]))
    figure = canvas(DOUBLE, max(2.4, 1.2 + 0.3 * len(methods)))
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    for place, method in enumerate(methods):
        part = looks[looks["method"] == method].groupby("step")["test"].agg(["mean", "min", "max"])
        colour = colours[method]
        left.plot(
            part.index,
            100 * part["mean"],
            color=colour,
            linestyle=dash(place),
            marker=".",
            markersize=4,
            label=shorten(method),
        )
        left.fill_between(part.index, 100 * part["min"], 100 * part["max"], color=colour, alpha=0.12, linewidth=0)
    left.set(title="at each look", xlabel="step", ylabel=f"{metric} on the test set (%)")
    _selections(figure, right, looks, methods, colours)
    right.set(title="by selection", xlabel=f"{metric} on the test set (%)")
    legend_above(figure, left)
    return figure


def _selections(figure: Canvas, axis: Axes, looks: pd.DataFrame, methods: Sequence[str], colours: Colours) -> None:
    shown: dict[Selection, Line2D] = {}
    for place, method in enumerate(methods):
        values = {name: _selected(looks[looks["method"] == method], name) for name in MARKERS}
        found = {name: 100 * float(np.mean(seeds)) for name, seeds in values.items() if seeds}
        colour = colours[method]
        axis.plot([min(found.values()), max(found.values())], [place, place], color=colour, linewidth=0.9, zorder=2)
        for name, value in found.items():
            size = 60 if name == "oracle" else 22
            shown[name] = Line2D([], [], color=GREY, marker=MARKERS[name], markersize=5, linestyle="", label=name)
            axis.scatter(value, place, s=size, marker=MARKERS[name], color=colour, linewidths=0, zorder=3)
        if {"last", "oracle"} <= set(found):
            gain = f"{found['oracle'] - found['last']:+.1f}"
            axis.annotate(gain, (max(found.values()), place), xytext=(7, 0), textcoords="offset points", va="center")
    axis.set(yticks=range(len(methods)), ylim=(len(methods) - 0.4, -0.6))
    axis.set_yticklabels([shorten(method) for method in methods])
    axis.margins(x=0.25)
    axis.grid(visible=False, axis="y")
    legend_below(figure, axis, handles=list(shown.values()), ncols=3)


def _selected(looks: pd.DataFrame, selection: Selection) -> list[float]:
    """Return the test metric of each seed at the look that a selection chose; the last step is a look."""
    chosen = [selection in selected.split() for selected in looks["selected"]]
    return looks.loc[chosen, "test"].tolist()
