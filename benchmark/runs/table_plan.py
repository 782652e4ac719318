"""A planned table: which runs it needs, in a form that can be kept on disk."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.system.names import FileName, Heading, Name, Title
from benchmark.terms import (
    MOST_JOIN,
    MOST_TRIALS,
    Benchmark,
    Measure,
    Metric,
    Profile,
    Protocol,
    Range,
    Sampler,
    Supervision,
)

MOST_ROWS = 2000
"""Rows of a table; a sweep of so many values is one that nobody reads."""
MOST_DATASETS = 100
MOST_SEEDS = 10_000

RunKey = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Keys = Annotated[tuple[RunKey, ...], Field(max_length=MOST_SEEDS)]


class PlannedDataset(FrozenModel):
    """A dataset of a planned table, as it was when the table was planned.

    Attributes
    ----------
    train_segments
        Where the rows of training videos are segments and no snippets: how many a video has, each number once.
    """

    name: FileName
    benchmark: Benchmark
    metric: Metric
    feature_set: Name
    crops: int = Field(ge=1)
    test_hash: Name
    test_videos: int = Field(ge=0)
    missing: int = Field(ge=0)
    simulated: bool
    train_segments: tuple[int, ...] = ()


class Search(FrozenModel):
    """A search for a method's settings: what its trials are drawn from, and how they are judged.

    Attributes
    ----------
    ranges
        ``SECTION.KEY`` -> the values that are drawn from.
    trials
        How many are drawn.
    folds
        Parts into which the training videos are dealt, each held out once; None where seeds draw what is held out.
    """

    ranges: dict[Name, Range] = Field(min_length=1)
    trials: int = Field(ge=1, le=MOST_TRIALS)
    sampler: Sampler
    folds: int | None = Field(default=None, ge=2, le=MOST_SEEDS)


class Tuned(FrozenModel):
    """The best settings of a search on a dataset's training videos.

    Attributes
    ----------
    settings
        ``SECTION.KEY=VALUE``, each.
    held_out
        The AUC of whole videos that they reach on held-out training videos, and what the recipe's own reach.
    trials
        How many settings were tried.
    """

    settings: tuple[str, ...]
    held_out: float = Field(ge=0, le=1)
    recipe_held_out: float | None = Field(default=None, ge=0, le=1)
    trials: int = Field(ge=1, le=MOST_TRIALS)


class ReportedFigure(FrozenModel):
    """What was published of a method on a dataset's benchmark, in percent, and the features that it rests on."""

    dataset: FileName
    value: float = Field(gt=0, le=100)
    features: Title
    source: Heading = ""


class MethodCard(FrozenModel):
    """What a row's method is, for tables that say it, or how much it computes, for those that measure cost.

    Attributes
    ----------
    fidelity
        How near it is to the published one; empty where it does not say.
    multiply_adds
        Training dataset -> multiplications with addition per snippet and crop.
    reported
        What was published of it on the datasets' benchmarks.
    """

    fidelity: Heading = ""
    multiply_adds: dict[str, int] = Field(default_factory=dict)
    reported: tuple[ReportedFigure, ...] = ()


class PlannedRow(FrozenModel):
    """A row with the keys of its runs: training dataset -> keys in the order of the seeds."""

    label: Title
    method: Title
    add_ons: tuple[Title, ...] = ()
    settings: tuple[str, ...] = ()
    tuned: dict[str, Tuned] = Field(default_factory=dict)
    """Training dataset -> the settings of a search that its runs have."""
    group: Heading = ""
    against: str | None = None
    paper: Name | None
    reference: str = ""
    """How to find the method and its add-ons again on the machine where the row was planned."""
    runs: dict[str, Keys]
    unfit: dict[str, Heading] = Field(default_factory=dict)
    """Training dataset -> why its features are not for the method: it has no runs there."""
    supervision: dict[str, Supervision] = Field(default_factory=dict)
    """Training dataset -> what the method is told of its videos, where that is not their labels alone."""
    card: MethodCard | None = None


