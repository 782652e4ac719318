"""Every rule by which rows become segments, against plain loops over rows and numbers."""

import math
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.datasets.segments import PADDED, make_segments, segments_filled
from benchmark.terms import SegmentRule

RULES: tuple[SegmentRule, ...] = get_args(SegmentRule)
T = 8
ROWS = (1, 2, 3, T - 1, T, T + 1, 2 * T, 2 * T + 1, 5 * T + 3)
"""Fewer rows than segments, as many, more, and more than twice as many."""

every_rule = pytest.mark.parametrize("rule", RULES)


def draw(rows: int, *shape: int) -> NDArray[np.float16]:
    return np.random.default_rng(rows).normal(size=(rows, *shape)).astype(np.float16)


def mean(rows: list[float]) -> float:
    return math.fsum(rows) / len(rows)


def averaged(rows: list[float], T: int) -> list[float]:
    edges = [int(i * len(rows) / T) for i in range(T + 1)]
    return [mean(rows[a:b]) if b > a else rows[a] for a, b in pairwise(edges)]


def interpolated(rows: list[float], T: int) -> list[float]:
    found = []
    for i in range(T):
        place = min(max((i + 0.5) * len(rows) / T - 0.5, 0.0), len(rows) - 1.0)
        low = math.floor(place)
        high = min(low + 1, len(rows) - 1)
        found.append((1 - (place - low)) * rows[low] + (place - low) * rows[high])
    return found


def indexed(rows: list[float], T: int) -> list[float]:
    if len(rows) <= T:
        return rows + [0.0] * (T - len(rows))
    return [rows[int(i * (len(rows) - 1) / (T - 1)) if i else 0] for i in range(T)]


def averaged_or_padded(rows: list[float], T: int) -> list[float]:
    return averaged(rows, T) if len(rows) > T else rows + [0.0] * (T - len(rows))


def tailed(rows: list[float], T: int) -> list[float]:
    rows = list(rows)
    while len(rows) % T:
        rows.append(rows[-1])
    size = len(rows) // T
    return [mean(rows[i * size : (i + 1) * size]) for i in range(T)]


PLAIN = {
    "average": averaged,
    "interpolate": interpolated,
    "index": indexed,
    "average-or-pad": averaged_or_padded,
    "tail": tailed,
}


@every_rule
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("segments", [1, T])
def test_segments_equal_a_plain_loop(rule: SegmentRule, rows: int, segments: int) -> None:
    array = draw(rows, 2, 3)
    found = make_segments(array, segments, rule)
    assert (found.shape, found.dtype) == ((segments, 2, 3), np.float32)
    for crop in range(2):
        for d in range(3):
            expected = PLAIN[rule]([float(value) for value in array[:, crop, d]], segments)
            np.testing.assert_allclose(found[:, crop, d], expected, rtol=1e-6, atol=1e-6)


@every_rule
@pytest.mark.parametrize("rows", ROWS)
def test_labels_of_single_numbers_go_by_the_same_rule(rule: SegmentRule, rows: int) -> None:
    array = draw(rows)
    np.testing.assert_array_equal(make_segments(array, T, rule), make_segments(array[:, None], T, rule)[:, 0])


@pytest.mark.parametrize(("rows", "filled"), [(1, 1), (T - 1, T - 1), (T, T), (T + 1, T), (5 * T, T)])
def test_zeros_fill_up_what_a_short_video_lacks_and_nothing_else(rows: int, filled: int) -> None:
    array = np.abs(draw(rows, 2)) + 1
    assert {"index", "average-or-pad"} == PADDED
    for rule in RULES:
        found, own = make_segments(array, T, rule), segments_filled(rows, T, rule)
        assert own == (filled if rule in PADDED else T)
        assert (found[:own] > 0).all()
        assert (found[own:] == 0).all()


@every_rule
@given(rows=st.integers(1, 50), T=st.integers(1, 40), value=st.floats(-100, 100, width=16))
def test_a_constant_stays(rule: SegmentRule, rows: int, T: int, value: float) -> None:
    found = make_segments(np.full((rows, 2), value, np.float16), T, rule)
    filled = segments_filled(rows, T, rule)
    np.testing.assert_allclose(found[:filled], np.float32(value), rtol=1e-6)


@every_rule
@given(rows=st.integers(1, 200), T=st.integers(1, 40))
def test_segments_keep_the_order_and_lie_within_the_rows(rule: SegmentRule, rows: int, T: int) -> None:
    found = make_segments(np.arange(1, rows + 1, dtype=np.float32), T, rule)[: segments_filled(rows, T, rule)]
    assert (np.diff(found) >= 0).all()
    assert found[0] >= 1
    assert found[-1] <= rows


@every_rule
@given(T=st.integers(1, 64))
def test_as_many_rows_as_segments_stay_as_they_are(rule: SegmentRule, T: int) -> None:
    rows = draw(T, 3)
    np.testing.assert_array_equal(make_segments(rows, T, rule), rows.astype(np.float32))


def test_rows_are_skipped_where_a_rule_picks_and_counted_where_it_averages() -> None:
    spike = np.zeros((100, 1), np.float32)
    spike[13] = 100  # between the rows that four segments pick
    seen = {rule: float(make_segments(spike, 4, rule).max()) for rule in RULES}
    assert seen == {"average": 4.0, "interpolate": 0.0, "index": 0.0, "average-or-pad": 4.0, "tail": 4.0}


def test_a_repeated_tail_can_fill_the_second_half() -> None:
    # 33 rows become 64, in 32 parts of 2: the last 16 are the last row.
    found = make_segments(np.arange(33, dtype=np.float32), 32, "tail")
    assert found[:16].tolist() == [2 * i + 0.5 for i in range(16)]
    assert found[16:].tolist() == [32.0] * 16
