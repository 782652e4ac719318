"""The trials of a search: the held-out value over each setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, NullFormatter

from benchmark.terms import Range
from benchmark.tuning.trials import Trial, Trials
from reports.figures.figure import Absence, Figure
from reports.figures.style import ABNORMAL, DOUBLE, GREY, INK, NORMAL, canvas, legend_above, render, shorten
from reports.tables.settings import short_names, shown_value
from reports.tables.trials import missing_trials, search_caption, search_of

NAME, TITLE = "trials", "Trials of a search"
COLUMNS = 3
LEVEL = 18
"""Letters of the values of a setting that fit below a panel side by side."""
DECADES = 100
"""From this ratio of its ends on, an axis of factors is marked by powers of ten alone."""
CAPTION = (
    "A dot is a trial. All settings are drawn at once, so dots of a panel differ in the other settings too. "
    "Diamond: the recipe's own value, where it has a place on the axis."
)

_DOTS: Mapping[str, dict[str, Any]] = {
    "other trials": {"marker": "o", "s": 14, "facecolor": "white", "edgecolor": GREY, "linewidth": 0.8, "zorder": 3},
    "within one standard error of the best": {"marker": "o", "s": 16, "color": NORMAL, "linewidth": 0, "zorder": 4},
    "best": {"marker": "*", "s": 75, "color": ABNORMAL, "edgecolor": "white", "linewidth": 0.5, "zorder": 6},
}
"""How the trials of each standing are drawn."""
RECIPE = "the recipe's own"
_SLANTED: Mapping[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}


def draw_trials(search: Trials) -> Figure | Absence:
    """Draw the trials of a search, a panel per setting."""
    plan = search.plan
    folder = f"{plan.folder}/{plan.table}"
    if not search.valued:
        return Absence(folder, NAME, TITLE, "no trial has a value yet.")
    data, missing = _data(search), missing_trials(search)
    return Figure(
        folder,
        NAME,
        TITLE,
        (*search_caption([search]), CAPTION, *((f"Not drawn: {missing}.",) if missing else ())),
        f"Held-out AUC of {len(search.valued)} trials of {plan.title} over {', '.join(search_of(plan).ranges)}.",
        partial(_draw, search, data),
        data,
    )


def trials_picture(search: Trials) -> list[bytes]:
    """Return the figure of a search as PNG, nothing where there is none."""
    figure = draw_trials(search)
    return [render(figure.draw, ["png"]).contents["png"]] if isinstance(figure, Figure) else []


def _data(search: Trials) -> pd.DataFrame:
    """Return what is drawn: trial, standing, held-out value as a fraction, and each setting."""

    def standing(trial: Trial) -> str:
        if trial is search.recipe:
            return RECIPE
        if trial is search.best:
            return "best"
        near = search.standard_error is not None and trial in search.near
        return "within one standard error of the best" if near else "other trials"

    rows = [
        {
            "trial": trial.label,
            "standing": standing(trial),
            "held_out": trial.held_out,
            **{name: trial.settings.get(name) for name in search_of(search.plan).ranges},
        }
        for trial in (search.recipe, *search.valued)
        if trial.held_out is not None
    ]
    return pd.DataFrame(rows, dtype=object).astype({"held_out": float})  # a setting may be null, or of several kinds


def _draw(search: Trials, data: pd.DataFrame) -> Canvas:
    ranges = search_of(search.plan).ranges
    columns = min(len(ranges), COLUMNS)
    lines = -(-len(ranges) // columns)
    width = DOUBLE * max(columns, 2) / COLUMNS
    figure = canvas(width, 0.6 + 2.0 * lines)
    axes = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for axis, (name, short) in zip(axes.flat, short_names(ranges).items(), strict=False):
        own = [search.recipe.settings[name]] if name in search.recipe.settings else []
        _draw_panel(axis, _Scale(ranges[name], own), data, name)
        axis.set_xlabel(shorten(short))
    for axis in axes.flat[len(ranges) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("held-out AUC in percent")
    legend_above(figure, axes[0, 0])
    return figure


@dataclass(frozen=True)
class _Scale:
    """The axis of a setting: what is drawn from, and the recipe's own value, if known, which may lie outside."""

    drawn_from: Range
    recipe: Sequence[Any]

    @property
    def levels(self) -> list[Any]:
        """The values of a setting that has a few; empty for one between two numbers."""
        choices = self.drawn_from.choices
        levels = [*choices, *(own for own in self.recipe if own not in choices)] if choices else []
        return sorted(levels) if all(isinstance(level, (int, float)) for level in levels) else levels

    def place(self, value: Any) -> float:
        """Return where a value is on the axis; nan where it has no place there, as 0 among factors."""
        if self.levels:
            return float(self.levels.index(value)) if value in self.levels else math.nan
        fits = isinstance(value, (int, float)) and (value > 0 or not self.drawn_from.log)
        return float(value) if fits else math.nan


def _draw_panel(axis: Axes, scale: _Scale, data: pd.DataFrame, name: str) -> None:
    for label, look in _DOTS.items():
        part = data[data["standing"] == label]
        if len(part):
            axis.scatter([scale.place(value) for value in part[name]], 100 * part["held_out"], label=label, **look)
    for own in data.loc[data["standing"] == RECIPE, "held_out"]:
        axis.axhline(100 * own, color=INK, linestyle=(0, (4, 2)), linewidth=0.9, zorder=2, label=RECIPE)
        places = [scale.place(value) for value in scale.recipe]
        axis.plot(places, [100 * own] * len(places), "D", markersize=4, color=INK, markerfacecolor="white", zorder=5)
    _set_ticks(axis, scale)


def _set_ticks(axis: Axes, scale: _Scale) -> None:
    """Show the whole range of a setting, or each of its few values."""
    low, high = scale.drawn_from.low, scale.drawn_from.high
    if low is not None and high is not None:
        axis.update_datalim([(low, 0), (high, 0)], updatey=False)
        if scale.drawn_from.log:
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low >= DECADES else (1.0, 2.0, 5.0)))
            axis.xaxis.set_major_formatter(lambda value, _: shown_value(value))
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.autoscale_view()
    else:
        words = [shorten(shown_value(level), LEVEL) for level in scale.levels]
        axis.set(xlim=(-0.5, len(words) - 0.5))
        axis.set_xticks(range(len(words)))
        axis.set_xticklabels(words, **(_SLANTED if len("".join(words)) > LEVEL else {}))
        axis.grid(visible=False, axis="x")
