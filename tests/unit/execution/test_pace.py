"""The rest of a call is forecast by what its runs have taken so far: here by a clock that a simulation moves."""

import random
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.execution.pace import Pace
from benchmark.runs.records import RunRecord
from benchmark.runs.run_spec import RunSpec
from tests.unit.execution.test_forecast import record
from tests.unit.runs.test_records import spec

Load = Callable[[float], float]
"""Seconds since the start -> how many seconds a second of work takes."""


class Clock:
    """What time it is; nobody moves it but the simulation."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def simulate(
    work: Sequence[tuple[RunSpec, float]], stored: Sequence[RunRecord], load: Load, workers: int = 1, step: float = 0.1
) -> Iterator[tuple[float, float | None]]:
    """Do runs in their order, `workers` side by side; after each, yield the time and the forecast of the rest."""
    clock = Clock()
    pace = Pace([one for one, _ in work], stored, clock)
    waiting = list(reversed(work))
    running: list[list[object]] = []
    while waiting or running:
        while waiting and len(running) < workers:
            one, seconds = waiting.pop()
            running.append([one, seconds, 0.0, clock.now])
            pace.started()
        clock.now += step
        for place in list(running):
            one, seconds, done, started = place
            assert isinstance(one, RunSpec)
            assert isinstance(seconds, float)
            assert isinstance(done, float)
            assert isinstance(started, float)
            done += step / load(clock.now)
            place[2] = done
            if done < seconds:
                pace.stepped(one.key, done / seconds)
            else:
                running.remove(place)
                pace.ended(one.key, clock.now - started)
                yield clock.now, pace.left()


def table(seeds: int, **seconds: float) -> list[tuple[RunSpec, float]]:
    """The runs of a table: all methods with the first seed, then with the next."""
    return [(spec(method=method, seed=seed), took) for seed in range(seeds) for method, took in seconds.items()]


def test_slow_methods_that_come_last_are_foreseen_from_stored_runs() -> None:
    work = [*table(3, mmil=2.0), *table(3, clav=20.0)]
    stored = [record(1.0, method="mmil"), record(10.0, method="clav")]
    found = list(simulate(work, stored, lambda now: 1.0))
    end = found[-1][0]
    for now, left in found:
        assert left == pytest.approx(end - now, rel=0.1, abs=0.5)


def test_a_forecast_of_an_idle_machine_gives_way_to_what_runs_take_on_a_busy_one() -> None:
    """It is off by less than the longest run, whose end nobody waits for beside it."""
    work = table(8, mmil=3.0, rtfm=6.0, clav=12.0)
    stored = [record(3.0, method="mmil"), record(6.0, method="rtfm"), record(12.0, method="clav")]
    found = list(simulate(work, stored, lambda now: 3.0, workers=2))
    end = found[-1][0]
    assert end > 3 * 8 * 21 / 2
    for now, left in found:
        assert left == pytest.approx(end - now, abs=3 * 12.0)


def test_load_that_begins_in_the_middle_is_learnt() -> None:
    work = table(10, mmil=4.0, rtfm=4.0)
    found = list(simulate(work, [], lambda now: 1.0 if now < 32 else 4.0))
    end = found[-1][0]
    late = [(now, left) for now, left in found if now > 120]
    assert len(late) > 5
    for now, left in late:
        assert left == pytest.approx(end - now, rel=0.2, abs=1.0)
    cumulative = [now / (place + 1) * (20 - place - 1) for place, (now, _) in enumerate(found)]
    worse = [abs(guess - (end - now)) for guess, (now, _) in zip(cumulative, found, strict=True)]
    ours = [abs((left or 0.0) - (end - now)) for now, left in found]
    assert sum(ours) < sum(worse)


def test_without_stored_runs_the_first_seed_tells_of_the_others() -> None:
    work = table(3, mmil=2.0, clav=20.0)
    found = list(simulate(work, [], lambda now: 1.0))
    end = found[-1][0]
    for now, left in found[1:]:
        assert left == pytest.approx(end - now, rel=0.1, abs=0.5)


def test_nothing_is_said_before_anything_is_known() -> None:
    clock = Clock()
    runs = [spec(seed=seed) for seed in (0, 1, 2)]
    pace = Pace(runs, [], clock)
    assert pace.left() is None
    pace.started()
    clock.now = 5.0
    pace.ended(runs[0].key, None)  # it failed, and says nothing of others
    assert pace.left() is None
    clock.now = 15.0
    pace.ended(runs[1].key, 10.0)
    assert pace.left() == pytest.approx(10.0)
    clock.now = 30.0
    pace.ended(runs[2].key, 15.0)
    assert pace.left() == 0


def test_what_comes_once_before_the_first_run_is_not_counted() -> None:
    clock = Clock()
    runs = [spec(seed=seed) for seed in (0, 1, 2)]
    pace = Pace(runs, [], clock)
    clock.now = 60.0  # imports
    assert pace.left() is None
    pace.started()
    clock.now = 65.0
    pace.started()
    clock.now = 70.0
    pace.ended(runs[0].key, 9.0)
    assert pace.left() == pytest.approx(20.0)


def test_a_run_that_is_postponed_is_still_to_do() -> None:
    clock = Clock()
    one, other = spec(seed=0), spec(seed=1)
    pace = Pace([one, other], [], clock)
    pace.started()
    clock.now = 10.0
    pace.stepped(other.key, 0.5)
    pace.stopped(other.key)
    pace.ended(one.key, 10.0)
    assert pace.left() == pytest.approx(10.0)


def test_runs_that_end_together_say_no_more_than_one_of_them() -> None:
    clock = Clock()
    runs = [spec(seed=seed) for seed in range(6)]
    pace = Pace(runs, [], clock)
    pace.started()
    pace.started()
    clock.now = 18.0
    pace.stepped(runs[1].key, 0.99)
    pace.ended(runs[0].key, 18.0)
    clock.now = 20.0  # what follows the last step, such as a test, takes its time and is no share of the run
    pace.ended(runs[1].key, 20.0)
    assert pace.left() == pytest.approx(40.0)


@given(st.lists(st.floats(0.5, 30), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 5))
def test_a_forecast_is_never_below_nothing_and_ends_at_it(seconds: list[float], workers: int, seed: int) -> None:
    names = random.Random(seed).choices(["mmil", "rtfm", "clav"], k=len(seconds))
    work = [(spec(method=name, seed=i), took) for i, (name, took) in enumerate(zip(names, seconds, strict=True))]
    found = list(simulate(work, [record(3.0)], lambda now: 1.0, workers, step=0.25))
    assert all(left is not None and left >= 0 for _, left in found)
    assert found[-1][1] == pytest.approx(0.0, abs=1e-6)
