"""The typed records of a run: what was asked for, what happened, and what an evaluation gave."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.system.libraries import installed_version
from benchmark.system.machine import processor_name
from benchmark.system.names import FileName, Name, Title
from benchmark.terms import LEAST_FPS, MOST_FPS, Benchmark, Metric, Profile, Selection, Training, Trouble

RECORD_VERSION: Literal[1] = 1

_Share = Annotated[float, Field(ge=0, le=1)]
"""What every metric is, and chance."""


class AddOnSpec(FrozenModel):
    """An add-on of a run: its name, its version, for a file plug-in the hash of the file, and its settings."""

    name: Title
    version: int
    source: str | None = None
    config: dict[str, Any]


def titled(title: str, settings: Iterable[str]) -> str:
    """Name a run by its method and the settings that tell its row from others."""
    listed = ", ".join(settings)
    return f"{title} ({listed})" if listed else title


class RunSpec(FrozenModel):
    """What one training is: everything its numbers depend on, and a few names for people.

    Attributes
    ----------
    method, version, source
        The method's name, its version, and for a file plug-in the hash of the file.
    add_ons
        What the features pass on their way to the method, in this order.
    config, training
        The resolved recipe.
    inputs
        The source of each pseudo-label that the method uses, resolved (never ``auto``).
    holdout
        Share of the training videos held out for the selection `validation`.
    fold
        Which of the ``1 / holdout`` equal parts of the training videos is held out; None for one that the seed draws.
    trial
        Whether it is a trial of a search for settings: judged on held-out training videos alone, while the test videos
        are never opened, and without weights that are kept.
    shuffled_labels
        Whether the video labels are dealt out at random among the training videos: a control.
    imported
        Whether the scores were made elsewhere: nothing was trained here, and `source` is their hash.
    train_hash
        Hash of the training part of the dataset.
    title, dataset, benchmark, feature_set
        For people and reports; not part of the key (of the feature set, the `train_hash` knows).
    settings
        What its row of a table sets in place of the recipe's values; for people too.
    """

    method: Title
    version: int
    source: str | None = None
    add_ons: tuple[AddOnSpec, ...] = ()
    config: dict[str, Any]
    training: Training
    inputs: dict[str, str]
    profile: Profile
    holdout: float = Field(ge=0, lt=1)
    fold: int | None = Field(default=None, ge=0)
    trial: bool = False
    shuffled_labels: bool = False
    imported: bool = False
    train_hash: Name
    seed: int = Field(ge=0)
    title: Title
    dataset: FileName
    benchmark: Name
    feature_set: Name
    settings: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _without_numerics(cls, content: Any) -> Any:
        """Read specifications from before numerics were a training setting: they all said float32."""
        return {k: v for k, v in content.items() if k != "numerics"} if isinstance(content, dict) else content

    @property
    def key(self) -> str:
        """The run's key: 16 hex digits of the hash of all that decides its numbers."""
        decisive = self.model_dump(mode="json", exclude={"title", "dataset", "benchmark", "feature_set", "settings"})
        decisive["numerics"] = decisive["training"].pop("numerics")
        for name in ("add_ons", "fold", "trial", "shuffled_labels", "imported"):
            if decisive[name] in (None, []) or decisive[name] is False:
                del decisive[name]  # a run without them is what it was before there were any
        return digest(decisive)

    @property
    def instance(self) -> str:
        """What tells it from the other runs of its configuration."""
        return f"seed {self.seed}" if self.fold is None else f"fold {self.fold + 1}"

    @property
    def name(self) -> str:
        """What to call it in lines about single runs."""
        return titled(self.title, self.settings)

    @property
    def configuration(self) -> str:
        """The key of the run's first seed: runs that differ in nothing but their seed or fold share it."""
        first = {"seed": 0, "fold": None if self.fold is None else 0}
        return self.model_copy(update=first).key

    @property
    def named_settings(self) -> dict[str, Any]:
        """All settings as ``SECTION.KEY``; of scores from elsewhere no training is known.

        One of a method that was added later is missing while it is at its default.
        """
        sections = {
            "config": self.config,
            "training": {} if self.imported else dict(self.training),
            "inputs": self.inputs,
            **{add_on.name: add_on.config for add_on in self.add_ons},
        }
        return {f"{name}.{key}": value for name, section in sections.items() for key, value in section.items()}


class Look(FrozenModel):
    """The weights judged at one step: on held-out training videos, and on the training dataset's test videos."""

    step: int = Field(ge=0)
    validation: float | None = Field(default=None, ge=0, le=1)
    test: float | None = Field(default=None, ge=0, le=1)


class Environment(FrozenModel):
    """Where a run was trained. Not part of its key.

    Attributes
    ----------
    processor
        What the processor calls itself; None where it does not, and in runs from before it was recorded.
    """

    wvad_bench: Name
    python: Name
    torch: Name
    numpy: Name
    machine: Name
    device: Name
    processor: Name | None = None

    @property
    def place(self) -> str:
        """The machine and the device in words."""
        return f"{self.machine}, {self.processor or 'processor not recorded'}, {self.device}"


