"""What a threshold gives: against a count of every single frame."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.operating import operating_points
from tests.small_store import draw_scores


def test_points_are_those_of_the_counted_frames() -> None:
    scored = draw_scores(3, 0.4)
    thresholds = np.linspace(scored.scores.min(), scored.scores.max(), 17)
    points = operating_points(scored, thresholds)
    for place, threshold in enumerate(thresholds):
        true = false = missed = right = 0
        for score, positive, negative in zip(scored.scores, scored.positive, scored.negative, strict=True):
            if score >= threshold:
                true, false = true + int(positive), false + int(negative)
            else:
                missed, right = missed + int(positive), right + int(negative)
        assert points.true_positive_rate[place] == true / (true + missed)
        assert points.false_positive_rate[place] == false / (false + right)
        assert points.precision[place] == true / (true + false)


def test_the_highest_score_is_in_alarm_and_nothing_above_it() -> None:
    scored = draw_scores(3, 0.4)
    highest = scored.scores.max()
    points = operating_points(scored, np.array([highest, np.nextafter(highest, np.inf)]))
    assert points.precision[0] >= 0
    assert np.isnan(points.precision[1])
    assert points.true_positive_rate[1] == points.false_positive_rate[1] == 0


def test_frames_of_one_kind_leave_the_other_rate_undefined() -> None:
    scored = draw_scores(3, 0.4, counts={})
    points = operating_points(scored, np.array([scored.scores.min()]))
    assert np.isnan(points.true_positive_rate[0])
    assert points.false_positive_rate[0] == 1


@given(st.integers(0, 99), st.lists(st.floats(-1, 2), min_size=2, max_size=9))
def test_rates_only_fall_as_the_threshold_rises(seed: int, thresholds: list[float]) -> None:
    points = operating_points(draw_scores(seed, 0.3), np.sort(thresholds))
    assert (np.diff(points.true_positive_rate) <= 0).all()
    assert (np.diff(points.false_positive_rate) <= 0).all()