class TablePlan(FrozenModel):
    """A table with everything that rendering needs besides the run store: no dataset, no method, no training.

    What it says fits together: rows have runs on its datasets and are compared with one another. So whoever has a plan,
    made here or read from a file of others, can render it.
    """

    plan_version: Literal[1] = 1
    table: FileName
    title: Title
    protocol: Protocol = "cross"
    reported: bool = False
    study: bool = False
    subject: str | None = None
    """Label of the row that is compared with every other; without one, each row is compared with its own `against`."""
    power: float | None = Field(default=None, gt=0, le=1)
    """A difference, as a fraction, for which the table says how many seeds and videos would show it."""
    folder: FileName
    profile: Profile
    seeds: int = Field(ge=1, le=MOST_SEEDS)
    holdout: float = Field(ge=0, lt=1)
    overrides: tuple[str, ...]
    command: str
    datasets: tuple[PlannedDataset, ...] = Field(min_length=1, max_length=MOST_DATASETS)
    rows: tuple[PlannedRow, ...] = Field(min_length=1, max_length=MOST_ROWS)
    shuffled: PlannedRow | None = None
    """The first row's method trained on shuffled video labels: a control, if the table has controls."""
    search: Search | None = None
    """Where the rows are the trials of a search, after one of the recipe's own settings: they have no number on test
    videos."""
    measures: tuple[Measure, ...] = ()
    """What the table says beside the primary metric."""
    join: float = Field(default=0.0, ge=0, le=MOST_JOIN)
    """Seconds between two alarms that measures of events take as one."""
    diagnosis: bool = False
    """Whether its runs are trained to be diagnosed: they have no number on test videos either."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        names, labels = [d.name for d in self.datasets], [row.label for row in self.rows]
        for what, called in (("datasets", names), ("rows", labels)):
            if len(set(called)) < len(called):
                raise ValueError(f"two {what} have one name")
        for row in self.all_rows():
            if row.runs.keys() != set(names):
                raise ValueError(f"row {row.label} does not have its runs on the table's datasets")
            if any(len(set(keys)) < len(keys) or len(keys) > self.seeds for keys in row.runs.values()):
                raise ValueError(f"row {row.label} counts a run twice, or more runs than there are seeds")
        if self.study and not any(row.settings for row in self.rows):
            raise ValueError("no row of a study has a setting")
        for named in (self.subject, *(row.against for row in self.rows)):
            if named is not None and named not in labels:
                raise ValueError("a row is compared with one that the table does not have")
        return self

    def digest(self) -> str:
        """Tell this plan from others, of the same table too."""
        content = self.model_dump(mode="json")
        if self.search is None:
            del content["search"]  # a table without one is what it was before there were any
        if not self.diagnosis:
            del content["diagnosis"]
        for dataset in content["datasets"]:
            if not dataset["train_segments"]:
                del dataset["train_segments"]
        if not self.measures:
            del content["measures"], content["join"]
        for row in filter(None, (*content["rows"], content["shuffled"])):
            for name in ("tuned", "unfit", "supervision", "card"):
                if not row[name]:
                    del row[name]
        return digest(content)

    @property
    def tested(self) -> bool:
        """Whether its runs are tested, and so belong into tables and reports."""
        return self.search is None and not self.diagnosis

    @property
    def described(self) -> bool:
        """Whether it says what its methods are."""
        return any(row.card and (row.card.fidelity or row.card.reported) for row in self.rows)

    def run_keys(self) -> list[str]:
        """Return the keys of all runs, each once."""
        return list(dict.fromkeys(key for row in self.all_rows() for keys in row.runs.values() for key in keys))

    def all_rows(self) -> tuple[PlannedRow, ...]:
        """Return the rows that need runs: those of the table, and the control on shuffled labels."""
        return (*self.rows, self.shuffled) if self.shuffled else self.rows

    def others(self) -> list[int | None]:
        """Return for each row the place of the one that it is compared with; None for none."""
        labels = [row.label for row in self.rows]
        return [labels.index(r.against) if r.against and r.against != r.label else None for r in self.rows]

    def tested_on(self, row: PlannedRow, source: str) -> list[PlannedDataset]:
        """Return the datasets that the runs of a row on a training dataset are evaluated on."""
        if not self.tested:
            return []
        own = next(dataset for dataset in self.datasets if dataset.name == source)
        if self.protocol == "in-domain" or row is self.shuffled:
            return [own]
        return [dataset for dataset in self.datasets if dataset.feature_set == own.feature_set]
