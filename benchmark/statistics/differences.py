"""Comparison of methods on one test set, each trained with a few seeds: videos and seeds are both sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Literal

import numpy as np
from pydantic import Field

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.ranking import Floats
from benchmark.statistics.bootstrap import draw_videos, frames_of_videos, resampled_metric
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel
from benchmark.terms import Metric

RESAMPLES = 10_000
SIGNIFICANCE = 0.05
# Metrics are exact to about 1e-15; a standard error below this is rounding.
ROUNDING = 1e-12

Standing = Literal["best", "indistinguishable", "worse"]


@dataclass(frozen=True)
class Resampled:
    """A metric of one method, for each seed on the test set and on resamples of its videos.

    Attributes
    ----------
    observed
        The metric on the test set, (seeds,).
    resampled
        The metric on each resample where it is defined, (seeds, resamples); the same resamples for all methods.
    videos
        Number of test videos.
    strata
        Number of labels among the test videos, 1 or 2.
    """

    observed: Floats
    resampled: Floats
    videos: int
    strata: int

    @property
    def mean(self) -> float:
        """Mean over seeds on the test set."""
        return float(np.mean(self.observed))

    @property
    def seed_variance(self) -> float:
        """Variance of the mean that is due to the seeds, on these videos; 0 where one seed cannot show it."""
        n = len(self.observed)
        return float(np.var(self.observed, ddof=1)) / n if n > 1 else 0.0

    @property
    def interaction(self) -> float:
        """Variance of the mean through videos that are hard for one seed and not for another; 0 with one seed.

        The mean over resamples of the variance over seeds of each seed's shift from its own value.
        """
        n = len(self.observed)
        if n == 1:
            return 0.0
        shifts = self.resampled - self.resampled.mean(axis=1, keepdims=True)
        return float(np.var(shifts, axis=0, ddof=1).mean()) / n


class Difference(FrozenModel, extra="ignore"):  # stores of earlier versions also number the other row
    """Difference of two methods' means over seeds, one - other, on a test set whose videos and seeds are samples.

    Attributes
    ----------
    gap
        Mean over the one's seeds less mean over the other's, as a fraction.
    ci_low, ci_high
        95 % interval of the difference.
    p
        Two-sided p-value of no difference; in a table after Holm's adjustment for all differences of the table.
    video_variance, seed_variance
        Variance of the difference that is due to the choice of videos and to that of seeds.
    covers_seeds
        False where a method has one seed: its network is then taken as given, and the interval says nothing of others.
    one, other
        Labels of the two rows in a table; not stored, as the same runs may be labelled otherwise in another table.
    """

    gap: float
    ci_low: float
    ci_high: float
    p: float
    video_variance: float
    seed_variance: float
    covers_seeds: bool
    one: str = Field(default="", exclude=True)
    other: str = Field(default="", exclude=True)

    @property
    def significant(self) -> bool:
        """Whether there is a difference, by its p-value."""
        return self.p <= SIGNIFICANCE

    def reversed(self) -> Difference:
        """Return the other less the one."""
        turned = {"gap": -self.gap, "ci_low": -self.ci_high, "ci_high": -self.ci_low}
        return self.model_copy(update={**turned, "one": self.other, "other": self.one})


def resample_methods(
    methods: Sequence[Sequence[ScoredVideos]], metric: Metric, resamples: int = RESAMPLES, seed: int = 0
) -> list[Resampled | None]:
    """Compute a metric of several methods on the same resamples of one test set.

    Parameters
    ----------
    methods
        For each method its scored test videos, one per seed; none where it was not evaluated.

    Returns
    -------
    One entry per method, in order; None without an evaluation, where the metric is undefined on the test set, or
    where that has one video per label.
    Resamples on which it is undefined are left out.

    Raises
    ------
    InputError
        If the evaluations are not all of the same videos and frames.
    """
    evaluations = [scored for method in methods for scored in method]
    if not evaluations:
        return [None] * len(methods)
    first = evaluations[0]
    for other in evaluations[1:]:
        _require_same_videos(first, other)
    counts = _draw(tuple(first.labels.tolist()), resamples, seed)
    strata = len(np.unique(first.labels))

    def of(method: Sequence[ScoredVideos]) -> Resampled | None:
        values = np.array([resampled_metric(scored, metric, counts) for scored in method])
        # With a video per label nothing can be resampled.
        if not method or np.isnan(values[:, 0]).any() or len(first.names) <= strata:
            return None
        resampled = values[:, 1:]
        return Resampled(values[:, 0], resampled[:, ~np.isnan(resampled[0])], len(first.names), strata)

    return [of(method) for method in methods]


@lru_cache(maxsize=1)  # the columns of a test set follow one another
def _draw(labels: tuple[int, ...], resamples: int, seed: int) -> Floats:
    """Draw the videos of a test set, (1 + resamples, videos); the test set itself is the first row."""
    drawn = draw_videos(np.array(labels), resamples, seed)
    return np.concatenate((np.ones((1, len(labels))), drawn))


def _require_same_videos(one: ScoredVideos, other: ScoredVideos) -> None:
    advice = "compare evaluations of one test set only"
    for name, other_name in zip_longest(one.names, other.names):
        if name != other_name:
            raise InputError(f"{name or other_name}: not in the same place in all evaluations; {advice}")
    frames, other_frames = (np.stack((scored.labels, *frames_of_videos(scored))) for scored in (one, other))
    differing = np.flatnonzero((frames != other_frames).any(axis=0))
    if differing.size:
        raise InputError(f"{one.names[differing[0]]}: has other frame labels in another evaluation; {advice}")


def compare(
    a: Sequence[ScoredVideos],
    b: Sequence[ScoredVideos],
    metric: Metric,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference | None:
    """Compare two methods, given their scored test videos, one per seed; see `difference`.

    None where one has no evaluation, or where the metric is undefined on the test set.

    Raises
    ------
    InputError
        If the evaluations are not all of the same videos and frames.
    """
    first, second = resample_methods([a, b], metric, resamples, seed)
    return None if first is None or second is None else difference(first, second)


def difference(a: Resampled, b: Resampled) -> Difference:
    """Return the difference of two methods that were resampled together.

    The variance over seeds, on the test videos at hand, holds the seeds' own effect and their interaction with these
    videos. The bootstrap holds the videos' effect and, as it keeps the seeds, the same interaction. The interaction is
    estimated from the bootstrap and taken off once, but never more of it than the variance over seeds can hold: each
    part by itself is a lower bound of the total. Seeds of the two methods are independent.
    """
    from scipy.special import stdtr, stdtrit

    # As in a sample variance: a bootstrap of few videos is too narrow by this much.
    correction = a.videos / (a.videos - a.strata)
    shifts = a.resampled.mean(axis=0) - b.resampled.mean(axis=0)
    from_videos = float(np.var(shifts, ddof=1)) * correction
    twice = sum(min(method.interaction * correction, method.seed_variance) for method in (a, b))
    video = max(from_videos - twice, 0.0)
    seeds = a.seed_variance + b.seed_variance
    gap, error = a.mean - b.mean, math.sqrt(video + seeds)
    if error < ROUNDING:
        # Nothing varies: either the methods rank all videos alike, or they differ alike on all of them.
        p, half = float(abs(gap) < ROUNDING), 0.0
    else:
        degrees = degrees_of_freedom(a, b, video)
        p = 2 * float(stdtr(degrees, -abs(gap) / error))
        half = float(stdtrit(degrees, 1 - SIGNIFICANCE / 2)) * error
    return Difference(
        gap=gap,
        ci_low=gap - half,
        ci_high=gap + half,
        p=p,
        video_variance=video,
        seed_variance=seeds,
        covers_seeds=min(len(a.observed), len(b.observed)) > 1,
    )


def from_constant(method: Resampled) -> Difference:
    """Return a method's mean as its difference from a number that does not vary, 0: the mean with its interval."""
    nothing = np.zeros((2, method.resampled.shape[1]))
    return difference(method, Resampled(nothing[:, 0], nothing, method.videos, method.strata))


