"""Frames ranked by their scores: one sort, from which every threshold-free metric follows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SortedFrames:
    """Rows of frames in order of their scores, the highest first.

    Attributes
    ----------
    scores
        Score of each row, (rows,), descending.
    positive, negative
        Number of positive and of negative frames of each row, (rows,).
    """

    scores: Floats
    positive: Ints
    negative: Ints

    @classmethod
    def sort(cls, scores: Floats, positive: Ints, negative: Ints) -> SortedFrames:
        """Sort rows that come in any order."""
        order, found = _sort(scores)
        return cls(found, positive.take(order), negative.take(order))

    def rows(self, which: NDArray[np.intp]) -> SortedFrames:
        """Return some rows, given by their indices in descending order of score."""
        return SortedFrames(self.scores.take(which), self.positive.take(which), self.negative.take(which))

    def points(self) -> OperatingPoints:
        """Return what each threshold lets through; tied rows are one point."""
        ends = self._ends_of_ties
        true_positive, false_positive = np.cumsum(self.positive).take(ends), np.cumsum(self.negative).take(ends)
        # The highest rows may stand for no frame, and a precision of nothing is undefined.
        empty = int(np.searchsorted(true_positive + false_positive, 0, side="right"))
        return OperatingPoints(true_positive[empty:], false_positive[empty:])

    def twice_above(self, frames: Ints) -> Ints:
        """Count the frames that score higher than each row twice, and those that tie with it once.

        Parameters
        ----------
        frames
            Number of frames of each row, (rows,).
        """
        ends = self._ends_of_ties
        return np.repeat(_with_previous(np.cumsum(frames)[ends]), np.diff(ends, prepend=-1))

    @cached_property
    def _ends_of_ties(self) -> NDArray[np.intp]:
        last = np.ones(len(self.scores), dtype=np.bool_)
        np.not_equal(self.scores[1:], self.scores[:-1], out=last[:-1])
        return np.flatnonzero(last)


@dataclass(frozen=True)
class OperatingPoints:
    """What each threshold on the score lets through, the highest threshold first.

    Attributes
    ----------
    true_positive, false_positive
        Positive and negative frames with at least each distinct score, (points,), both ascending; integers, so that
        metrics of frames are exact.
    """

    true_positive: Ints
    false_positive: Ints

    @property
    def positives(self) -> int:
        """Number of positive frames."""
        return int(self.true_positive[-1]) if self.true_positive.size else 0

    @property
    def negatives(self) -> int:
        """Number of negative frames."""
        return int(self.false_positive[-1]) if self.false_positive.size else 0

    def twice_lost(self) -> int:
        """Count the pairs of a positive and a negative frame that are ordered wrongly, twice; ties count one."""
        return int(np.dot(self._gained, _with_previous(self.false_positive)))

    def roc_auc(self) -> float:
        """Area under the ROC curve, a tie counting half; nan unless there are frames of both kinds."""
        return auc_of_pairs(self.twice_lost(), self.positives, self.negatives)

    def average_precision(self) -> float:
        """Sum of (R_n - R_(n-1)) P_n over the points; nan without positive frames."""
        return self._over_recall(self.precision())

    def pr_auc_trapezoid(self) -> float:
        """Trapezoid area under the precision-recall polyline from (0, 1); nan without positive frames."""
        precision = self.precision()
        # The polyline starts at recall 0, precision 1, as in scikit-learn's precision_recall_curve.
        return self._over_recall((precision + np.concatenate(([1.0], precision[:-1]))) / 2)

    @cached_property
    def _gained(self) -> Ints:
        """Positive frames that each point adds, (points,)."""
        gained = self.true_positive.copy()
        gained[1:] -= self.true_positive[:-1]
        return gained

    def precision(self) -> Floats:
        """Share of the frames let through that are positive, (points,)."""
        precision: Floats = self.true_positive / (self.true_positive + self.false_positive)
        return precision

    def _over_recall(self, height: Floats) -> float:
        if self.positives == 0:
            return float("nan")
        return float(np.sum(self._gained * height)) / self.positives


def auc_of_pairs(twice_lost: int, positives: int, negatives: int) -> float:
    """Return the share of pairs that are ordered rightly, a tie counting half; nan without pairs."""
    twice_all = 2 * positives * negatives
    return (twice_all - twice_lost) / twice_all if twice_all else float("nan")


def descending(scores: Floats) -> NDArray[np.intp]:
    """Return the indices that put finite scores in order, (rows,), the highest first; ties in any order."""
    return _sort(scores)[0]


def _sort(scores: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the indices that put finite scores in descending order, and the scores in that order.

    Sorting numbers is three times as fast as finding their order. So each score gives its lowest bits away to the
    number of its row, which a sort then carries along: all zero where scores were stored with 32 bits. Scores that
    differ in these bits alone may end up in the wrong order; that is seen, and they are sorted again in full.
    """
    numbered = np.negative(scores, dtype=np.float64)  # all in one array: new memory costs more than the arithmetic
    bits = numbered.view(np.int64)
    lowest = (1 << len(bits).bit_length()) - 1
    bits &= ~lowest
    bits += np.arange(len(bits))
    numbered.sort()  # as floating-point numbers: processors without AVX-512 do not compare integers as fast
    bits &= lowest
    found = scores.take(bits)
    if np.any(found[1:] > found[:-1]):
        bits = np.argsort(-scores)
        found = scores.take(bits)
    return bits, found


def _with_previous(through: Ints) -> Ints:
    """Add to each entry the one before it."""
    both = through.copy()
    both[1:] += through[:-1]
    return both


# Until a process has freed a large block, glibc gives every smaller one back to the system as soon as it is freed, and
# each metric would have its pages mapped and cleared anew: half of its time. This one is never touched, so it costs
# nothing; 32 MiB is the largest that counts.
_FREED = np.empty((32 << 20) - (64 << 10), dtype=np.uint8)
del _FREED
