"""Exact frame metrics of resampled test videos, all resamples at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.ranking import Floats, Ints
from benchmark.terms import Metric

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Elements of one temporary array, of which about five are held at a time: small enough for a processor's cache.
BLOCK_ELEMENTS = 500_000


def draw_videos(labels: Ints, resamples: int, seed: int) -> Ints:
    """Draw test videos with replacement, as many normal and as many abnormal ones as there are.

    Parameters
    ----------
    labels
        1 for an abnormal video, 0 for a normal one, (videos,).

    Returns
    -------
    How often each video is drawn, (resamples, videos). Equal arguments give equal draws: used for every method and seed
    of a table, they pair the resamples.
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(labels)), dtype=np.int64)
    for label in np.unique(labels):
        stratum = np.flatnonzero(labels == label)
        counts[:, stratum] = rng.multinomial(stratum.size, np.full(stratum.size, 1 / stratum.size), size=resamples)
    return counts


def resampled_metric(scored: ScoredVideos, metric: Metric, counts: Ints | Floats) -> Floats:
    """Compute a frame metric of the test set in which each video occurs as often as it was drawn.

    Parameters
    ----------
    counts
        How often each video occurs, (resamples, videos), not negative.

    Returns
    -------
    The metric of each resample, (resamples,); nan where it is undefined: for AP without positive frames, for AUC
    unless there are frames of both kinds. That depends on the videos alone, so it is the same for all methods.
    """
    weights = np.asarray(counts, dtype=np.float64)
    match metric:
        case "auc_frame":
            return FramePairs.count(scored).roc_auc(weights)
        case "ap_frame":
            return _average_precision(scored, weights)


