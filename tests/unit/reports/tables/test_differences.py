"""How differences are written: a p-value stands on its own side of what is clear."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.statistics.differences import SIGNIFICANCE, Difference
from reports.tables.differences import difference_cells


def difference_of(p: float) -> Difference:
    return Difference(
        gap=0.02, ci_low=-0.01, ci_high=0.05, p=p, video_variance=1e-4, seed_variance=1e-4, covers_seeds=True
    )


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.0004, "< 0.001"),
        (0.02, "0.020"),
        (0.05, "0.050"),
        (0.0504, "0.0504"),
        (0.05000004, "0.05000004"),
        (1.0, "1.000"),
    ],
)
def test_a_p_value_has_the_decimals_that_it_needs(p: float, said: str) -> None:
    assert difference_cells(difference_of(p))[2].rest == said


@given(st.floats(0.001, 1) | st.just(math.nextafter(SIGNIFICANCE, 1)))
def test_a_p_value_is_not_rounded_to_the_other_side_of_what_is_clear(p: float) -> None:
    shown = difference_cells(difference_of(p))
    assert (float(shown[2].rest) <= SIGNIFICANCE) == shown[0].bold


def test_a_difference_is_shown_in_the_unit_asked_for() -> None:
    value, interval, _ = difference_cells(difference_of(0.02), scale=1)
    assert (value.value, interval.rest) == ("+0.02", "[−0.01, +0.05]")
