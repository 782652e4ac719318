"""The scores of one video over time, its alarms, and what is seen at the highest peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from reports.figures.style import ABNORMAL, DOUBLE, INK, NORMAL, canvas, shorten

CURVE, STRIP = 1.7, 1.05
"""Heights of the panel of scores and of the key frames, in inches."""
_ROOM = 0.15
"""Above a score of 1, for the marks of peaks."""


@dataclass(frozen=True, eq=False)
class Peak:
    """A peak of a curve: its second, its score, and what is seen then, (height, width, RGB); None without a video."""

    second: float
    score: float
    image: NDArray[np.uint8] | None


def draw_prediction(
    title: str,
    scores: NDArray[np.float32],
    edges: NDArray[np.float64],
    alarms: Sequence[tuple[float, float]],
    threshold: float | None,
    peaks: Sequence[Peak],
) -> Canvas:
    """Draw a video's scores over time below key frames of its highest peaks.

    Parameters
    ----------
    scores, edges
        Score of each snippet, (snippets,), and the seconds between which it holds, (snippets + 1,).
    alarms
        Start and end of each, in seconds.
    threshold
        None where none is known.
    """
    seen = [(n, peak, image) for n, peak in enumerate(peaks, start=1) if (image := peak.image) is not None]
    figure = canvas(DOUBLE, CURVE + 0.55 + (STRIP if seen else 0))
    if not seen:
        axis = figure.add_subplot()
        axis.set_title(title, fontsize=8)
    else:
        grid = figure.add_gridspec(2, 1, height_ratios=(STRIP, CURVE))
        strip = grid[0].subgridspec(1, max(len(seen), 3))
        for place, (number, peak, image) in enumerate(seen):
            axis = figure.add_subplot(strip[place])
            axis.imshow(image)
            axis.set_title(f"{number}   {clock(peak.second)}   {peak.score:.2f}", fontsize=7)
            axis.set_axis_off()
        axis = figure.add_subplot(grid[1])
        figure.suptitle(title, fontsize=8, x=0.01, ha="left")
    _draw_curve(axis, scores, edges, alarms, threshold, peaks)
    return figure


def _draw_curve(
    axis: Axes,
    scores: NDArray[np.float32],
    edges: NDArray[np.float64],
    alarms: Sequence[tuple[float, float]],
    threshold: float | None,
    peaks: Sequence[Peak],
) -> None:
    for start, end in alarms:
        axis.axvspan(start, end, color=ABNORMAL, alpha=0.15, linewidth=0, zorder=0)
    axis.stairs(scores, edges, baseline=None, color=NORMAL)
    if threshold is not None:
        axis.axhline(threshold, color=ABNORMAL, linewidth=0.8, linestyle=(0, (5, 2)))
        label = f"threshold\n{threshold:.3g}"
        axis.annotate(
            label, (1, threshold), (3, 0), ("axes fraction", "data"), "offset points", va="center", color=ABNORMAL,
            fontsize=7,
        )  # fmt: skip
    for number, peak in enumerate(peaks, start=1):
        axis.annotate(
            str(number), (peak.second, peak.score), (0, 2), textcoords="offset points", ha="center", va="bottom",
            color=INK, fontsize=7,
        )  # fmt: skip
    axis.set(xlim=(edges[0], edges[-1]), ylim=(0, 1 + _ROOM), yticks=(0, 0.5, 1), ylabel="score")
    axis.set_xlabel("seconds" + ("; shaded: alarms" if alarms else ""))
    axis.grid(visible=False, axis="x")


def clock(second: float) -> str:
    """Return a time as people read it: 0:07.5, 12:03.0, 1:02:03.0."""
    tenths = round(10 * second)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    end = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{end}" if hours else f"{minutes}:{end}"


def title_of(video: str, method: str) -> str:
    """Return the title of a video's picture."""
    return f"{shorten(video, 40)}: {shorten(method, 70)}"
