"""Scores over the frames of single videos, as in the paper's Figs. 5 and 8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from benchmark.datasets.labels import find_intervals
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.key_frames import FRAMES, Image, find_videos, read_strips
from reports.figures.style import ABNORMAL, DOUBLE, INK, Colours, canvas, dash, legend_above, shorten
from reports.figures.telling import alarm_rates, named_videos, telling_videos, video_aucs
from reports.tables.captions import whole_percent

NAME, TITLE = "scores", "Scores over the frames"
COLUMNS = 2
STRIP = 0.5
"""Height of a strip of key frames, in inches."""
MOST_BANDS = 3
"""Methods up to which bands do not hide one another."""
CAPTION = (
    "Scores of each method, mean over seeds (band, for up to three methods: lowest to highest seed), scaled to [0, 1] "
    "by its lowest and highest score on all test videos, as in the paper's Fig. 8. Shaded: abnormal frames.",
    "Above each panel, for each method in the legend's order: the AUC of the video by itself in percent; in a normal "
    "video the percentage of its frames that score at least 0.5 before scaling, which are false alarms.",
)
STRIPS = f"Pictures: {FRAMES} frames, evenly spaced, of the videos whose files are at hand."
CHOSEN = "Videos chosen by their AUC, mean over the methods shown, and by false alarms, mean over the same."


def draw_score_curves(
    evidence: Evidence, videos: Sequence[str] | None = None, files: Path | None = None
) -> Figure | Absence:
    """Draw the scores of a line-up's methods over the frames of videos.

    Parameters
    ----------
    videos
        Names of test videos; None for the most telling ones.
    files
        Folder of video files, to show key frames of those that are there; None for none.

    Raises
    ------
    InputError
        If a video is not known, or its file cannot be read.
    """
    folder, scores = evidence.line_up.name, evidence.scores
    if not scores:
        return Absence(folder, NAME, TITLE, "no scores are stored.")
    shown = telling_videos(scores) if videos is None else named_videos(scores, videos)
    if not shown:
        return Absence(folder, NAME, TITLE, "no normal video, and no abnormal one with frames of both kinds.")
    data = _data(evidence, list(shown))
    strips = {} if files is None else read_strips(find_videos(files, list(shown)), _lengths(data))
    methods = ", ".join(contender.label for contender in scores)
    return Figure(
        folder,
        NAME,
        TITLE,
        (
            *evidence.about(),
            *CAPTION,
            *((CHOSEN,) if videos is None else ()),
            *((STRIPS,) if strips else ()),
            *evidence.without_scores(),
        ),
        f"Anomaly scores of {methods} over the frames of {len(shown)} videos: {', '.join(shown)}.",
        partial(_draw, data, shown, _numbers(evidence, shown), strips, evidence.colours),
        data,
    )


def _data(evidence: Evidence, names: Sequence[str]) -> pd.DataFrame:
    parts = []
    for contender, seeds in evidence.scores.items():
        scaled = np.stack([(s.scores - s.scores.min()) / (np.ptp(s.scores) or 1.0) for s in seeds])
        first = seeds[0]
        for name in names:
            rows = np.flatnonzero(first.video == first.names.index(name))
            frames = first.positive[rows] + first.negative[rows]
            parts.append(
                pd.DataFrame(
                    {
                        "video": name,
                        "method": contender.label,
                        "first_frame": np.cumsum(frames) - frames,
                        "frames": frames,
                        "abnormal_frames": first.positive[rows],
                        "score": np.mean([s.scores[rows] for s in seeds], axis=0),
                        "scaled": scaled[:, rows].mean(axis=0),
                        "scaled_low": scaled[:, rows].min(axis=0),
                        "scaled_high": scaled[:, rows].max(axis=0),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _numbers(evidence: Evidence, shown: Mapping[str, str]) -> dict[str, str]:
    """Say for each video how well each method does on it."""
    first = next(iter(evidence.scores.values()))[0]
    aucs, alarms = video_aucs(evidence.scores), alarm_rates(evidence.scores)
    numbers = {}
    for name in shown:
        video = first.names.index(name)
        what, values = ("AUC", aucs) if first.labels[video] else ("false alarms", alarms)
        found = [values[contender.label][video] for contender in evidence.scores]
        numbers[name] = f"{what} {' · '.join('–' if np.isnan(v) else whole_percent(v) for v in found)}"
    return numbers


def _lengths(data: pd.DataFrame) -> dict[str, int]:
    """Return the number of frames of each video."""
    ends = (data["first_frame"] + data["frames"]).groupby(data["video"]).max()
    return {str(name): int(end) for name, end in ends.items()}


def _draw(
    data: pd.DataFrame,
    shown: Mapping[str, str],
    numbers: Mapping[str, str],
    strips: Mapping[str, Image],
    colours: Colours,
) -> Canvas:
    lines = -(-len(shown) // COLUMNS)
    heights = (STRIP, 1.15) if strips else (0.0, 1.15)
    figure = canvas(DOUBLE, 0.4 + lines * (sum(heights) + 0.4))
    outer = figure.add_gridspec(lines, COLUMNS)
    for place, (name, why) in enumerate(shown.items()):
        spec = outer[divmod(place, COLUMNS)]
        if strips:
            inner = spec.subgridspec(2, 1, height_ratios=heights, hspace=0.02)
            top, axis = figure.add_subplot(inner[0]), figure.add_subplot(inner[1])
            top.set_axis_off()
            if name in strips:
                top.imshow(strips[name], aspect="equal")
        else:
            top = axis = figure.add_subplot(spec)
        _panel(axis, data[data["video"] == name], colours)
        top.set_title(f"{shorten(name, 52)}\n{f'{why}: ' if why else ''}{numbers[name]}", fontsize=7)
        if place % COLUMNS == 0:
            axis.set_ylabel("scaled score")
        if place >= len(shown) - COLUMNS:
            axis.set_xlabel("frame")
        if place == 0:
            legend_above(figure, axis)
    return figure


def _panel(axis: Axes, data: pd.DataFrame, colours: Colours) -> None:
    banded = data["method"].nunique() <= MOST_BANDS
    for place, (method, part) in enumerate(data.groupby("method", sort=False)):
        ends = np.append(part["first_frame"], part["first_frame"].iloc[-1] + part["frames"].iloc[-1])
        colour, style = colours[str(method)], dash(place)
        axis.stairs(part["scaled"], ends, baseline=None, color=colour, linestyle=style, label=shorten(str(method)))
        if banded:
            high, low = part["scaled_high"], part["scaled_low"]
            axis.stairs(high, ends, baseline=low, fill=True, color=colour, alpha=0.12, linewidth=0)
    one = data[data["method"] == data["method"].iloc[0]]
    positive = one["abnormal_frames"].to_numpy()
    for start, end in find_intervals(positive, one["frames"].to_numpy() - positive):
        axis.axvspan(start, end, color=INK, alpha=0.1, linewidth=0, zorder=0)
        axis.axvspan(start, end, ymin=0.97, color=ABNORMAL, linewidth=0)
    axis.set(xlim=(0, ends[-1]), ylim=(0, 1.06), yticks=(0, 0.5, 1))
    axis.grid(visible=False, axis="x")
