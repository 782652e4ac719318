"""The typed records of a run: what happened, and what an evaluation gave."""

from __future__ import annotations

import hashlib
import platform
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from benchmark.runs.run_spec import RunSpec
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.system.libraries import installed_version
from benchmark.system.machine import processor_name
from benchmark.system.names import FileName, Name, Title
from benchmark.terms import LEAST_FPS, MOST_FPS, Benchmark, Metric, Selection, Trouble

RECORD_VERSION: Literal[1] = 1

_Share = Annotated[float, Field(ge=0, le=1)]
"""What every metric is, and chance."""


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

    @model_validator(mode="after")
    def _have_frames(self) -> Self:
        for name, intervals in self.intervals.items():
            if not all(0 <= start < end for start, end in intervals):
                raise ValueError(f"an event of video {name[:200]} has no frames")
        return self


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
