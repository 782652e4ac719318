"""What scores a new video: the weights of a run, the features that it was trained on, and a threshold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmark.api import Method
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.feature_sets import FeatureSet
from benchmark.datasets.official import frame_rate
from benchmark.metrics.smoothing import moving_mean
from benchmark.runs.records import RunRecord
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.trained_on import TrainedOn
from benchmark.system.errors import NOT_THEIRS, InputError, describe
from benchmark.system.frozen import first_error
from benchmark.terms import Selection
from benchmark.training.scoring import score_rows


@dataclass(frozen=True)
class AlarmChoice:
    """What makes an alarm.

    Attributes
    ----------
    per_hour
        False alarms per hour that a threshold may give on held-out normal training videos.
    threshold
        In place of one that is chosen so.
    smooth
        Snippets that a moving mean is over, odd; 1 leaves scores as they are.

    Raises
    ------
    InputError
        If one of them cannot be.
    """

    per_hour: int = 10
    threshold: float | None = None
    smooth: int = 1

    def __post_init__(self) -> None:
        if self.smooth < 1 or self.smooth % 2 == 0:
            raise InputError(f"--smooth {self.smooth}: give an odd number of snippets, such as 3 or 5")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise InputError(f"--threshold {self.threshold:g}: scores are from 0 to 1")


@dataclass(frozen=True)
class Threshold:
    """What a score has to reach for an alarm, None where that is not known; and in a sentence where it is from."""

    value: float | None
    said: str


@dataclass(frozen=True)
class RunFeatures:
    """The features that a run was trained on, and can score.

    Attributes
    ----------
    id, identity
        Of the feature set; what is stated of it, if anything is.
    dim, crops, stride
        Of a vector; of a snippet; frames from one snippet to the next.
    fps, assumed
        Frames a second of the training videos, and whether nobody has stated them.
    """

    id: str
    identity: FeatureSet | None
    dim: int
    crops: int
    stride: int
    fps: float
    assumed: bool

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> RunFeatures:
        """Return those of a dataset."""
        m, rate = dataset.manifest, frame_rate(dataset.manifest)
        return cls(m.feature_set, m.identity, m.dim, m.crops, m.stride, rate.fps, rate.assumed)

    @classmethod
    def of_record(cls, trained_on: TrainedOn, record: RunRecord) -> RunFeatures:
        """Return what is kept beside a run.

        Raises
        ------
        InputError
            If its identity is none.
        """
        t = trained_on
        try:
            identity = None if t.identity is None else FeatureSet.model_validate(t.identity)
        except ValidationError as error:
            raise InputError(
                f"run {record.key}: what is kept of its features is damaged at {first_error(error)}; export it again"
            ) from None
        return cls(t.feature_set, identity, record.dim, t.crops, t.stride, t.fps, t.assumed)


@dataclass(frozen=True, eq=False)
class Scorer:
    """A trained method, ready to score.

    Attributes
    ----------
    name
        What to call it in a line.
    key, selection
        Of the stored run; None and `last` of weights from elsewhere.
    """

    name: str
    key: str | None
    selection: Selection
    spec: RunSpec
    method: Method
    device: torch.device
    features: RunFeatures
    threshold: Threshold
    choice: AlarmChoice = field(default_factory=AlarmChoice)

    def score(self, name: str, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Score each snippet of a video, smoothed if that is asked for.

        Parameters
        ----------
        stored
            Its features, (snippets, crops, dim), in the type that a dataset stores.

        Raises
        ------
        InputError
            If the method gives no scores.
        """
        try:
            scores = score_rows(self.method, name, stored, self.spec.training, self.device)
        except NOT_THEIRS:
            raise
        except BaseException as error:  # of somebody else's method
            raise InputError(f"{name}: {self.name} gives no scores: {describe(error)}") from None
        return moving_mean(scores, self.choice.smooth)

    def about(self) -> dict[str, Any]:
        """Return what scored, for files of answers."""
        return {
            "method": self.spec.name,
            "run": self.key,
            "trained_on": self.spec.dataset,
            "seed": self.spec.seed,
            "selection": self.selection,
            "feature_set": self.features.id,
            "smoothed_over_snippets": self.choice.smooth,
            "threshold_from": self.threshold.said,
        }
