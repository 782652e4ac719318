"""Work is done side by side as it is one after the other."""

import os
import signal

import pytest

from benchmark.execution.side_by_side import side_by_side
from benchmark.system.errors import InputError

on_cores = pytest.mark.parametrize("cores", [1, 3])


@pytest.fixture(autouse=True)
def _cores(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.execution.side_by_side.usable_cores", lambda: cores)


@on_cores
def test_results_come_in_their_order_whatever_the_work_is_a_part_of(cores: int) -> None:
    here, added = os.getpid(), 100
    with side_by_side(lambda number: (number + added, os.getpid() == here), range(7)) as results:
        assert list(results) == [(number + 100, cores == 1) for number in range(7)]


@on_cores
def test_of_nothing_nothing_comes() -> None:
    with side_by_side(len, []) as results:
        assert list(results) == []


@on_cores
def test_what_goes_wrong_is_told_by_its_own_words() -> None:
    def work(number: int) -> int:
        if number == 1:
            raise InputError("video_1.npy: no such video")
        return number

    with pytest.raises(InputError, match=r"^video_1.npy: no such video$"), side_by_side(work, range(3)) as results:
        list(results)


@pytest.mark.parametrize("cores", [2])
def test_a_process_that_dies_is_told() -> None:
    def work(number: int) -> None:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(InputError, match="lack of memory"), side_by_side(work, range(3)) as results:
        list(results)
