"""Intervals and differences of measures of events, evaluated in another way."""

import math

import numpy as np
import pytest

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import EVENT_MEASURES, event_measures
from benchmark.statistics.bootstrap import draw_videos
from benchmark.statistics.differences import Resampled, difference
from benchmark.statistics.events import RESAMPLES, event_difference, event_number, resample_events
from tests.small_store import draw_scores, events_of


def alarms_of(seed: int, skill: float = 0.6) -> Alarms:
    scored = draw_scores(seed, skill)
    annotated = events_of(scored)
    return Alarms.find(scored, annotated.intervals, annotated.fps)


def made(*resampled: list[float], observed: float = 0.5) -> Resampled:
    return Resampled(np.full(len(resampled), observed), np.array(resampled), videos=10, strata=2)


def test_resamples_are_the_draws_of_the_other_metrics() -> None:
    labels = draw_scores(0, 0).labels
    methods = [[alarms_of(1), alarms_of(2)], [], [alarms_of(3, 0.9)]]
    first, none, last = resample_events(methods, labels)
    assert none == {}
    assert first.keys() == last.keys() == set(EVENT_MEASURES)
    drawn = draw_videos(labels, RESAMPLES, 0)[17].astype(np.float64)
    for alarms, seed in zip(methods[0], (0, 1), strict=True):
        alone = event_measures(alarms, np.stack((np.ones(len(labels)), drawn)))
        for name, found in first.items():
            np.testing.assert_array_equal(found.observed[seed], alone[name][0])
            np.testing.assert_array_equal(found.resampled[seed, 17], alone[name][1])
    assert (first["event_recall_at_10_per_hour"].videos, first["event_recall_at_10_per_hour"].strata) == (14, 2)


def test_an_interval_ends_at_the_means_that_leave_out_one_in_forty() -> None:
    values = np.random.default_rng(0).permutation(1000) / 1000
    number = event_number(made(values.tolist(), (values + 2).tolist()))
    means = sorted(value + 1 for value in values)
    assert number.values == (0.5, 0.5)
    assert (number.ci_low, number.ci_high) == (pytest.approx(means[24]), pytest.approx(means[974]))


def test_a_delay_that_many_resamples_do_not_have_has_no_upper_end() -> None:
    number = event_number(made([float(k) for k in range(900)] + [math.inf] * 100))
    assert number.ci_low == 24
    assert number.ci_high is None
    assert event_difference(made([1.0, 2.0]), made([1.0, math.inf])) is None


@pytest.mark.parametrize("observed", [math.nan, math.inf])
def test_a_seed_without_a_value_leaves_no_interval(observed: float) -> None:
    found = Resampled(np.array([0.5, observed]), np.full((2, 5), 0.5), videos=10, strata=2)
    number = event_number(found)
    assert number.values == (0.5, None)
    assert (number.ci_low, number.ci_high) == (None, None)
    assert event_difference(found, made([0.5] * 5)) is None


def test_a_video_of_each_label_says_nothing_of_others() -> None:
    alone = Resampled(np.array([0.5]), np.full((1, 5), 0.5), videos=2, strata=2)
    assert event_number(alone).ci_low is None
    assert event_difference(alone, alone) is None


def test_differences_are_those_of_other_metrics_on_the_resamples_that_both_have() -> None:
    one, other = made([0.1, 0.5, math.nan, 0.9]), made([0.2, 0.3, 0.4, 0.5], observed=0.25)
    kept = [0, 1, 3]
    expected = difference(*(Resampled(m.observed, m.resampled[:, kept], 10, 2) for m in (one, other)))
    assert event_difference(one, other) == expected
    assert expected.gap == 0.25