class RunRecord(FrozenModel):
    """A finished training.

    Attributes
    ----------
    selected
        The step whose weights each selection stands for.
    oracle_test_hash
        The test part that the oracle was chosen on; None without looks.
    deviations
        Ids of the fallbacks that the run rests on, where the paper's own inputs were not at hand.
    dim, object_classes, classes, class_vector_dim, parts
        What the method was told about the features; see `benchmark.api.FeatureSpec`.
    parameters
        Number of trained parameters.
    seconds
        Wall-clock time of the training.
    peak_memory
        The most bytes that the training took: of the GPU, or of the machine beyond what its process held before, see
        `benchmark.system.machine.MemoryPeak`. None where that is not known, and in runs from before it was recorded.
    notes
        What was found out about the trained method that its scores do not say.
    """

    record_version: Literal[1] = RECORD_VERSION
    key: str
    spec: RunSpec
    looks: tuple[Look, ...]
    selected: dict[Selection, int]
    oracle_test_hash: str | None
    deviations: tuple[Name, ...]
    dim: int = Field(ge=1)
    object_classes: int = Field(ge=0)
    parameters: int = Field(ge=0)
    seconds: float = Field(ge=0)
    finished: Name
    environment: Environment
    peak_memory: int | None = Field(default=None, ge=0)
    notes: tuple[Title, ...] = ()
    classes: tuple[Name, ...] = ()
    class_vector_dim: int = Field(default=0, ge=0)
    parts: dict[Name, int] = Field(default_factory=dict)
    patch_grids: tuple[tuple[int, int], ...] = ()

    @property
    def held_out(self) -> float | None:
        """What the weights of the last look reach on the held-out training videos."""
        return self.looks[-1].validation if self.looks else None

    def selections(self, test_hash: str) -> list[Selection]:
        """Return the selections that can be evaluated, given the test part of the training dataset as it is now.

        An oracle that was chosen on other test labels than today's is none.
        """
        return [s for s in self.selected if s != "oracle" or self.oracle_test_hash == test_hash]


class Failure(FrozenModel):
    """A run that did not succeed: how it ended, and why. Never taken for a result."""

    key: str
    spec: RunSpec
    status: Trouble = "failed"
    reason: str
    traceback: str
    failed: str


def trouble_line(status: Trouble, spec: RunSpec, reason: str) -> str:
    """Say in a line which run gave no result, how it ended and why."""
    return f"{status}: {spec.name} on {spec.dataset}, {spec.instance}: {reason}"


class StoredFile(FrozenModel):
    """The size and the SHA-256 sum of a file, by which damage is seen."""

    size: int = Field(ge=0)
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> StoredFile:
        """Describe the content of a file."""
        return cls(size=len(content), sha256=hashlib.sha256(content).hexdigest())

    def fits(self, content: bytes) -> bool:
        """Return whether this is the content that was described."""
        return self == StoredFile.of(content)


class Evaluation(FrozenModel):
    """One selection of one run on one dataset's test videos.

    Attributes
    ----------
    step
        The training step that the weights are from.
    metric
        The dataset's primary metric, a key of `metrics`.
    metrics
        All metrics; None where one is undefined (a single class of frames).
    chance
        What the primary metric is at chance level: 0.5, or the share of positive frames.
    scores
        The file of scores that the metrics are of; None in stores from before there were sums.
    benchmark
        What the test videos belonged to, which a method may be told; None in stores from before it was.
    snippets_per_second
        How fast they were scored, reading included; None where that was not measured.
    """

    record_version: Literal[1] = RECORD_VERSION
    key: str
    run_key: str
    selection: Selection
    step: int
    dataset: FileName
    test_hash: Name
    metric: Metric
    metrics: dict[Title, _Share | None]
    chance: _Share
    finished: Name
    scores: StoredFile | None = None
    benchmark: Benchmark | None = None
    snippets_per_second: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _has_its_metric(self) -> Self:
        if self.metric not in self.metrics:
            raise ValueError(f"{self.metric} is not among the metrics")
        return self


class Controls(FrozenModel):
    """Scores that need no training, judged on the test part of a dataset.

    Attributes
    ----------
    test_hash
        The test part.
    metric
        The dataset's primary metric.
    values
        Name of the control -> the metric.
    """

    record_version: Literal[1] = RECORD_VERSION
    test_hash: Name
    metric: Metric
    values: dict[Name, _Share]


class AnnotatedEvents(FrozenModel):
    """The events of a dataset's test videos and their frame rate, for measures that scores and counts do not give.

    Attributes
    ----------
    test_hash
        The test part.
    fps, assumed
        Frames a second, and whether nobody has stated them.
    intervals
        Video -> its abnormal frames, ``[start, end)`` each; normal videos are left out.
    """

    record_version: Literal[1] = RECORD_VERSION
    test_hash: Name
    fps: float = Field(ge=LEAST_FPS, le=MOST_FPS)
    assumed: bool
    intervals: dict[str, tuple[tuple[int, int], ...]]


class ChosenThresholds(FrozenModel):
    """Thresholds of a run, chosen on the normal training videos that it held out.

    Attributes
    ----------
    videos, hours
        How many normal videos were held out, and how long they are.
    thresholds
        False alarms per hour -> the lowest threshold down to which there are at most so many; None where one false
        alarm would be more.
    """

    videos: int = Field(ge=0)
    hours: float = Field(ge=0)
    thresholds: dict[int, float | None]


def thresholds_name(record: RunRecord, selection: Selection, fps: float, join: float) -> str:
    """Return what the thresholds of a run are kept as; they are chosen anew for weights that are trained anew."""
    return digest(["thresholds", 1, record.key, selection, record.selected[selection], record.finished, fps, join])


def evaluation_key(run_key: str, selection: Selection, test_hash: str) -> str:
    """Return the key of an evaluation; scoring options such as CLAV's α are part of the run already."""
    return digest([run_key, selection, test_hash])


def describe_environment(device: str) -> Environment:
    """Describe where this process runs."""
    return Environment(
        wvad_bench=installed_version("wvad-bench") or "unknown",
        python=platform.python_version(),
        torch=installed_version("torch") or "unknown",
        numpy=installed_version("numpy") or "unknown",
        machine=f"{platform.system()} {platform.machine()}",
        device=device,
        processor=processor_name(),
    )
