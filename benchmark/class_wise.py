"""Class-wise AUC with intervals over the videos of a class, however few they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
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


@dataclass(frozen=True)
class ClassGap:
    """Difference of two methods' AUCs on one class of anomaly, means over seeds; see `ClassAuc`."""

    name: str
    definition: Definition
    videos: int
    one: float
    other: float
    ci_low: float | None
    ci_high: float | None

    @property
    def gap(self) -> float:
        """The first method's AUC less the other's."""
        return self.one - self.other


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
    pairs = [FramePairs.count(scored) for scored in seeds]
    found = []
    for part in _parts(seeds[0]):
        own = part.of(pairs)
        values = [float(p.roc_auc(part.everything)[0]) for p in own]
        if np.isfinite(values).all():
            low, high = _interval(part, lambda counts, own=own: _mean_auc(own, counts))  # type: ignore[misc]
            low, high = _clip(low, 0.0), _clip(high, 1.0)
            found.append(ClassAuc(part.name, part.definition, part.sizes[0], tuple(values), low, high))
    return found


def class_gaps(one: Sequence[ScoredVideos], other: Sequence[ScoredVideos]) -> list[ClassGap]:
    """Compare the AUCs of two methods class by class, on the same resamples; as `class_aucs` in all else."""
    pairs = [[FramePairs.count(scored) for scored in seeds] for seeds in (one, other)]
    found = []
    for part in _parts(one[0]):
        first, second = (part.of(seeds) for seeds in pairs)
        means = [float(_mean_auc(own, part.everything)[0]) for own in (first, second)]
        if np.isfinite(means).all():
            low, high = _interval(
                part,
                lambda counts, first=first, second=second: _mean_auc(first, counts) - _mean_auc(second, counts),  # type: ignore[misc]
            )
            found.append(ClassGap(part.name, part.definition, part.sizes[0], means[0], means[1], low, high))
    return found


@dataclass(frozen=True)
class _Part:
    """The videos that a class-wise AUC is about, those of the class first; each stratum is resampled by itself."""

    name: str
    definition: Definition
    strata: tuple[NDArray[np.intp], ...]

    @property
    def sizes(self) -> list[int]:
        return [len(stratum) for stratum in self.strata]

    @property
    def everything(self) -> Floats:
        return np.ones((1, sum(self.sizes)))

    def of(self, seeds: Sequence[FramePairs]) -> list[FramePairs]:
        return [pairs.of(np.concatenate(self.strata)) for pairs in seeds]


def _parts(scored: ScoredVideos) -> Iterator[_Part]:
    normal = np.flatnonzero(scored.labels == 0)
    for name in sorted({name for classes in scored.classes for name in classes}):
        members = np.flatnonzero([name in classes for classes in scored.classes] & (scored.labels == 1))
        yield _Part(name, "auc_class", (members,))
        if normal.size:
            yield _Part(name, "auc_class_vs_normal", (members, normal))


def _mean_auc(seeds: Sequence[FramePairs], counts: Floats) -> Floats:
    means: Floats = np.mean([pairs.roc_auc(counts) for pairs in seeds], axis=0)
    return means


def _interval(part: _Part, statistic: Callable[[Floats], Floats]) -> tuple[float | None, float | None]:
    """Return the interval of a statistic of how often each video is drawn; none where the videos allow none."""
    if min(part.sizes) < 2:
        return None, None
    variance = sum(_variance(part.sizes, place, statistic) for place in range(len(part.sizes)))
    if variance <= ROUNDING**2:
        return None, None
    half = float(stdtrit(part.sizes[0] - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)
    mean = float(statistic(part.everything)[0])
    return mean - half, mean + half


def _variance(sizes: Sequence[int], place: int, statistic: Callable[[Floats], Floats]) -> float:
    """Return the variance of a statistic when one stratum is resampled."""
    size, start = sizes[place], sum(sizes[:place])
    counts = np.ones((RESAMPLES, sum(sizes)))
    rng = np.random.default_rng(0)
    counts[:, start : start + size] = rng.multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
    values = statistic(counts)
    return float(np.var(values[np.isfinite(values)], ddof=1)) * size / (size - 1)


def _clip(value: float | None, limit: float) -> float | None:
    """Cut an end of an interval to the end of the scale."""
    if value is None:
        return None
    return max(value, limit) if limit == 0 else min(value, limit)
