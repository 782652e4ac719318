from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.execution.forecast import expect_seconds, makespan
from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.terms import Training
from tests.unit.runs.test_records import spec

RECORD = next(RunStore(Path(__file__).parents[2] / "frozen" / "runs").records())


def record(seconds: float, **changes: object) -> RunRecord:
    return RECORD.model_copy(update={"spec": spec(**changes), "seconds": seconds})


def test_a_run_is_expected_to_take_what_those_like_it_took() -> None:
    stored = [
        record(10, seed=1),
        record(20, seed=2),
        record(60, method="clav"),
        record(100, dataset="xd-violence"),
        record(9999, profile="paper"),
    ]
    assert expect_seconds([spec()], stored, 1) == 15
    assert expect_seconds([spec(), spec(dataset="avenue")], stored, 1) == pytest.approx(15 + 130 / 3)
    assert expect_seconds([spec(method="dmil")], stored, 1) == pytest.approx(190 / 4)
    assert expect_seconds([spec(training=Training(steps=7))], stored, 1) == pytest.approx(130 / 3)
    assert expect_seconds([spec(), spec()], stored, 2) == 15


def test_without_a_stored_run_of_the_profile_nothing_is_expected() -> None:
    assert expect_seconds([spec(profile="paper")], [record(10)], 1) is None
    assert expect_seconds([], [], 1) == 0


@given(st.lists(st.floats(0, 1e6), max_size=30), st.integers(1, 8))
def test_runs_side_by_side_take_no_less_than_their_share_and_no_more_than_that_and_the_longest(
    seconds: list[float], places: int
) -> None:
    found = makespan(seconds, places)
    least = max([sum(seconds) / places, *seconds])
    assert least * (1 - 1e-9) <= found <= sum(seconds) * (1 + 1e-9)
    assert found <= sum(seconds) / places + max(seconds, default=0.0) + 1e-6


def test_the_longest_runs_go_first() -> None:
    assert makespan([1, 1, 2], 2) == 2
    assert makespan([3, 3, 2, 2, 2], 2) == 7
    assert makespan([], 3) == 0
