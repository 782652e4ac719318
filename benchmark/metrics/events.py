"""Measures of events: how many are met, how soon, and at how many false alarms per hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.ranking import Floats, Ints

RATES = (1, 10, 60)
"""False alarms per hour outside events that are allowed."""
RECALLS = (0.5, 0.8)
"""Shares of the events that are to be met."""
BLOCK_ELEMENTS = 1_000_000
"""Elements of one temporary array of a sweep."""


def recall_name(rate: int) -> str:
    """Return what the share of events met at so many false alarms per hour is called."""
    return f"event_recall_at_{rate}_per_hour"


def delay_name(rate: int) -> str:
    """Return what the median delay at so many false alarms per hour is called."""
    return f"delay_at_{rate}_per_hour"


def rate_name(recall: float) -> str:
    """Return what the false alarms per hour at which a share of the events is met are called."""
    return f"false_alarms_per_hour_at_recall_{recall:g}"


def _one_alarm_at(rate: int) -> str:
    return f"{60 / rate:g} minute{'s' if rate < 60 else ''} outside"


EVENT_MEASURES: Mapping[str, str] = {
    **{recall_name(rate): f"events, and {_one_alarm_at(rate)} them" for rate in RATES},
    **{rate_name(recall): "events, and time outside them" for recall in RECALLS},
    **{delay_name(rate): f"{_one_alarm_at(rate)} events, and half of the events met" for rate in RATES},
}
"""All measures of events, and what a test set and a method must give for them."""


@dataclass(frozen=True)
class AlarmCurve:
    """Event recall over false alarms per hour, as the threshold falls.

    Attributes
    ----------
    thresholds
        The distinct scores, (steps,), descending.
    rates
        False alarms per hour outside events, the most at this threshold and all above it, (steps,), ascending.
    recalls
        Share of the events that are met, (steps,), ascending.
    """

    thresholds: Floats
    rates: Floats
    recalls: Floats


def alarm_curve(alarms: Alarms) -> AlarmCurve | None:
    """Return the curve that all measures of events are points of; None without events or time outside them."""
    if not alarms.events or not alarms.normal_frames.any():
        return None
    steps = len(alarms.thresholds)
    met = np.bincount([int(event.steps[0]) for event in alarms.events], minlength=steps)
    rates = _most_false_alarms(alarms) / alarms.normal_hours
    return AlarmCurve(alarms.thresholds, rates, np.cumsum(met) / len(alarms.events))


def _most_false_alarms(alarms: Alarms) -> Floats:
    """Return the most false alarms at each threshold and all above it, (steps,), ascending."""
    changes = np.bincount(alarms.step, weights=alarms.change, minlength=len(alarms.thresholds))
    most: Floats = np.maximum.accumulate(np.cumsum(changes))
    return most


def lowest_threshold(alarms: Alarms, rate: int) -> float | None:
    """Return the lowest threshold down to which there are at most `rate` false alarms per hour.

    Just above the highest score where that alone gives more; None where a single alarm would be too many.
    """
    if not is_long_enough(alarms, rate):
        return None
    within = _most_false_alarms(alarms) * alarms.frames_per_hour <= rate * alarms.normal_frames.sum()
    scores = alarms.thresholds
    return float(scores[within.sum() - 1]) if within.any() else float(np.nextafter(scores[0], np.inf))


def is_long_enough(alarms: Alarms, rate: int) -> bool:
    """Return whether there is so much time outside events that one false alarm is not more than `rate` per hour."""
    return bool(alarms.normal_frames.sum() * rate >= alarms.frames_per_hour)


def event_metrics(alarms: Alarms) -> dict[str, float | None]:
    """Return all measures of events of a test set; None where one is undefined, see `EVENT_MEASURES`."""
    values = event_measures(alarms, np.ones((1, len(alarms.normal_frames))))
    return {name: float(value[0]) if np.isfinite(value[0]) else None for name, value in values.items()}


def event_measures(alarms: Alarms, weights: Floats) -> dict[str, Floats]:
    """Compute the measures of events of test sets in which each video occurs so many times.

    The threshold falls from the highest score on. What is at `k` per hour is at the lowest threshold down to which
    there were never more than k false alarms per hour; the false alarms at a recall are the most that there were on
    the way to it. So both are read from one curve that only rises: an alarm that swallows others, or all of a video,
    does not make a method better at lower thresholds.

    Parameters
    ----------
    weights
        How often each video occurs, (resamples, videos), not negative.

    Returns
    -------
    Each measure of `EVENT_MEASURES`, (resamples,): shares of events; false alarms per hour; seconds, the least time
    within which half of all events are met, infinite where fewer are. nan where undefined: without events, or time
    outside them; at `k` per hour where all videos, each once, have less than 1 / k hours outside events.
    """
    undefined = np.full(len(weights), np.nan)
    if not alarms.events:
        return dict.fromkeys(EVENT_MEASURES, undefined)
    of_events = weights[:, [event.video for event in alarms.events]]
    outside = weights @ alarms.normal_frames > 0
    first = np.array([event.steps[0] for event in alarms.events])
    with np.errstate(invalid="ignore", divide="ignore"):
        reached = {recall: _step_of_recall(first, of_events, recall) for recall in RECALLS}
        within, at_recall = _sweep(alarms, weights, reached)
        drawn = of_events.sum(axis=1) > 0
        found = {rate_name(recall): np.where(drawn, rates, np.nan) for recall, rates in at_recall.items()}
        for rate, steps in within.items():
            if not is_long_enough(alarms, rate):
                found[recall_name(rate)] = found[delay_name(rate)] = undefined
                continue
            met = np.where(first < steps[:, None], of_events, 0).sum(axis=1) / of_events.sum(axis=1)
            found[recall_name(rate)] = np.where(outside, met, np.nan)
            found[delay_name(rate)] = np.where(outside, _median_delay(alarms, steps, of_events), np.nan)
    return {name: found[name] for name in EVENT_MEASURES}


def _step_of_recall(first: Ints, of_events: Floats, recall: float) -> Ints:
    """Return the step at which a share of the events is met first, (resamples,)."""
    order = np.argsort(first)
    met = np.cumsum(of_events[:, order], axis=1)
    enough = met / met[:, -1:] >= recall  # exact: quotients are rounded as the literal was
    steps: Ints = first[order][enough.argmax(axis=1)]
    return steps


def _sweep(
    alarms: Alarms, weights: Floats, reached: Mapping[float, Ints]
) -> tuple[dict[int, Ints], dict[float, Floats]]:
    """Let the threshold fall in all resamples at once.

    Returns
    -------
    For each of `RATES` how many steps keep to it, and for each step of `reached` the false alarms per hour; all
    (resamples,).
    """
    starts = np.flatnonzero(np.diff(alarms.step, prepend=-1))
    steps = alarms.step[starts]
    frames = weights @ alarms.normal_frames
    kept = {rate: np.zeros(len(weights), np.int64) for rate in RATES}
    places = {recall: np.searchsorted(steps, step, side="right") - 1 for recall, step in reached.items()}
    found = {recall: np.zeros(len(weights)) for recall in reached}
    for begin, worst in _worst_false_alarms(alarms, weights, starts):
        for rate in RATES:
            kept[rate] += (worst * alarms.frames_per_hour <= rate * frames).sum(axis=0)
        for recall, place in places.items():
            here = np.flatnonzero((place >= begin) & (place < begin + len(worst)))
            found[recall][here] = worst[place[here] - begin, here]
        passed = begin + len(worst)
        if all((known < passed).all() for known in (*kept.values(), *places.values())):
            break
    ends = np.append(steps, len(alarms.thresholds))
    hours = frames / alarms.frames_per_hour
    return {r: ends[count] for r, count in kept.items()}, {recall: false / hours for recall, false in found.items()}


def _worst_false_alarms(alarms: Alarms, weights: Floats, starts: Ints) -> Iterator[tuple[int, Floats]]:
    """Iterate over the steps with changes, some at once: the first one's number, and the most false alarms up to each.

    Those are (steps, resamples).
    """
    drawn = np.ascontiguousarray(weights.T)
    size = max(BLOCK_ELEMENTS // len(weights), 1)
    borders = np.unique(np.append(np.searchsorted(starts, np.arange(0, len(alarms.step), size)), len(starts)))
    false = worst = np.zeros(len(weights))
    for begin, end in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        rows = slice(starts[begin], starts[end] if end < len(starts) else None)
        changes = drawn[alarms.video[rows]] * alarms.change[rows, None]
        count = np.cumsum(np.add.reduceat(changes, starts[begin:end] - starts[begin], axis=0), axis=0) + false
        false = count[-1]
        most = np.maximum(np.maximum.accumulate(count, axis=0), worst)
        worst = most[-1]
        yield begin, most


def _median_delay(alarms: Alarms, steps: Ints, of_events: Floats) -> Floats:
    """Return the least time within which half of all events are met, (resamples,); infinite where fewer are."""
    delays = np.stack([event.delay(steps) for event in alarms.events], axis=1)
    order = np.argsort(delays, axis=1)
    passed = np.cumsum(np.take_along_axis(of_events, order, axis=1), axis=1)
    middle = (2 * passed >= passed[:, -1:]).argmax(axis=1)
    medians: Floats = np.take_along_axis(delays, np.take_along_axis(order, middle[:, None], axis=1), axis=1)[:, 0]
    return np.where(passed[:, -1] > 0, medians, np.nan)
