"""Measures of events on resampled test videos: their intervals, and what two methods differ by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import event_measures
from benchmark.metrics.ranking import Floats, Ints
from benchmark.statistics.bootstrap import draw_videos
from benchmark.statistics.differences import Difference, Resampled, difference
from benchmark.system.frozen import FrozenModel

RESAMPLES = 1_000
_ENDS = (0.025, 0.975)


class EventNumber(FrozenModel):
    """A measure of events of one method.

    Attributes
    ----------
    values
        For each seed; None where it is undefined.
    ci_low, ci_high
        95 % interval of the mean over seeds if other test videos were drawn, the seeds taken as given. None where a
        seed has no value or the videos say nothing of others; ci_high alone where a delay has no upper end.
    """

    values: tuple[float | None, ...]
    ci_low: float | None
    ci_high: float | None


def resample_events(methods: Sequence[Sequence[Alarms]], labels: Ints) -> list[Mapping[str, Resampled]]:
    """Compute the measures of events of several methods on the same resamples of one test set.

    Parameters
    ----------
    methods
        For each method the alarms of its scores, one per seed.
    labels
        1 for an abnormal video, 0 for a normal one, (videos,).

    Returns
    -------
    For each method each measure, as `event_measures` gives it; none for a method without seeds.
    """
    weights = _draw(labels)

    def of(seeds: Sequence[Alarms]) -> dict[str, Resampled]:
        found = [event_measures(alarms, weights) for alarms in seeds]
        values = {name: np.stack([measures[name] for measures in found]) for name in (found[0] if found else ())}
        return {name: _resampled(of, labels) for name, of in values.items()}

    return [of(seeds) for seeds in methods]


def resample_transfers(seeds: Sequence[tuple[Alarms, float]], labels: Ints) -> tuple[Resampled, Resampled]:
    """Return the false alarms per hour and the event recall at thresholds that were chosen elsewhere, on resamples.

    Parameters
    ----------
    seeds
        The alarms of each seed's scores, and its threshold.
    """
    weights = _draw(labels)
    found = [alarms.resampled_at(threshold, weights) for alarms, threshold in seeds]
    rates, recalls = (_resampled(np.stack(values), labels) for values in zip(*found, strict=True))
    return rates, recalls


def _draw(labels: Ints) -> Floats:
    """Draw the videos of a test set, (1 + resamples, videos); the test set itself is the first row."""
    weights = np.ones((1 + RESAMPLES, len(labels)))
    weights[1:] = draw_videos(labels, RESAMPLES, seed=0)
    return weights


def _resampled(values: Floats, labels: Ints) -> Resampled:
    return Resampled(values[:, 0], values[:, 1:], len(labels), len(np.unique(labels)))


def event_number(found: Resampled) -> EventNumber:
    """Return a measure with its percentile interval; percentiles need no variance, which delays without end lack."""
    values = tuple(float(value) if np.isfinite(value) else None for value in found.observed)
    if None in values or found.videos <= found.strata:
        return EventNumber(values=values, ci_low=None, ci_high=None)
    means = found.resampled.mean(axis=0)
    low, high = np.quantile(means[~np.isnan(means)], _ENDS, method="inverted_cdf")
    return EventNumber(values=values, ci_low=_finite(low), ci_high=_finite(high))


def event_difference(one: Resampled, other: Resampled) -> Difference | None:
    """Return the difference of two methods by a measure; None where one of them lacks it, or does on a resample."""
    drawn = np.concatenate((one.resampled, other.resampled))
    defined = ~np.isnan(drawn).any(axis=0)
    values: Floats = np.concatenate((drawn[:, defined].ravel(), one.observed, other.observed))
    if not np.isfinite(values).all() or one.videos <= one.strata:
        return None
    kept = (Resampled(m.observed, m.resampled[:, defined], m.videos, m.strata) for m in (one, other))
    return difference(*kept)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