def twice_won(scored: ScoredVideos) -> Floats:
    """Count the pairs of frames that each pair of videos orders rightly, twice, so that ties count one.

    Returns
    -------
    Twice the (positive frame of video i, negative frame of video j) pairs where the positive scores higher, plus those
    that are tied, (videos, videos); integers, exact in float64 below 2**53.
    """
    from scipy.sparse import csr_array

    videos = len(scored.names)
    found, others = np.flatnonzero(scored.positive), np.flatnonzero(scored.negative)
    # Of the scores that positive frames have, a negative snippet counts from the first on that is not below it, and
    # once more from the first above: so lower ones count two, and tied ones one.
    steps, step = np.unique(scored.scores[found], return_inverse=True)
    negative = scored.negative[others]
    begin = np.concatenate([np.searchsorted(steps, scored.scores[others], side) for side in ("left", "right")])
    order = np.argsort(begin, kind="stable")
    begin, video, frames = begin[order], np.tile(scored.video[others], 2)[order], np.tile(negative, 2)[order]
    positive = csr_array((scored.positive[found].astype(np.float64), (scored.video[found], step)), (videos, steps.size))
    wins, below = np.zeros((videos, videos)), np.zeros(videos)
    block = max(BLOCK_ELEMENTS // max(videos, 1), 1)
    for start in range(0, steps.size, block):
        size = min(block, steps.size - start)
        own = slice(*np.searchsorted(begin, (start, start + size)))
        place = (begin[own] - start) * videos + video[own]
        added = np.bincount(place, weights=frames[own], minlength=size * videos).reshape(size, videos)
        lower = below + np.cumsum(added, axis=0)
        wins += positive[:, start : start + size] @ lower
        below = lower[-1]
    return wins


def frames_of_videos(scored: ScoredVideos) -> tuple[Floats, Floats]:
    """Return the number of positive and of negative frames of each video, both (videos,)."""
    positive, negative = (
        np.bincount(scored.video, weights=frames).astype(np.float64) for frames in (scored.positive, scored.negative)
    )
    return positive, negative


@dataclass(frozen=True)
class DrawnPairs:
    """Pairs and frames of resamples of a test set, or of a part of one; one row stands for all where a part is fixed.

    Attributes
    ----------
    twice_won
        Pairs of a positive and a negative frame that are ordered rightly, twice, so that ties count one, (resamples,).
    positive, negative
        Number of positive and of negative frames, (resamples,).
    """

    twice_won: Floats
    positive: Floats
    negative: Floats

    def roc_auc(self) -> Floats:
        """AUC of each resample, (resamples,); nan without frames of both kinds."""
        return _ratio(self.twice_won, 2 * self.positive * self.negative)

    def of(self, row: int) -> DrawnPairs:
        """Return one resample by itself, (1,)."""
        only = slice(row, row + 1)
        return DrawnPairs(self.twice_won[only], self.positive[only], self.negative[only])

    def joined(self, other: DrawnPairs, between: Floats) -> DrawnPairs:
        """Join two parts of a test set, given the pairs won between them, (resamples,), twice."""
        return DrawnPairs(
            self.twice_won + other.twice_won + between,
            self.positive + other.positive,
            self.negative + other.negative,
        )


@dataclass(frozen=True)
class FramePairs:
    """All that the AUC of any resample of a test set depends on: pairs won between videos, frames of videos.

    Attributes
    ----------
    twice_won
        See `twice_won`, (videos, videos).
    positive, negative
        Number of positive and of negative frames of each video, (videos,).
    """

    twice_won: Floats
    positive: Floats
    negative: Floats

    @classmethod
    def count(cls, scored: ScoredVideos) -> FramePairs:
        """Count the pairs of a scored test set, once for as long as that is in memory."""
        counted = _COUNTED.get(scored)
        if counted is None:
            counted = _COUNTED[scored] = cls(twice_won(scored), *frames_of_videos(scored))
        return counted

    def of(self, videos: NDArray[np.intp]) -> FramePairs:
        """Return the pairs among some videos, given by their indices."""
        return FramePairs(self.twice_won[np.ix_(videos, videos)], self.positive[videos], self.negative[videos])

    def between(self, one: NDArray[np.intp], other: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Count the pairs won, twice, between each video of one set and all of another, whichever holds the positive.

        Returns
        -------
        For each video of the first set, (one,), and for each of the other, (other,).
        """
        won, lost = self.twice_won[np.ix_(one, other)], self.twice_won[np.ix_(other, one)]
        return won.sum(axis=1) + lost.sum(axis=0), won.sum(axis=0) + lost.sum(axis=1)

    def drawn(self, weights: Floats) -> DrawnPairs:
        """Count the pairs and frames of each row of weights w, (resamples, videos): w'Mw, w'P and w'N.

        A video drawn twice also meets its own copy.
        """
        rows, columns = np.flatnonzero(self.positive), np.flatnonzero(self.negative)  # elsewhere no pair is won
        won = np.einsum("rv,rv->r", weights[:, rows] @ self.twice_won[np.ix_(rows, columns)], weights[:, columns])
        return DrawnPairs(won, weights @ self.positive, weights @ self.negative)

    def roc_auc(self, weights: Floats) -> Floats:
        """AUC of each row of weights, (resamples, videos); nan without frames of both kinds."""
        return self.drawn(weights).roc_auc()

    def ranked_rightly(self) -> Floats:
        """Share of the pairs of frames that each video is part of which are ordered rightly, (videos,); ties half.

        For a video with positive frames these are its positive frames with all negative ones, else all positive frames
        with its negative ones: what it adds to the AUC of the test set. nan where there is no such pair.
        """
        own = _ratio(self.twice_won.sum(axis=1), 2 * self.positive * self.negative.sum())
        others = _ratio(self.twice_won.sum(axis=0), 2 * self.positive.sum() * self.negative)
        return np.where(self.positive > 0, own, others)

    def roc_auc_of_each(self) -> Floats:
        """AUC of each video by itself, (videos,); nan where its frames are of one kind."""
        return _ratio(np.diag(self.twice_won), 2 * self.positive * self.negative)


_COUNTED: WeakKeyDictionary[ScoredVideos, FramePairs] = WeakKeyDictionary()


def _average_precision(scored: ScoredVideos, weights: Floats) -> Floats:
    """Average precision of each row of weights.

    The sum of (R_n - R_(n-1)) P_n has a term for each distinct score that some positive frame has. The frames between
    two such scores only matter by their number, so they are added up first: few sums remain to be accumulated.
    """
    from scipy.sparse import csr_array

    rank = np.unique(-scored.scores, return_inverse=True)[1]
    steps = np.unique(rank[scored.positive > 0])
    step = np.searchsorted(steps, rank)
    # Frames below the last positive one change nothing.
    kept = step < steps.size

    def per_step(frames: Ints) -> csr_array:
        entries = frames[kept].astype(np.float64), (step[kept], scored.video[kept])
        return csr_array(entries, shape=(steps.size, weights.shape[1]))

    positive, everything = per_step(scored.positive), per_step(scored.positive + scored.negative)
    values = np.empty(len(weights))
    block = max(BLOCK_ELEMENTS // max(steps.size, 1), 1)
    for start in range(0, len(weights), block):
        drawn = np.ascontiguousarray(weights[start : start + block].T)
        found = positive @ drawn
        precision = np.cumsum(found, axis=0) / np.maximum(np.cumsum(everything @ drawn, axis=0), 1)
        values[start : start + block] = np.einsum("sr,sr->r", found, precision)
    return _ratio(values, weights @ frames_of_videos(scored)[0])


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio: Floats = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
