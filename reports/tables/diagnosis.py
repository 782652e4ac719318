"""What the parts of a method carry: the document of a diagnosis, and its numbers in long form."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.diagnosis import Part as Section
from benchmark.statistics.diagnosis import Place
from benchmark.statistics.over_seeds import Summary
from benchmark.system.amounts import count
from reports.tables.captions import SIMULATED, share
from reports.tables.document import Document, Part
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow
from reports.tables.paths import shown_command

TITLES: Mapping[Section, str] = {
    "scores": "Scores",
    "agreement": "Agreement of scores",
    "swap": "Whole videos swapped",
    "motion": "Predicted motion",
    "objects": "Predicted objects",
    "loss": "Shares of the loss",
    "units": "Silent units",
}
CAPTIONS: Mapping[Section, str] = {
    "scores": (
        "Spread: standard deviation within a video, mean over the held-out videos of a class; ratio: abnormal over "
        "normal. AUC of a video's highest score against the video labels."
    ),
    "agreement": "Spearman's rank correlation of two scores within a video, mean over the held-out abnormal videos.",
    "swap": (
        "Mean score of segments that are given what another video is as a whole. Where the columns differ, the score "
        "comes from that other video; where the rows differ, from the segments."
    ),
    "motion": "Spearman's rank correlation within a video, mean over the held-out videos.",
    "objects": "Entropy of the scores over classes, as a share of the uniform one's: 1 says nothing of a segment.",
    "loss": "Share of each term, as it is weighted, in the first, middle and last fiftieth of the steps.",
    "units": (
        "Share of the units that a ReLU holds at zero on all segments of all held-out videos, by the layer before it."
    ),
}
ROWS: Mapping[Section, str] = {"scores": "score", "loss": "term", "units": "layer"}
NO_PARTS = "The method offers no diagnostics of its own (docs/diagnosis.md): only its final score is shown."


Numbers = Mapping[Place, Summary]


def diagnosis_document(plan: TablePlan, numbers: Numbers) -> Document:
    """Put the parts of a diagnosis together, those that there are."""
    sections = [section for section in TITLES if any(place.part == section for place in numbers)]
    about = {sections[0]: _about(plan, numbers)}
    parts = [
        Part(
            name=f"{plan.table}-{section}",
            title=TITLES[section],
            caption=(*about.get(section, ()), f"{TITLES[section]}. {CAPTIONS[section]}"),
            grid=_grid(section, numbers, plan.seeds),
            notes=(NO_PARTS,) if section == "scores" and not _has_parts(numbers) else (),
        )
        for section in sections
    ]
    return Document(plan.table, shown_command(plan.command), tuple(parts))


def diagnosis_frame(plan: TablePlan, numbers: Numbers) -> pd.DataFrame:
    """Return the numbers of a diagnosis in long form."""
    rows = [
        {**place._asdict(), "mean": summary.mean, "std": summary.std, "n_seeds": summary.n}
        for place, summary in numbers.items()
    ]
    frame = pd.DataFrame(rows)
    frame.insert(0, "method", plan.rows[0].label)
    frame.insert(1, "dataset", plan.datasets[0].name)
    return frame


def _about(plan: TablePlan, numbers: Numbers) -> list[str]:
    seeds = max(summary.n for summary in numbers.values())
    lines = [
        f"{plan.title}, diagnosed. Profile {plan.profile}, {count(seeds, 'seed')}; "
        "mean ± sample standard deviation over seeds.",
        f"Each seed held out {share(plan.holdout)} of the training videos of each class; the numbers are of these and "
        "of the weights of the last step. No test video was opened.",
    ]
    lines += [SIMULATED] if plan.datasets[0].simulated else []
    return lines + ([f"Changed settings: {', '.join(plan.overrides)}."] if plan.overrides else [])


def _has_parts(numbers: Numbers) -> bool:
    rows = {place.row for place in numbers if place.part == "scores"}
    return len(rows) > 1 or any(place.part in ("swap", "motion", "objects") for place in numbers)


def _grid(section: Section, numbers: Numbers, seeds: int) -> Grid:
    places = [place for place in numbers if place.part == section]
    columns = tuple(dict.fromkeys(place.column for place in places))
    rows = tuple(
        GridRow(name, tuple(_cell(numbers.get(Place(section, name, column)), seeds) for column in columns))
        for name in dict.fromkeys(place.row for place in places)
    )
    return Grid("", ROWS.get(section, ""), columns, (GridGroup("", rows),))


def _cell(summary: Summary | None, seeds: int) -> GridCell:
    if summary is None:
        return GridCell(EMPTY)
    return GridCell(
        f"{summary.mean:.4f}",
        "" if summary.std is None else f"± {summary.std:.4f}",
        remarks=(f"n = {summary.n}",) if summary.n < seeds else (),
    )
