"""Motion and objects over the frames of one video, as extracted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from benchmark.terms import SNIPPET_FRAMES
from reports.figures.style import DOUBLE, NORMAL, canvas, shorten

MOST_CLASSES = 8
"""Classes of the heat map: those with the highest scores."""
MOTION_HEIGHT, CLASS_HEIGHT, MARGIN = 1.5, 0.2, 0.75
"""Inches."""


def draw_extraction(
    name: str,
    motion: NDArray[Any] | None,
    objects: NDArray[Any] | None,
    class_names: Sequence[str] = (),
    *,
    scaled: bool,
) -> Canvas:
    """Draw the motion of each snippet above the scores of the classes with the highest ones.

    Parameters
    ----------
    name
        The video's name, for the title.
    motion
        Motion intensity, (snippets,); None to leave it out.
    objects
        Class scores, (snippets, classes); None to leave them out. One of both is given.
    class_names
        Names of the classes; without, they are numbered.
    scaled
        Whether motion is scaled to [0, 1], and so has no unit.
    """
    shown = [] if objects is None else _highest(objects)
    heights = [MOTION_HEIGHT] if motion is not None else []
    heights += [CLASS_HEIGHT * (len(shown) + 1)] if objects is not None else []
    figure = canvas(DOUBLE, sum(heights) + MARGIN)
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    if motion is not None:
        _draw_motion(panels[0], motion, scaled)
    if objects is not None:
        _draw_objects(figure, panels[-1], objects, shown, class_names)
    panels[0].set_title(shorten(name, 60))
    panels[-1].set_xlabel(f"frame (a snippet is {SNIPPET_FRAMES} frames)")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw_motion(axis: Axes, motion: NDArray[Any], scaled: bool) -> None:
    edges = np.arange(len(motion) + 1) * SNIPPET_FRAMES
    axis.stairs(motion, edges, fill=True, color=NORMAL, alpha=0.25)
    axis.stairs(motion, edges, baseline=None, color=NORMAL)
    axis.set(xlim=(0, edges[-1]), ylim=(0, 1.02 if scaled else max(1.05 * float(motion.max()), 1e-3)))
    axis.set_ylabel("motion intensity" if scaled else "mean flow\n(pixels per frame)")


def _draw_objects(
    figure: Canvas, axis: Axes, objects: NDArray[Any], shown: Sequence[int], class_names: Sequence[str]
) -> None:
    image = axis.imshow(
        np.asarray(objects[:, shown].T, np.float32),
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        vmin=0,
        vmax=1,
        extent=(0, len(objects) * SNIPPET_FRAMES, len(shown), 0),
    )
    labels = [shorten(class_names[place], 24) if class_names else f"class {place}" for place in shown]
    axis.set_yticks(np.arange(len(shown)) + 0.5, labels)
    axis.grid(False)
    axis.set_ylabel("classes with the\nhighest scores")
    figure.colorbar(image, ax=axis, label="confidence", pad=0.01, aspect=12)


def _highest(objects: NDArray[Any]) -> list[int]:
    """Return the classes with the highest scores, the highest first."""
    order = np.argsort(-objects.max(axis=0).astype(np.float32), kind="stable")
    return [int(place) for place in order[:MOST_CLASSES]]
