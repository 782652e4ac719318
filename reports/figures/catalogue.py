"""All figures by name: those of a line-up of methods on one dataset, and those of a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark.runs.table_plan import TablePlan
from benchmark.tables.cells import Table
from reports.figures import (
    class_wise,
    cost,
    cross_dataset,
    detection,
    events,
    forest,
    gains,
    score_curves,
    selection,
    study,
    training,
    tsne,
)
from reports.figures.evidence import Evidence
from reports.figures.figure import Absence, Figure
from reports.figures.style import drawing


@dataclass(frozen=True)
class FigureChoices:
    """What figures of a line-up may be told.

    Attributes
    ----------
    videos, files
        See `reports.figures.score_curves.draw_score_curves`.
    not_projected
        Label of a method -> why its embedding is not projected.
    """

    videos: Sequence[str] | None = None
    files: Path | None = None
    not_projected: Mapping[str, str] = field(default_factory=dict)


LINE_UP_FIGURES: Mapping[str, Callable[[Evidence, FigureChoices], Figure | Absence]] = {
    class_wise.NAME: lambda evidence, _: class_wise.draw_class_wise(evidence),
    detection.NAME: lambda evidence, _: detection.draw_detection(evidence),
    events.NAME: lambda evidence, _: events.draw_events(evidence),
    score_curves.NAME: lambda evidence, c: score_curves.draw_score_curves(evidence, c.videos, c.files),
    tsne.NAME: lambda evidence, c: tsne.draw_tsne(evidence, c.not_projected),
    selection.NAME: lambda evidence, _: selection.draw_selection(evidence),
    training.NAME: lambda evidence, _: training.draw_training(evidence),
}

IN_PAGES = (class_wise.NAME, detection.NAME, events.NAME)
"""Figures of what methods reach, which go on to further pages; the others are details of the first methods."""

TABLE_FIGURES: Mapping[str, Callable[[Table], Figure | Absence]] = {
    cross_dataset.NAME: cross_dataset.draw_cross_dataset,
    study.NAME: study.draw_study,
    forest.NAME: forest.draw_forest,
    gains.NAME: gains.draw_gains,
    cost.NAME: cost.draw_cost,
}


def suits(name: str, plan: TablePlan) -> bool:
    """Return whether a table is of the kind that one of its figures is for."""
    return {
        cross_dataset.NAME: plan.protocol == "cross" and len(plan.datasets) > 1,
        study.NAME: plan.study,
        forest.NAME: len(plan.rows) > 1,
        gains.NAME: any(row.tuned for row in plan.rows),
        cost.NAME: plan.described or "cost" in plan.measures,
    }[name]


def figures_of_table(table: Table) -> list[Figure | Absence]:
    """Draw the figures of a table: across datasets, of a study of settings, differences, gains by tuning, costs."""
    found = [draw(table) for name, draw in TABLE_FIGURES.items() if suits(name, table.plan)]
    return _based_on(table, found)


def draw_pages(name: str, pages: Sequence[Evidence], choices: FigureChoices) -> list[Figure | Absence]:
    """Draw one figure of a line-up, whose methods may need several pages; an absence if no page has anything."""
    shown = pages if name in IN_PAGES else pages[:1]
    drawn = [LINE_UP_FIGURES[name](evidence, choices) for evidence in shown]
    figures = [one for one in drawn if isinstance(one, Figure)]
    if not figures:
        return drawn[:1]
    if len(figures) == 1:
        return [*figures]
    return [
        replace(figure, page=number, title=f"{figure.title}, page {number} of {len(figures)}")
        for number, figure in enumerate(figures, start=1)
    ]


def figures_of_line_up(pages: Sequence[Evidence], choices: FigureChoices) -> list[Figure | Absence]:
    """Draw the figures that compare a line-up's methods, so many of them on a page as colours tell apart."""
    found = [figure for name in LINE_UP_FIGURES for figure in draw_pages(name, pages, choices)]
    return _based_on(([evidence.content() for evidence in pages], choices), found)


def _based_on(content: object, found: Sequence[Figure | Absence]) -> list[Figure | Absence]:
    """Tell figures what they are drawn from: a content whose `repr` says all of it, by the code that is here."""
    basis = hashlib.sha256(f"{drawing()} {content!r}".encode(errors="replace")).hexdigest()
    return [replace(figure, basis=basis) if isinstance(figure, Figure) else figure for figure in found]
