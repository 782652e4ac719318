"""Summaries of a number over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """Mean, sample standard deviation and 95 % interval of the mean over seeds.

    The interval is Student's t over the seeds alone: it says how far other seeds would move the mean on the same test
    videos, not how far other test videos would. With one seed, deviation and interval are None.
    """

    mean: float
    std: float | None
    n: int
    ci_low: float | None
    ci_high: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Summarise one number per seed."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Summary(mean, None, n, None, None)
    from scipy.special import stdtrit

    std = float(np.std(values, ddof=1))
    half = float(stdtrit(n - 1, 0.975)) * std / n**0.5
    return Summary(mean, std, n, mean - half, mean + half)


def other_seeds(summary: Summary) -> float:
    """Return how far from a mean over n seeds that over n other seeds lies at most, in 95 % of cases.

    Half of the prediction interval of a mean of n more values, t(0.975, n - 1) s √(2 / n) (Hahn, 1969); 0 where there
    is no deviation.
    """
    if not summary.std:
        return 0.0
    from scipy.special import stdtrit

    return float(stdtrit(summary.n - 1, 0.975)) * summary.std * math.sqrt(2 / summary.n)


def relative_drop(cross: float, in_domain: float) -> float | None:
    """Return the share of the in-domain number that is lost on another dataset: 1 - cross / in_domain (paper, Table 4).

    None where the in-domain number is 0.
    """
    return 1 - cross / in_domain if in_domain else None
