"""ROC and precision-recall curves of the frames, and false alarms on normal videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from benchmark.metrics.frame import FALSE_ALARM_THRESHOLD, ScoredVideos, base_rate
from benchmark.metrics.ranking import OperatingPoints, SortedFrames
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.style import DOUBLE, GREY, INK, Colours, canvas, dash, legend_below, shorten

NAME, TITLE = "curves", "ROC, precision-recall and false alarms"
GRID = np.linspace(0, 1, 201)
ROUNDING = 1e-12
ALARMS = f"false_alarm_rate_{FALSE_ALARM_THRESHOLD}"
CAPTION = (
    "All frames of the test videos pooled; mean over seeds at each place of the x-axis, band: lowest to highest seed. "
    "AP is step-wise. Dashed: chance.",
    "Right: share of the frames of normal videos that score at least 0.5, mean over seeds; dots: the seeds. Scores are "
    "not calibrated, so this says how a method's scores lie as much as how good it is.",
)

Points = NDArray[np.float64]
Values = Mapping[str, Sequence[float]]
"""Label of a method -> a metric of each of its seeds."""


def draw_detection(evidence: Evidence) -> Figure | Absence:
    """Draw ROC curves, precision-recall curves and false-alarm rates of a line-up's methods."""
    folder = evidence.line_up.name
    if not evidence.scores:
        return Absence(folder, NAME, TITLE, "no scores are stored.")
    first = next(iter(evidence.scores.values()))[0]
    if not first.positive.any() or not first.negative.any():
        return Absence(folder, NAME, TITLE, "its test frames are all of one kind.")
    normal = bool((first.labels == 0).any())
    data = pd.concat([_curve("roc", roc_points, evidence), _curve("pr", pr_points, evidence)], ignore_index=True)
    values = {m: _values(evidence, m) for m in ("auc_frame", "ap_frame", *((ALARMS,) if normal else ()))}
    methods = ", ".join(contender.label for contender in evidence.scores)
    return Figure(
        folder,
        NAME,
        TITLE,
        (*evidence.about(), *CAPTION[: 2 if normal else 1], *evidence.without_scores()),
        f"ROC curves, precision-recall curves{' and false-alarm rates' if normal else ''} of {methods}.",
        partial(_draw, data, base_rate(first), values, evidence.colours),
        data,
    )


def roc_points(scored: ScoredVideos) -> Points:
    """Return the true-positive rate of the frames at each false-positive rate of the grid."""
    points = _operating_points(scored)
    false, true = points.false_positive / points.negatives, points.true_positive / points.positives
    return np.asarray(np.interp(GRID, np.append(0, false), np.append(0, true)))


def pr_points(scored: ScoredVideos) -> Points:
    """Return the precision of the frames at each recall of the grid: that of the first operating point to reach it."""
    points = _operating_points(scored)
    recall = points.true_positive / points.positives
    # Alarms before the first right one have recall 0 and are no start of the curve.
    places = np.searchsorted(recall, np.maximum(GRID - ROUNDING, ROUNDING))
    return np.asarray(points.precision().take(places, mode="clip"))


def _operating_points(scored: ScoredVideos) -> OperatingPoints:
    return SortedFrames.sort(scored.scores, scored.positive, scored.negative).points()


def _curve(kind: str, points: Callable[[ScoredVideos], Points], evidence: Evidence) -> pd.DataFrame:
    parts = []
    for contender, seeds in evidence.scores.items():
        values = np.stack([points(scored) for scored in seeds])
        parts.append(
            pd.DataFrame(
                {
                    "curve": kind,
                    "method": contender.label,
                    "x": GRID,
                    "mean": values.mean(axis=0),
                    "low": values.min(axis=0),
                    "high": values.max(axis=0),
                }
            )
        )
    return pd.concat(parts)


def _draw(data: pd.DataFrame, chance: float, values: Mapping[str, Values], colours: Colours) -> Canvas:
    figure = canvas(DOUBLE, 3.1 + 0.18 * data["method"].nunique())
    roc, pr, alarms = figure.subplots(1, 3, width_ratios=(1, 1, 0.62))
    _panel(roc, data[data["curve"] == "roc"], values["auc_frame"], colours)
    _panel(pr, data[data["curve"] == "pr"], values["ap_frame"], colours)
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (4, 2)), linewidth=0.8)
    pr.axhline(chance, color=GREY, linestyle=(0, (4, 2)), linewidth=0.8)
    roc.set(title="ROC", xlabel="false-positive rate", ylabel="true-positive rate")
    pr.set(title="precision-recall", xlabel="recall", ylabel="precision")
    for axis in (roc, pr):
        axis.set(xlim=(0, 1), ylim=(0, 1.01), box_aspect=1, anchor="N")
    for axis, title in ((roc, "AUC (%)"), (pr, "AP (%)")):
        legend_below(figure, axis, title=title, alignment="left", handlelength=2.4)
    if ALARMS in values:
        _alarms(alarms, values[ALARMS], colours)
    else:
        alarms.set_axis_off()
    return figure


def _panel(axis: Axes, data: pd.DataFrame, values: Values, colours: Colours) -> None:
    means = {label: float(np.mean(seeds)) for label, seeds in values.items()}
    dashes = {label: dash(place) for place, label in enumerate(means)}
    for name in sorted(means, key=means.__getitem__, reverse=True):
        part, colour = data[data["method"] == name], colours[name]
        label = f"{100 * means[name]:.1f}  {shorten(name)}"
        axis.plot(part["x"], part["mean"], color=colour, linestyle=dashes[name], label=label)
        axis.fill_between(part["x"], part["low"], part["high"], color=colour, alpha=0.12, linewidth=0)


def _alarms(axis: Axes, values: Values, colours: Colours) -> None:
    values = {label: found for label, found in values.items() if found}
    for place, (label, found) in enumerate(values.items()):
        percent = [100 * value for value in found]
        axis.barh(place, float(np.mean(percent)), 0.5, color=colours[label], zorder=2)
        if len(percent) > 1:
            axis.scatter(percent, [place] * len(percent), s=5, color="white", edgecolors=INK, linewidths=0.4, zorder=3)
    axis.set_yticks(range(len(values)), [""] * len(values))
    for place, label in enumerate(values):
        axis.annotate(
            shorten(label, 24), (0, place - 0.28), xytext=(2, 0), textcoords="offset points", fontsize=6.5, va="bottom"
        )
    axis.set(title="false alarms", xlabel="% of normal videos' frames", ylim=(len(values) - 0.5, -0.85))
    axis.set_xlim(left=0)
    axis.grid(visible=False, axis="y")


def _values(evidence: Evidence, metric: str) -> Values:
    return {
        contender.label: [v for e in evidence.evaluations(contender) if (v := e.metrics.get(metric)) is not None]
        for contender in evidence.scores
    }
