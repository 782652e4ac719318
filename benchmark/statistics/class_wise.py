"""Class-wise AUC with intervals over the videos of a class, however few they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Literal

import numpy as np

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.ranking import Floats
from benchmark.statistics.bootstrap import FramePairs
from benchmark.statistics.differences import ROUNDING
from benchmark.system.frozen import FrozenModel

RESAMPLES = 2000
CONFIDENCE = 0.95

Definition = Literal["auc_class", "auc_class_vs_normal"]
DEFINITIONS: tuple[Definition, ...] = ("auc_class", "auc_class_vs_normal")
"""Over the frames of the abnormal videos of a class alone; over these and all normal videos."""


class ClassAuc(FrozenModel):
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


class ClassGap(FrozenModel):
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
    found = []
    for part in _resample(seeds):
        values = part.observed
        if np.isfinite(values).all():
            low, high = _interval(part.sizes, part.means)
            low, high = _clip(low, 0.0), _clip(high, 1.0)
            found.append(
                ClassAuc(
                    name=part.name,
                    definition=part.definition,
                    videos=part.sizes[0],
                    values=tuple(values.tolist()),
                    ci_low=low,
                    ci_high=high,
                )
            )
    return found


def class_gaps(one: Sequence[ScoredVideos], other: Sequence[ScoredVideos]) -> list[ClassGap]:
    """Compare the AUCs of two methods class by class, on the same resamples; as `class_aucs` in all else."""
    found = []
    for first, second in zip(_resample(one), _resample(other), strict=True):
        if np.isfinite(first.observed).all() and np.isfinite(second.observed).all():
            low, high = _interval(first.sizes, [a - b for a, b in zip(first.means, second.means, strict=True)])
            found.append(
                ClassGap(
                    name=first.name,
                    definition=first.definition,
                    videos=first.sizes[0],
                    one=float(first.means[0][0]),
                    other=float(second.means[0][0]),
                    ci_low=low,
                    ci_high=high,
                )
            )
    return found


@dataclass(frozen=True)
class _Resampled:
    """A class-wise AUC on the test set and on resamples of it, one stratum of videos at a time.

    Attributes
    ----------
    sizes
        Number of videos of each stratum: those of the class, then the normal ones if they take part.
    aucs
        For each stratum, with the others as they are, (seeds, 1 + resamples); the test set itself comes first.
    """

    name: str
    definition: Definition
    sizes: tuple[int, ...]
    aucs: tuple[Floats, ...]

    @property
    def observed(self) -> Floats:
        """The AUC on the test set, (seeds,)."""
        return self.aucs[0][:, 0]

    @property
    def means(self) -> list[Floats]:
        """Means over seeds for each stratum, (1 + resamples,)."""
        return [auc.mean(axis=0) for auc in self.aucs]


def _resample(seeds: Sequence[ScoredVideos]) -> Iterator[_Resampled]:
    """Resample each class by both definitions; the normal videos are drawn once for all classes."""
    videos, counted = seeds[0], [FramePairs.count(scored) for scored in seeds]
    abnormal, normal = videos.labels == 1, np.flatnonzero(videos.labels == 0)
    normal_draws = _draws(normal.size)
    normal_pairs = [pairs.of(normal).drawn(normal_draws) for pairs in counted]
    for name in sorted({name for classes in compress(videos.classes, abnormal) for name in classes}):
        members = np.flatnonzero([name in classes for classes in videos.classes] & abnormal)
        draws = _draws(members.size)
        own = [pairs.of(members).drawn(draws) for pairs in counted]
        alone = np.stack([pairs.roc_auc() for pairs in own])
        yield _Resampled(name, "auc_class", (members.size,), (alone,))
        if normal.size == 0:
            continue
        of_members, of_normal = [], []
        for pairs, mine, theirs in zip(counted, own, normal_pairs, strict=True):
            of_member, of_other = pairs.between(members, normal)
            of_members.append(mine.joined(theirs.of(0), draws @ of_member).roc_auc())
            of_normal.append(theirs.joined(mine.of(0), normal_draws @ of_other).roc_auc())
        sizes = (members.size, normal.size)
        yield _Resampled(name, "auc_class_vs_normal", sizes, (np.stack(of_members), np.stack(of_normal)))


@lru_cache(32)
def _draws(size: int) -> Floats:
    """Draw as many of some videos as there are, with replacement: (1 + resamples, size), first each of them once."""
    draws = np.ones((1 + RESAMPLES, size))
    if size:
        draws[1:] = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
    draws.flags.writeable = False  # the same for all classes of that size, and for all methods
    return draws


def _interval(sizes: Sequence[int], strata: Sequence[Floats]) -> tuple[float | None, float | None]:
    """Return the interval of a statistic that was resampled stratum by stratum; none where the videos allow none."""
    if min(sizes) < 2:
        return None, None
    variance = sum(_variance(values[1:], size) for values, size in zip(strata, sizes, strict=True))
    if variance <= ROUNDING**2:
        return None, None
    from scipy.special import stdtrit

    half = float(stdtrit(sizes[0] - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)
    observed = float(strata[0][0])
    return observed - half, observed + half


def _variance(values: Floats, size: int) -> float:
    """Return the variance of a statistic over resamples of a stratum, as large as videos drawn anew would make it."""
    return float(np.var(values[np.isfinite(values)], ddof=1)) * size / (size - 1)


def _clip(value: float | None, limit: float) -> float | None:
    """Cut an end of an interval to the end of the scale."""
    if value is None:
        return None
    return max(value, limit) if limit == 0 else min(value, limit)
