"""Event recall over false alarms per hour: what a threshold gives, and what it costs."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import RATES, AlarmCurve, alarm_curve
from benchmark.runs.records import AnnotatedEvents
from benchmark.system.amounts import count
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.style import GREY, SINGLE, Colours, canvas, dash, legend_below, number_logarithm, shorten

NAME, TITLE = "events", "Events met over false alarms per hour"
PLACES = 201
CAPTION = (
    "Share of the events that an alarm meets, as the threshold falls, over the most false alarms per hour outside "
    "events on the way; mean over seeds at each place of the x-axis, band: lowest to highest seed. Dotted: "
    f"{', '.join(map(str, RATES[:-1]))} and {RATES[-1]} per hour; dashed: an alarm that never ends "
    "(docs/statistics.md).",
)


def draw_events(evidence: Evidence) -> Figure | Absence:
    """Draw the event recall of a line-up's methods over false alarms per hour, on a logarithmic axis."""
    dataset = evidence.line_up.dataset
    annotated = evidence.store.events(dataset.test_hash)
    reason = ""
    if not evidence.scores:
        reason = "no scores are stored."
    elif annotated is None:
        reason = "the events of its test videos are not stored; the command that made a table of it adds them."
    curves = {} if reason or annotated is None else _curves(evidence, annotated)
    if not reason and not curves:
        reason = "its test videos have no events, or no time outside them."
    if reason or annotated is None:
        return Absence(evidence.line_up.name, NAME, TITLE, reason)
    some = next(iter(evidence.scores.values()))[0]
    alarms = Alarms.find(some, annotated.intervals, annotated.fps)
    endless, data = float(alarms.at(-np.inf)[0]), _data(curves, 1 / alarms.normal_hours)
    assumed = " (assumed)" if annotated.assumed else ""
    return Figure(
        evidence.line_up.name,
        NAME,
        TITLE,
        (
            *evidence.about(),
            f"{count(len(alarms.events), 'event')}, {60 * alarms.normal_hours:.1f} minutes outside them at "
            f"{annotated.fps:g} frames per second{assumed}. Left of {1 / alarms.normal_hours:.2g} per hour is no "
            "false alarm.",
            *CAPTION,
            *evidence.without_scores(),
        ),
        f"Event recall over false alarms per hour of {', '.join(curves)}.",
        partial(_draw, data, endless, evidence.colours),
        data,
    )


def _curves(evidence: Evidence, annotated: AnnotatedEvents) -> dict[str, list[AlarmCurve]]:
    """Return the curve of each seed of each method; none where events or time outside them are lacking."""
    curves = {}
    for contender, seeds in evidence.scores.items():
        found = [alarm_curve(Alarms.find(scored, annotated.intervals, annotated.fps)) for scored in seeds]
        kept = [curve for curve in found if curve is not None]
        if kept:
            curves[contender.label] = kept
    return curves


def _data(curves: dict[str, list[AlarmCurve]], one: float) -> pd.DataFrame:
    """Return the recall of each method at rates from below one false alarm to the most that a method gives."""
    most = max(float(curve.rates[-1]) for seeds in curves.values() for curve in seeds)
    places = np.geomspace(one / 2, max(most, RATES[-1], 2 * one), PLACES)
    parts = []
    for label, seeds in curves.items():
        values = np.stack([recall_at(curve, places) for curve in seeds])
        columns = {"mean": values.mean(axis=0), "low": values.min(axis=0), "high": values.max(axis=0)}
        parts.append(pd.DataFrame({"method": label, "false_alarms_per_hour": places, **columns}))
    return pd.concat(parts, ignore_index=True)


def recall_at(curve: AlarmCurve, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of events met before false alarms come to more than each of some rates."""
    recalls: NDArray[np.float64] = np.append(0.0, curve.recalls)[np.searchsorted(curve.rates, rates, side="right")]
    return recalls


def _draw(data: pd.DataFrame, endless: float, colours: Colours) -> Canvas:
    labels = list(dict.fromkeys(data["method"]))
    figure = canvas(SINGLE, 2.9 + 0.14 * len(labels))
    axis = figure.subplots()
    for rate in RATES:
        axis.axvline(rate, color=GREY, linestyle=":", linewidth=0.7, zorder=1)
    axis.axvline(endless, color=GREY, linestyle=(0, (4, 2)), linewidth=0.8, zorder=1)
    for place, label in enumerate(labels):
        part = data[data["method"] == label]
        x, colour = part["false_alarms_per_hour"], colours[label]
        axis.plot(x, part["mean"], color=colour, linestyle=dash(place), label=shorten(label))
        axis.fill_between(x, part["low"], part["high"], color=colour, alpha=0.12, linewidth=0)
    x = data["false_alarms_per_hour"]
    axis.set(xscale="log", xlabel="false alarms per hour outside events", ylabel="share of events met")
    axis.set(xlim=(x.min(), x.max()), ylim=(0, 1.01))
    number_logarithm(axis.xaxis)
    legend_below(figure, axis, handlelength=2.4)
    return figure
