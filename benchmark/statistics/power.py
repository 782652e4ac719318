"""How many seeds and test videos would show a difference of a given size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.statistics.differences import SIGNIFICANCE

POWER = 0.8
"""Share of repetitions that are to show the difference."""
MOST_SEEDS = 100


@dataclass(frozen=True)
class Precision:
    """What a comparison's variance is made of, so that it can be foretold for other numbers of seeds and videos.

    The variance due to videos goes with one over their number, that due to seeds with one over theirs (as many for both
    methods). Both are estimates from few seeds themselves: what follows is an order of magnitude.

    Attributes
    ----------
    video_variance, seed_variance
        See `benchmark.statistics.differences.Difference`.
    seeds, videos
        How many each method had, and how many test videos there were.
    """

    video_variance: float
    seed_variance: float
    seeds: int
    videos: int

    def detectable(self, seeds: int, videos: int) -> float:
        """Return the true difference that 80 % of repetitions would show at p <= 0.05, unadjusted."""
        from scipy.special import stdtrit

        video = self.video_variance * self.videos / videos
        seed = self.seed_variance * self.seeds / seeds
        total = video + seed
        if total == 0:
            return 0.0
        # Welch and Satterthwaite; both methods are taken to vary alike over seeds, and videos are of two strata.
        degrees = total**2 / (video**2 / max(videos - 2, 1) + seed**2 / (2 * max(seeds - 1, 1)))
        quantiles = float(stdtrit(degrees, 1 - SIGNIFICANCE / 2)) + float(stdtrit(degrees, POWER))
        return quantiles * math.sqrt(total)

    def seeds_for(self, size: float) -> int | None:
        """Return the fewest seeds that would show a difference on as many videos; None if 100 would not."""
        enough = (n for n in range(2, MOST_SEEDS + 1) if self.detectable(n, self.videos) <= size)
        return next(enough, None)

    def videos_for(self, size: float) -> int | None:
        """Return about the fewest test videos that would show it with as many seeds; None if 1000 times as many fail.

        What is detectable falls with the number of videos, but for a trifle that Welch's degrees of freedom make: so
        numbers are tried, half a percent apart.
        """
        tried = np.unique(np.geomspace(3, 1000 * self.videos, 2000).round().astype(int))
        return next((int(videos) for videos in tried if self.detectable(self.seeds, int(videos)) <= size), None)
