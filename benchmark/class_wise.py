"""Class-wise AUC with intervals over the videos of a class, however few they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmark.bootstrap import FramePairs
from benchmark.comparison import ROUNDING
from benchmark.metrics import Floats, ScoredVideos

RESAMPLES = 2000
CONFIDENCE = 0.95

Definition = Literal["auc_class", "auc_class_vs_normal"]
DEFINITIONS: tuple[Definition, ...] = ("auc_class", "auc_class_vs_normal")
"""Over the frames of the abnormal videos of a class alone; over these and all normal videos."""


@dataclass(frozen=True)
class ClassAuc:
    """AUC of a method on one class of anomaly.

    Attributes
    ----------
    name
        The class.
    videos
        Number of its test videos.
    values
        The AUC for each seed.
    ci_low, ci_high
        95 % interval of the mean over seeds if other test videos were drawn, the seeds taken as given; None where the
        videos say nothing of others: there is one of a kind, or no resample differs.
    """

    name: str
    definition: Definition
    videos: int
    values: tuple[float, ...]
    ci_low: float | None
    ci_high: float | None

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.values))


def class_aucs(seeds: Sequence[ScoredVideos]) -> list[ClassAuc]:
    """Compute the AUC of each class by both definitions, where it is defined.

    Videos of the class and normal videos are resampled separately. The variance of the mean over seeds is the sum of
    both parts, each corrected for its number of videos by n / (n - 1). The interval is Student's t with n - 1 degrees
    of freedom, n for the videos of the class alone: they are the few. So three videos look like three, which the
    percentiles of a bootstrap of three would not.

    Parameters
    ----------
    seeds
        The scored test videos of one method, one per seed.

    Returns
    -------
    Classes by name; one whose frames are all of one kind is left out where that makes the AUC undefined, and so is the
    second definition without normal videos.
    """
    first = seeds[0]
    pairs = [FramePairs.count(scored) for scored in seeds]
    normal = np.flatnonzero(first.labels == 0)
    found = []
    for name in sorted({name for classes in first.classes for name in classes}):
        members = np.flatnonzero([name in classes for classes in first.classes] & (first.labels == 1))
        strata: dict[Definition, list[NDArray[np.intp]]] = {"auc_class": [members]}
        if normal.size:
            strata["auc_class_vs_normal"] = [members, normal]
        for definition, parts in strata.items():
            result = _class_auc(name, definition, [p.of(np.concatenate(parts)) for p in pairs], [*map(len, parts)])
            if result is not None:
                found.append(result)
    return found


def _class_auc(name: str, definition: Definition, seeds: Sequence[FramePairs], sizes: Sequence[int]) -> ClassAuc | None:
    values = [float(pairs.roc_auc(np.ones((1, sum(sizes))))[0]) for pairs in seeds]
    if not np.isfinite(values).all():
        return None
    low, high = None, None
    if min(sizes) > 1:
        variance = sum(_variance(seeds, sizes, place) for place in range(len(sizes)))
        if variance > ROUNDING**2:
            low, high = _interval(float(np.mean(values)), variance, sizes[0] - 1)
    return ClassAuc(name, definition, sizes[0], tuple(values), low, high)


def _variance(seeds: Sequence[FramePairs], sizes: Sequence[int], place: int) -> float:
    """Return the variance of the mean over seeds when one part of the videos is resampled."""
    size, start = sizes[place], sum(sizes[:place])
    counts = np.ones((RESAMPLES, sum(sizes)))
    rng = np.random.default_rng(0)
    counts[:, start : start + size] = rng.multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
    means: Floats = np.mean([pairs.roc_auc(counts) for pairs in seeds], axis=0)
    return float(np.var(means[np.isfinite(means)], ddof=1)) * size / (size - 1)


def _interval(mean: float, variance: float, degrees: int) -> tuple[float, float]:
    half = float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)
    return max(mean - half, 0.0), min(mean + half, 1.0)
