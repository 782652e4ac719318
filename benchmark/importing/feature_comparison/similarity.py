"""Similarity of two sets of features of the same videos, for every shift in time and every pair of crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmark.datasets.input_stage import unit_length

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHIFTS = (-2, -1, 0, 1, 2)
"""Snippets that the other set is tried later by."""
SAME_TIME = 2
"""Rows that two sets may differ by in a video while row t still means the same time in both."""
_ROUNDING = 1e-5
"""Of a cosine, in which no order and no shift shows."""
_EXPLAINED = 0.5
"""Share of what a cosine lacks to 1 that another order or shift has to make up for, to be believed."""


@dataclass(frozen=True, eq=False)
class VideoSimilarity:
    """How alike two sets are in one video.

    Attributes
    ----------
    rows_here, rows_there
        Snippets of the video in either set.
    mean, least
        Cosine similarity over the compared snippets, (shifts, crops here, crops there), by the shifts of `SHIFTS`; nan
        where a shift leaves nothing to compare.
    scale
        Median norm there, divided by the median norm here; nan where one is zero.
    """

    name: str
    rows_here: int
    rows_there: int
    mean: Floats
    least: Floats
    scale: float


@dataclass(frozen=True)
class Match:
    """How crops and snippets of two sets go together best.

    Attributes
    ----------
    shift
        Place in `SHIFTS`.
    here, there
        Crops that go together, counted from 0, (pairs,) each.
    """

    shift: int
    here: Ints
    there: Ints

    @property
    def in_order(self) -> bool:
        """Whether each crop goes with the one of its own number."""
        return bool(np.array_equal(self.here, self.there))

    def cosine(self, video: VideoSimilarity) -> float:
        """Return the mean cosine similarity of a video's snippets under this match."""
        return float(video.mean[self.shift, self.here, self.there].mean())

    def least(self, video: VideoSimilarity) -> float:
        """Return the lowest cosine similarity of a video's snippets under this match."""
        return float(video.least[self.shift, self.here, self.there].min())


def rows_there(rows: Ints, here: int, there: int) -> Ints:
    """Return which rows of the other set show the time of some rows here.

    Parameters
    ----------
    here, there
        Rows of the video in either set: where they are nearly equal, a row is the same time in both, else the same
        share of the video.
    """
    if abs(here - there) <= SAME_TIME:
        return rows
    places: Ints = np.floor((rows + 0.5) * (there / here)).astype(np.int64)
    return places


class Similarities:
    """Gathers the similarity of two sets, video by video.

    Parameters
    ----------
    crops_here, crops_there, dim
        Of the two sets.
    """

    def __init__(self, crops_here: int, crops_there: int, dim: int) -> None:
        self.videos: list[VideoSimilarity] = []
        shifts = len(SHIFTS)
        self._count = np.zeros(shifts)
        self._dot = np.zeros((shifts, crops_here, crops_there))
        self._sums = (np.zeros((shifts, crops_here, dim)), np.zeros((shifts, crops_there, dim)))
        self._squares = (np.zeros((shifts, crops_here)), np.zeros((shifts, crops_there)))

    def add(self, name: str, rows: tuple[int, int], ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
        """Add a video.

        Parameters
        ----------
        rows
            Of the video, here and there.
        ours
            Some snippets, (snippets, crops, dim).
        theirs
            What the other set has for them at each shift, (shifts, snippets, crops, dim); nan where there is none.
        """
        shape = (len(SHIFTS), ours.shape[1], theirs.shape[2])
        mean, least = np.full(shape, np.nan), np.full(shape, np.nan)
        for place, shifted in enumerate(theirs):
            there = ~np.isnan(shifted[:, 0, 0])
            if there.any():
                one, other = (unit_length(values[there].astype(np.float64)) for values in (ours, shifted))
                cosines = _cosines(one, other)
                mean[place], least[place] = cosines.mean(axis=0), cosines.min(axis=0)
                self._gather(place, one, other)
        unshifted = theirs[SHIFTS.index(0)]
        norms = [float(np.nanmedian(np.linalg.norm(values, axis=-1))) for values in (ours, unshifted)]
        scale = norms[1] / norms[0] if min(norms) > 0 else float("nan")
        self.videos.append(VideoSimilarity(name, *rows, mean, least, scale))

    def _gather(self, place: int, one: Floats, other: Floats) -> None:
        self._count[place] += len(one)
        self._dot[place] += np.einsum("tcd,tkd->ck", one, other)
        for values, sums, squares in zip((one, other), self._sums, self._squares, strict=True):
            sums[place] += values.sum(axis=0)
            squares[place] += np.einsum("tcd,tcd->c", values, values)

    def best_match(self) -> Match:
        """Return the shift and the pairs of crops with the highest mean cosine.

        In order and unshifted, unless that halves at least what the cosine lacks to 1.
        """
        means = np.stack([video.mean for video in self.videos])
        unshifted = SHIFTS.index(0)
        best, lacking = self._order(unshifted, means[:, unshifted].mean(axis=0))[0], _EXPLAINED
        for place in range(len(SHIFTS)):
            there = np.isfinite(means[:, place]).all(axis=(1, 2))  # short videos lack some shifts
            if there.any():
                match, cosine = self._order(place, means[there, place].mean(axis=0))
                _, before = self._order(unshifted, means[there, unshifted].mean(axis=0))
                if before < 1 - _ROUNDING and (1 - cosine) / (1 - before) < lacking:
                    best, lacking = match, (1 - cosine) / (1 - before)
        return best

    @staticmethod
    def _order(place: int, cosines: Floats) -> tuple[Match, float]:
        usual: Ints = np.arange(min(cosines.shape))
        here, there = linear_sum_assignment(-cosines)
        reached, in_order = float(cosines[here, there].mean()), float(cosines[usual, usual].mean())
        if in_order > 1 - _ROUNDING or 1 - reached > _EXPLAINED * (1 - in_order):
            return Match(place, usual, usual), in_order
        return Match(place, here.astype(np.int64), there.astype(np.int64)), reached

    def correlation(self, match: Match) -> float:
        """Return how far what differs between snippets goes together, in [-1, 1].

        That is Pearson's correlation over all compared snippets, crops and dimensions of vectors of length 1, each
        crop's mean vector taken off. It is near 0 for unrelated features, while their cosine is high where no value is
        negative. nan where snippets do not differ.
        """
        count, place = self._count[match.shift], match.shift
        one, other = self._sums[0][place, match.here], self._sums[1][place, match.there]
        together = self._dot[place, match.here, match.there].sum() - (one * other).sum() / count
        spread = self._squares[0][place, match.here].sum() - (one**2).sum() / count
        other_spread = self._squares[1][place, match.there].sum() - (other**2).sum() / count
        whole = self._squares[0][place].sum(), self._squares[1][place].sum()
        if spread <= 1e-9 * whole[0] or other_spread <= 1e-9 * whole[1]:
            return float("nan")
        return float(together / np.sqrt(spread * other_spread))


def _cosines(one: Floats, other: Floats) -> Floats:
    """Return the cosine similarity of all pairs of crops of each snippet, (snippets, crops here, crops there).

    Vectors have the length 1, or 0: two of zeros are the same.
    """
    cosines: Floats = np.einsum("tcd,tkd->tck", one, other)
    zeros = [~np.any(values, axis=-1, keepdims=True) for values in (one, other)]
    empty = zeros[0] & zeros[1].swapaxes(1, 2)
    cosines[empty] = 1.0
    return cosines
