"""Backbone features and embeddings in the plane, as in the paper's Fig. 7."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from benchmark.tables.projections import NEIGHBOURS, Projection, stored_projections
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.style import ABNORMAL, DOUBLE, NORMAL, canvas, legend_above, shorten, spread
from reports.tables.captions import whole_percent

NAME, TITLE = "t-sne", "Features and embeddings (t-SNE)"
COLUMNS = 4
CAPTION = (
    "The same test snippets in every panel, as many normal as abnormal ones, drawn at random once; t-SNE from a PCA "
    "start. Embeddings are those behind the scores of each method's first seed, mean over crops.",
    f"Below each panel, measured in the embedding itself and not in the picture: k-NN AUC, how well the {NEIGHBOURS} "
    "nearest snippets in other videos tell abnormal from normal (50: not at all), and the silhouette of the two "
    "classes (-1 to 1). Distances and densities in the picture mean little.",
)


def draw_tsne(evidence: Evidence, missing: Mapping[str, str]) -> Figure | Absence:
    """Draw the stored projections of a line-up's methods beside that of the backbone.

    Parameters
    ----------
    missing
        Label of a method -> why it has no projection.
    """
    folder = evidence.line_up.name
    projections = stored_projections(evidence.line_up, evidence.store)
    without: dict[str, list[str]] = {}
    for label, reason in missing.items():
        without.setdefault(reason.rstrip("."), []).append(label)
    reasons = [f"{', '.join(labels)}: {reason}" for reason, labels in without.items()]
    if len(projections) < 2:
        return Absence(folder, NAME, TITLE, f"{'; '.join(reasons) or 'no embedding is stored'}.")
    parts = []
    for name, projection in projections.items():
        points = np.array(projection.points)
        parts.append(
            pd.DataFrame({"panel": name, "x": points[:, 0], "y": points[:, 1], "abnormal": projection.abnormal})
        )
    size = sum(next(iter(projections.values())).abnormal)
    return Figure(
        folder,
        NAME,
        TITLE,
        (
            *evidence.about(),
            f"{size} snippets of each kind.",
            *CAPTION,
            *(f"No panel for {reason}." for reason in reasons),
        ),
        "Scatter plots of normal and abnormal snippets: "
        + "; ".join(f"{name}, {_separation(projection)}" for name, projection in projections.items()),
        partial(_draw, projections),
        pd.concat(parts, ignore_index=True),
    )


def _separation(projection: Projection) -> str:
    auc = projection.neighbour_auc
    return f"k-NN AUC {'–' if auc is None else whole_percent(auc)}, silhouette {projection.silhouette:.2f}"


def _draw(projections: Mapping[str, Projection]) -> Canvas:
    columns = min(COLUMNS, len(projections))
    lines = -(-len(projections) // columns)
    figure = canvas(DOUBLE * columns / COLUMNS, 0.3 + 2.15 * lines)
    axes = figure.subplots(lines, columns, squeeze=False)
    for axis, (name, projection) in zip(axes.flat, projections.items(), strict=False):
        _panel(axis, projection)
        axis.set_title(shorten(name, 30))
        axis.set_xlabel(_separation(projection).replace(", ", "\n"))
    for axis in axes.flat[len(projections) :]:
        axis.set_axis_off()
    legend_above(figure, axes[0, 0])
    spread(figure)
    return figure


def _panel(axis: Axes, projection: Projection) -> None:
    points, abnormal = np.array(projection.points), np.array(projection.abnormal)
    for kind, colour, marker, label in ((False, NORMAL, "o", "normal"), (True, ABNORMAL, "^", "abnormal")):
        x, y = points[abnormal == kind].T
        axis.scatter(x, y, s=6, marker=marker, color=colour, alpha=0.55, linewidths=0, label=label)
    axis.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim", box_aspect=1)
