"""A planned table: which runs it needs, in a form that can be kept on disk."""

from __future__ import annotations

from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.terms import Metric, Profile, Protocol


class PlannedDataset(FrozenModel):
    """A dataset of a planned table, as it was when the table was planned."""

    name: str
    benchmark: str
    metric: Metric
    feature_set: str
    crops: int
    test_hash: str
    test_videos: int
    missing: int
    simulated: bool


class PlannedRow(FrozenModel):
    """A row with the keys of its runs: training dataset -> keys in the order of the seeds."""

    label: str
    method: str
    add_ons: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    group: str = ""
    against: str | None = None
    paper: str | None
    reference: str = ""
    """How to find the method and its add-ons again on the machine where the row was planned."""
    runs: dict[str, tuple[str, ...]]


class TablePlan(FrozenModel):
    """A table with everything that rendering needs besides the run store: no dataset, no method, no training."""

    plan_version: int = 1
    table: str
    title: str
    protocol: Protocol = "cross"
    reported: bool = False
    study: bool = False
    subject: str | None = None
    """Label of the row that is compared with every other; without one, each row is compared with its own `against`."""
    power: float | None = None
    """A difference, as a fraction, for which the table says how many seeds and videos would show it."""
    folder: str
    profile: Profile
    seeds: int
    holdout: float
    overrides: tuple[str, ...]
    command: str
    datasets: tuple[PlannedDataset, ...]
    rows: tuple[PlannedRow, ...]
    shuffled: PlannedRow | None = None
    """The first row's method trained on shuffled video labels: a control, if the table has controls."""

    def digest(self) -> str:
        """Tell this plan from others, of the same table too."""
        return digest(self.model_dump(mode="json"))

    def run_keys(self) -> list[str]:
        """Return the keys of all runs, each once."""
        return list(dict.fromkeys(key for row in self.all_rows() for keys in row.runs.values() for key in keys))

    def all_rows(self) -> tuple[PlannedRow, ...]:
        """Return the rows that need runs: those of the table, and the control on shuffled labels."""
        return (*self.rows, self.shuffled) if self.shuffled else self.rows

    def tested_on(self, row: PlannedRow, source: str) -> list[PlannedDataset]:
        """Return the datasets that the runs of a row on a training dataset are evaluated on."""
        own = next(dataset for dataset in self.datasets if dataset.name == source)
        if self.protocol == "in-domain" or row is self.shuffled:
            return [own]
        return [dataset for dataset in self.datasets if dataset.feature_set == own.feature_set]
