"""AUC of each class of anomaly, as in the paper's Fig. 6."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure as Canvas

from benchmark.statistics.class_wise import DEFINITIONS
from benchmark.system.amounts import count
from benchmark.tables.compared import class_wise_aucs
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.style import DOUBLE, GREY, INK, Colours, canvas, legend_above, shorten

NAME, TITLE = "class-wise", "Class-wise AUC"
LONGEST = 24
"""Characters of a class's name below its bars."""
PANELS = {
    "auc_class": "frames of the abnormal videos of the class alone",
    "auc_class_vs_normal": "the class against all normal videos",
}
CAPTION = (
    "Bars: mean over seeds; dots: the seeds. Whiskers: 95 % interval of that mean if other test videos were drawn "
    "(bootstrap over videos, Student's t with the class's few videos); a bar without whisker rests on one video of a "
    "kind, or on videos that no resample tells apart. Dashed: chance.",
)


def draw_class_wise(evidence: Evidence) -> Figure | Absence:
    """Draw the class-wise AUC of a line-up's methods by both definitions."""
    data = _data(evidence)
    folder = evidence.line_up.name
    if data.empty:
        return Absence(folder, NAME, TITLE, _why(evidence))
    methods = list(dict.fromkeys(data["method"]))
    counts = data.drop_duplicates("class").set_index("class")["videos"]
    few = ", ".join(f"{name} {count}" for name, count in counts.items() if count < 5)
    return Figure(
        folder,
        NAME,
        TITLE,
        (
            *evidence.about(),
            *CAPTION,
            *((f"Fewer than five videos: {few}.",) if few else ()),
            *evidence.without_scores(),
        ),
        f"Bars of the AUC of {', '.join(methods)} on {count(len(counts), 'class', 'classes')}.",
        partial(_draw, data, evidence.colours),
        data,
    )


def _why(evidence: Evidence) -> str:
    if not evidence.scores:
        return "no scores are stored."
    return f"{evidence.line_up.dataset.name} names no classes, or no class has frames of both kinds."


def _data(evidence: Evidence) -> pd.DataFrame:
    line_up = evidence.line_up
    rows = [
        {
            "dataset": line_up.dataset.name,
            "profile": line_up.profile,
            "selection": line_up.selection,
            "method": contender.label,
            "definition": auc.definition,
            "class": auc.name,
            "videos": auc.videos,
            "mean": auc.mean,
            "std": float(np.std(auc.values, ddof=1)) if len(auc.values) > 1 else None,
            "n_seeds": len(auc.values),
            "ci_low": auc.ci_low,
            "ci_high": auc.ci_high,
            "seeds": " ".join(f"{value:.8g}" for value in auc.values),
            "run_keys": " ".join(run for run, _ in contender.seeds),
        }
        for contender in evidence.scores
        for auc in class_wise_aucs(contender.seeds, evidence.store)
    ]
    return pd.DataFrame(rows)


def _draw(data: pd.DataFrame, colours: Colours) -> Canvas:
    classes = list(dict.fromkeys(data.sort_values("class")["class"]))
    figure = canvas(min(DOUBLE, 2.2 + 1.1 * len(classes)), 4.4)
    definitions = [name for name in DEFINITIONS if name in set(data["definition"])]
    figure.set_figheight(0.6 + 1.9 * len(definitions))
    axes = figure.subplots(len(definitions), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, definition in zip(axes, definitions, strict=True):
        _panel(axis, data[data["definition"] == definition], classes, colours)
        axis.set(title=PANELS[definition], ylabel="AUC (%)")
    counts = data.drop_duplicates("class").set_index("class")["videos"]
    labels = [f"{shorten(name, LONGEST)}\n{count(counts[name], 'video')}" for name in classes]
    crowded = 0.06 * min(LONGEST, max(map(len, classes))) * len(classes) > figure.get_figwidth() - 0.6
    axes[-1].set_xticks(range(len(classes)), labels, rotation=40 if crowded else 0, ha="right" if crowded else "center")
    if crowded:
        for label in axes[-1].get_xticklabels():
            label.set_rotation_mode("anchor")
    axes[-1].set_xlim(-0.5, len(classes) - 0.5)
    legend_above(figure, axes[0])
    return figure


def _panel(axis: Axes, data: pd.DataFrame, classes: list[str], colours: Colours) -> None:
    methods = list(dict.fromkeys(data["method"]))
    width = 0.84 / max(len(methods), 1)
    place = data["method"].map(methods.index) - (len(methods) - 1) / 2
    data = data.assign(x=data["class"].map(classes.index) + place * width, percent=100 * data["mean"])
    for method, part in data.groupby("method", sort=False):
        axis.add_collection(_bars(part, 0.92 * width, color=colours[str(method)], label=shorten(str(method)), zorder=2))
    ends = 100 * data[["ci_low", "ci_high"]].to_numpy(dtype=float)
    whiskers = np.abs(ends - data[["percent"]].to_numpy()).T
    axis.errorbar(
        data["x"], data["percent"], yerr=whiskers, fmt="none", ecolor=INK, elinewidth=0.7, capsize=1.2, zorder=3
    )
    several = data[data["n_seeds"] > 1]
    dots = [(x, float(seed)) for x, seeds in zip(several["x"], several["seeds"], strict=True) for seed in seeds.split()]
    x, seeds = np.array(dots).reshape(-1, 2).T
    axis.scatter(x, 100 * seeds, s=2.5, color="white", edgecolors=INK, linewidths=0.4, zorder=4)
    axis.axhline(50, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2.5)
    axis.set_ylim(0, 100)
    axis.grid(visible=False, axis="x")


def _bars(data: pd.DataFrame, width: float, **style: Any) -> PolyCollection:
    """Return a method's bars as one artist; `Axes.bar` makes one of each, half a millisecond long."""
    corners = [
        [(x - width / 2, 0), (x - width / 2, top), (x + width / 2, top), (x + width / 2, 0)]
        for x, top in zip(data["x"], data["percent"], strict=True)
    ]
    return PolyCollection(corners, linewidths=0, **style)
