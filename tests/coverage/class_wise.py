"""Coverage of the intervals of class-wise AUCs for classes with few videos: python -m tests.coverage.class_wise.

Test sets are those of `tests.coverage.simulate` with effects of videos; networks are all alike, since the intervals
take them as given. The true value is the mean over four times as many test sets, drawn separately.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from benchmark.metrics.frame import ScoredVideos, frame_metrics
from benchmark.statistics.class_wise import DEFINITIONS, ClassAuc, class_aucs
from tests.coverage.simulate import Setting, simulate

TABLES = 400
NORMAL = 60
SIZES = (2, 3, 5, 9, 21)


def draw(size: int, skewed: bool, rng: np.random.Generator) -> list[ScoredVideos]:
    """Two seeds scored on one new test set with some videos of a class and 60 normal ones."""
    setting = Setting("", 0.7, 0.0, 0.3, networks=2, videos=2 * NORMAL, skewed=skewed, methods=1)
    seeds = []
    for scored in simulate(setting, rng)[0]:
        kept = (scored.labels == 0) | (np.cumsum(scored.labels) <= size)
        few = scored.subset(kept)
        seeds.append(replace(few, classes=tuple(("A",) if label else () for label in few.labels)))
    return seeds


def covers(auc: ClassAuc, true: float) -> bool:
    return auc.ci_low is not None and auc.ci_high is not None and auc.ci_low <= true <= auc.ci_high


def main() -> None:
    print("| difficulty | videos | class alone | against normal | widths |\n|---|---|---|---|---|")
    for skewed in (False, True):
        for size in SIZES:
            rng = np.random.default_rng(size)
            values = defaultdict(list)
            for _ in range(4 * TABLES):
                for name, value in frame_metrics(draw(size, skewed, rng)[0]).items():
                    values[name].append(value)
            found = [auc for _ in range(TABLES) for auc in class_aucs(draw(size, skewed, rng))]
            shares, widths = [], []
            for definition in DEFINITIONS:
                own = [auc for auc in found if auc.definition == definition]
                true = float(np.nanmean(values[f"{definition}/A"]))
                shares.append(f"{100 * np.mean([covers(auc, true) for auc in own]):.1f}")
                widths.append(f"{100 * np.median([(a.ci_high or 0) - (a.ci_low or 0) for a in own]):.0f}")
            difficulty = "skewed" if skewed else "normal"
            print(f"| {difficulty} | {size} | {' | '.join(shares)} | {' / '.join(widths)} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
