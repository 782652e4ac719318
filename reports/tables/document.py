"""A table with all that is said about it, ready to be drawn in any form."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.tables.cells import Table
from reports.tables import beside_paper, contrasts, controls, cost, described, differences, events, gains, thresholds
from reports.tables.captions import caption, chance_notes, notes
from reports.tables.grid import Footnotes, Grid, main_grid
from reports.tables.paths import shown_command


@dataclass(frozen=True)
class Part:
    """A grid, with the sentences above and below it.

    Attributes
    ----------
    name
        What to call it, unique in all tables of a folder.
    caption
        Sentences; the first one starts with the title.
    """

    name: str
    title: str
    caption: tuple[str, ...]
    grid: Grid
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """A table's parts, the main one first, and the command that made them."""

    table: str
    command: str
    parts: tuple[Part, ...]


def make_document(table: Table) -> Document:
    """Put a table together: itself, and below it gains, differences, the paper's numbers and controls, if any."""
    plan, marks, beside_marks = table.plan, Footnotes(), Footnotes()
    grid = main_grid(table, marks)
    classes = contrasts.class_grid(table)
    beside = beside_paper.paper_grid(table, beside_marks)
    below = [
        ("methods", described.TITLE, described.methods_caption(table), described.methods_grid(table)),
        ("cost", cost.TITLE, cost.CAPTION, cost.cost_grid(table)),
        ("gains", gains.TITLE, gains.CAPTION, gains.gain_grid(table)),
        ("differences", differences.TITLE, differences.CAPTION, differences.difference_grid(table)),
        ("events", events.TITLE, events.CAPTION, events.event_grid(table)),
        ("delays", events.DELAYS, events.DELAY_CAPTION, events.delay_grid(table)),
        ("event-differences", events.DIFFERENCES, events.DIFFERENCE_CAPTION, events.difference_grid(table)),
        ("thresholds", thresholds.TITLE, thresholds.CAPTION, thresholds.threshold_grid(table)),
        ("paper", beside_paper.TITLE, beside_paper.CAPTION, beside),
        ("classes", contrasts.CLASSES, contrasts.class_caption(table), classes),
        ("videos", contrasts.VIDEOS, contrasts.video_caption(table), contrasts.video_grid(table)),
        ("power", contrasts.POWER, contrasts.power_caption(table), contrasts.power_grid(table)),
        ("controls", controls.TITLE, controls.CAPTION, controls.control_grid(table)),
    ]
    notes_below = {
        "cost": cost.cost_notes(table),
        "gains": gains.gain_notes(table),
        "differences": differences.difference_notes(table),
        "events": events.event_notes(table),
        "delays": events.delay_notes(table),
        "thresholds": thresholds.threshold_notes(table),
        "event-differences": differences.difference_notes(table),
        "paper": tuple(beside_marks.lines()),
        "classes": contrasts.class_notes(classes),
        "controls": chance_notes(table.shuffled),
    }
    remarks = (*notes(table), *events.missing_notes(table), *thresholds.missing_thresholds(table), *marks.lines())
    parts = [Part(table.name, plan.title, tuple(caption(table)), grid, remarks)]
    parts += [
        Part(f"{table.name}-{name}", title, text, drawn, notes_below.get(name, ()))
        for name, title, text, drawn in below
        if drawn is not None
    ]
    return Document(table.name, shown_command(plan.command), tuple(parts))
