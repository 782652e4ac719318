"""A clock that goes back by hours, between calls and within them."""

import datetime
import itertools
import os
import time
from pathlib import Path

import pytest

from benchmark.runs.claims import STALE, Claims
from benchmark.runs.results_folder import Results
from benchmark.system.files import scratch_name
from tests.faults.calls import call_here
from tests.faults.results import complete_runs, everything, leftovers, said_counts, true_counts
from tests.faults.small import train

HOURS = 5


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each look at the clock be five hours earlier than the one before."""
    looks, real = itertools.count(1), time.time

    class Earlier(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "Earlier":
            return super().now(tz) - datetime.timedelta(hours=HOURS * next(looks))

    monkeypatch.setattr(datetime, "datetime", Earlier)
    monkeypatch.setattr(time, "time", lambda: real() - 3600 * HOURS * next(looks))


@pytest.mark.usefixtures("backwards")
def test_a_table_is_completed_whatever_the_clock_says(tiny_scenes: Path, tmp_path: Path) -> None:
    assert train(tiny_scenes, tmp_path / "results", 1).code == 0
    first = complete_runs(tmp_path / "results")
    assert train(tiny_scenes, tmp_path / "results", 3).code == 0
    assert first.items() <= complete_runs(tmp_path / "results").items()
    assert said_counts(tmp_path / "results") == true_counts(tmp_path / "results") == [(3, 0, 0)]
    assert train(tiny_scenes, tmp_path / "whole", 3).code == 0
    assert everything(tmp_path / "results") == everything(tmp_path / "whole")
    assert leftovers(tmp_path / "results") == []
    calls = list(Results(tmp_path / "results").invocations())
    assert calls[0].started < calls[1].started
    assert [call.plan.seeds for call in calls] == [3, 1]  # the clock did go back
    assert call_here("store", "verify", "--results", str(tmp_path / "results")).code == 0


@pytest.mark.usefixtures("backwards")
def test_the_latest_call_is_the_one_that_planned_the_table(tiny_scenes: Path, tmp_path: Path) -> None:
    for seeds in (1, 2):
        assert train(tiny_scenes, tmp_path, seeds).code == 0
    assert [call.plan.seeds for call in Results(tmp_path).latest_calls()] == [2]


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_living_driver_keeps_its_claim_whatever_the_clocks_of_files_say(hours: int, tmp_path: Path) -> None:
    with Claims(tmp_path) as mine, Claims(tmp_path) as other:
        assert mine.take("k")
        then = time.time() + 3600 * hours
        for path in (*(tmp_path / "claims").rglob("*"), *(tmp_path / "drivers").iterdir()):
            os.utime(path, (then, then))
        assert not other.take("k")


def test_a_driver_elsewhere_is_dead_after_a_while_though_its_signs_are_from_the_future(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    driver = f"{scratch_name('nonce').split('@')[0]}@elsewhere@7"
    (tmp_path / "claims" / "k").mkdir(parents=True)
    (tmp_path / "claims" / "k" / driver).touch()
    with Claims(tmp_path) as mine:
        (tmp_path / "drivers" / driver).write_bytes(b"0")
        os.utime(tmp_path / "drivers" / driver, (time.time() + 1e6, time.time() + 1e6))
        assert not mine.take("k")
        monkeypatch.setattr(time, "monotonic", lambda: now + 2 * STALE)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert mine.take("k")
