"""Work is done side by side as it is one after the other."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.execution.side_by_side import side_by_side
from benchmark.system.errors import InputError
from benchmark.system.files import is_abandoned, scratch_name

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


def watched(folder: Path) -> Callable[[int], int]:
    """Work of a third of a second that leaves a mark."""

    def work(number: int) -> int:
        (folder / str(number)).touch()
        time.sleep(0.3)
        return number

    return work


@pytest.mark.parametrize("cores", [2])
def test_after_an_error_no_more_is_begun(tmp_path: Path) -> None:
    def write(results: Iterator[int]) -> None:
        next(results)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"), side_by_side(watched(tmp_path), range(40)) as results:
        write(results)
    assert len(list(tmp_path.iterdir())) < 20


@pytest.mark.parametrize("cores", [2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_copies_end_with_the_process_that_made_them(tmp_path: Path, number: int) -> None:
    def parent() -> None:
        def work(_: int) -> None:
            (tmp_path / scratch_name("copy")).touch()
            time.sleep(600)

        with side_by_side(work, range(2)) as results:
            list(results)

    driver = multiprocessing.get_context("fork").Process(target=parent)
    driver.start()
    assert comes(lambda: len(list(tmp_path.iterdir())) == 2)
    assert not any(map(is_abandoned, tmp_path.iterdir()))
    os.kill(driver.pid or 0, number)
    driver.join()
    assert comes(lambda: all(map(is_abandoned, tmp_path.iterdir())))


def comes(true: Callable[[], bool]) -> bool:
    """Whether something comes true within half a minute."""
    return any(true() or time.sleep(0.1) for _ in range(300))


@pytest.mark.parametrize("cores", [2])
def test_a_process_that_dies_is_told() -> None:
    def work(number: int) -> None:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(InputError, match="lack of memory"), side_by_side(work, range(3)) as results:
        list(results)