def degrees_of_freedom(a: Resampled, b: Resampled, video_variance: float) -> float:
    """Return Student's degrees of freedom of a difference, by Welch (1947) and Satterthwaite (1946).

    They are n - 1 for the variance of each method's seeds, and videos - strata for that of the videos.
    """
    seeds = a.seed_variance + b.seed_variance
    parts = [(video_variance, a.videos - a.strata), *((m.seed_variance, max(len(m.observed) - 1, 1)) for m in (a, b))]
    return (video_variance + seeds) ** 2 / sum(variance**2 / degrees for variance, degrees in parts)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm, 1979).

    Rejecting where the adjusted value is at most 0.05 rejects any true null in at most 5 % of the tables, however the
    rows depend on one another.
    """
    count, running = len(p_values), 0.0
    adjusted = [0.0] * count
    for place, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running = max(running, min((count - place) * p_values[index], 1.0))
        adjusted[index] = running
    return adjusted


def best_and_indistinguishable(methods: Sequence[Resampled | None]) -> list[Standing | None]:
    """Tell the best of the methods by mean, and which others do not differ from it after Holm's adjustment.

    Parameters
    ----------
    methods
        All rows of a table, resampled together.

    Returns
    -------
    One standing per method, in order; None where it was not evaluated. Of several highest means the first is the best.
    """
    evaluated = {i: method for i, method in enumerate(methods) if method is not None}
    standings: list[Standing | None] = [None] * len(methods)
    if not evaluated:
        return standings
    best = max(evaluated, key=lambda i: evaluated[i].mean)
    standings[best] = "best"
    others = [i for i in evaluated if i != best]
    adjusted = holm([difference(evaluated[best], evaluated[i]).p for i in others])
    for i, p in zip(others, adjusted, strict=True):
        standings[i] = "worse" if p <= SIGNIFICANCE else "indistinguishable"
    return standings
