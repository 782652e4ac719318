from pathlib import Path

import pytest

from benchmark.forecast import expect_seconds
from benchmark.records import RunRecord, Training
from benchmark.runs import RunStore
from tests.unit.test_records import spec

RECORD = next(RunStore(Path(__file__).parents[1] / "frozen" / "runs").records())


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
