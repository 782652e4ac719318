"""The methods of a line-up in the order of their means, each with its interval and where it stands."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import accumulate

from benchmark.runs.store import RunStore
from benchmark.statistics.differences import Standing
from benchmark.tables.compared import rank_rows
from benchmark.tables.line_ups import Contender, LineUp


@dataclass(frozen=True)
class Ranked:
    """A method's place on a dataset.

    Attributes
    ----------
    mean
        Of the dataset's metric over seeds.
    ci_low, ci_high
        95 % interval of the mean for other test videos and, with several seeds, other seeds; cut to 0 and 1.
    covers_seeds
        Whether the interval counts the seeds, or takes the one there is as given.
    standing
        Whether it is the best, not distinguishable from the best, or worse.
    """

    contender: Contender
    mean: float
    ci_low: float
    ci_high: float
    covers_seeds: bool
    standing: Standing


def leading(line_up: LineUp, most: int, always: Collection[Contender], store: RunStore) -> LineUp:
    """Return a line-up with the methods of the highest stored means, in their order.

    Parameters
    ----------
    most
        Runs that they may have together. Where all methods have no more, all stay.
    always
        Those that stay whatever their means are.
    """
    metric = line_up.dataset.metric

    def mean(contender: Contender) -> float:
        found = (store.evaluation(run, key) for run, key in contender.seeds)
        values = [value for one in found if one and (value := one.metrics.get(metric)) is not None]
        return sum(values) / len(values) if values else -math.inf

    best = sorted(line_up.contenders, key=mean, reverse=True)
    runs = accumulate(len(contender.seeds) for contender in best)
    kept = {contender for contender, so_far in zip(best, runs, strict=True) if so_far <= most} | set(always)
    return replace(line_up, contenders=tuple(c for c in line_up.contenders if c in kept))


def rank(line_up: LineUp, store: RunStore) -> tuple[Ranked, ...]:
    """Rank a line-up's methods, the best first; one without stored scores or a defined metric is left out."""
    column = rank_rows([contender.seeds for contender in line_up.contenders], line_up.dataset.metric, store)
    found = [
        Ranked(
            contender,
            mean=row.mean.gap,
            ci_low=max(row.mean.ci_low, 0.0),
            ci_high=min(row.mean.ci_high, 1.0),
            covers_seeds=row.mean.covers_seeds,
            standing=row.standing,
        )
        for contender, row in zip(line_up.contenders, column.rows, strict=True)
        if row is not None
    ]
    return tuple(sorted(found, key=lambda ranked: -ranked.mean))
