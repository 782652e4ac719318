"""What the parts of a trained method carry, in numbers: spread, agreement, entropy, swaps, shares of a loss."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WINDOW = 50
"""The start, the middle and the end of a training are a fiftieth of its steps each, and at least one step."""


def spread_within(scores: Floats) -> float:
    """Return the standard deviation within a video, mean over videos, of (videos, T); nan without videos."""
    return _mean(scores.std(axis=1))


def rank_correlation(first: Floats, second: Floats) -> float:
    """Return Spearman's correlation within a video, mean over videos, of twice (videos, T).

    Videos in which one of the two is constant have none; nan if that is all of them.
    """
    found = np.array([_spearman(one, other) for one, other in zip(first, second, strict=True)])
    return _mean(found[~np.isnan(found)])


def entropy_share(scores: Floats) -> float:
    """Return the entropy of scores over classes, each row divided by its sum, as a share of the uniform one's.

    Parameters
    ----------
    scores
        Non-negative, (…, classes).

    Returns
    -------
    Mean over the rows that are not all 0; nan without such a row, or with less than two classes.
    """
    classes = scores.shape[-1]
    rows = scores.reshape(-1, classes)
    rows = rows[rows.sum(axis=1) > 0]
    if classes < 2:
        return math.nan
    shares = rows / rows.sum(axis=1, keepdims=True)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return _mean(-(shares * logs).sum(axis=1)) / math.log(classes)


def swapped_means(crossed: Floats, labels: NDArray[np.int64]) -> Floats:
    """Return the mean score of segments of a class that were given what videos of a class are as a whole.

    Parameters
    ----------
    crossed
        Mean score of the segments of video i with what video j gave, (videos i, videos j); nan where there is none.
    labels
        0 normal, 1 abnormal, (videos,).

    Returns
    -------
    Label of the segments, label of the other video; (2, 2). Pairs of a video with itself are left out; nan where there
    is no other pair.
    """
    usable = ~np.isnan(crossed) & ~np.eye(len(labels), dtype=np.bool_)
    of = [labels == label for label in (0, 1)]
    return np.array([[_mean(crossed[usable & i[:, None] & j]) for j in of] for i in of])


def loss_shares(curves: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the share of each term in the loss at the start, the middle and the end of a training, (3,).

    Parameters
    ----------
    curves
        The terms of every step, (steps,), and their ``"loss"``.
    """
    steps = len(curves["loss"])
    width = max(1, steps // WINDOW)
    starts = (0, (steps - width) // 2, steps - width)
    means = {
        name: np.array([curve[start : start + width].mean() for start in starts]) for name, curve in curves.items()
    }
    loss = means.pop("loss")
    return {
        name: np.divide(mean, loss, out=np.full_like(mean, math.nan), where=loss != 0) for name, mean in means.items()
    }


def _spearman(first: Floats, second: Floats) -> float:
    one, other = (ranks - ranks.mean() for ranks in map(_ranks, (first, second)))
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / scale if scale else math.nan


def _ranks(values: Floats) -> Floats:
    """Return the ranks from 1 on, equal values sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else math.nan
