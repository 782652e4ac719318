"""Scores smoothed over time."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", bound=np.floating[Any])


def moving_mean(scores: NDArray[_Float], width: int) -> NDArray[_Float]:
    """Return the mean of each score and its neighbours; at the ends, of those that there are.

    Parameters
    ----------
    scores
        Of one video, (snippets,), one at least.
    width
        How many scores a mean is over, odd.
    """
    if width == 1:
        return scores
    sums = np.concatenate(([0.0], np.cumsum(scores, dtype=np.float64)))
    places = np.arange(len(scores))
    first, last = np.maximum(places - width // 2, 0), np.minimum(places + width // 2 + 1, len(scores))
    means: NDArray[_Float] = ((sums[last] - sums[first]) / (last - first)).astype(scores.dtype)
    within: NDArray[_Float] = np.clip(means, scores.min(), scores.max())  # not beyond them by rounding
    return within
