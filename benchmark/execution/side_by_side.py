"""The same work on several things, on several cores, by copies of this process."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from benchmark.system.errors import InputError
from benchmark.system.machine import usable_cores
from benchmark.system.stopping import end_with_parent

MOST_PROCESSES = 8
"""Each may hold a picture of 200 MB, or all scores of a table: for 1,000 runs 1.3 GB."""

_Thing = TypeVar("_Thing")
_Result = TypeVar("_Result")


@contextmanager
def side_by_side(work: Callable[[_Thing], _Result], things: Sequence[_Thing]) -> Iterator[Iterator[_Result]]:
    """Do some work on each of several things, and yield the results in their order.

    Each copy has all that this process holds when the block begins; only results have to be such as can be pickled.
    Copies must not use PyTorch, whose threads are not copied: it would wait for them for ever. Elsewhere than on Linux
    copies are not safe, and this process does the work.

    Raises
    ------
    InputError
        If a process ended without an answer.
    """
    workers = min(usable_cores(), len(things), MOST_PROCESSES)
    if workers < 2 or sys.platform != "linux":
        yield map(work, things)
        return
    copies = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, copies, _begin, (work, things)) as pool:
        try:
            yield pool.map(_work_at, range(len(things)))
        except BrokenProcessPool:
            reason = "a process ended without an answer, as a rule for lack of memory; free some and call again"
            raise InputError(reason) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_task: tuple[Callable[[Any], Any], Sequence[Any]] = (lambda thing: thing, ())
"""In a copy: what it does, and of what."""


def _begin(work: Callable[[Any], Any], things: Sequence[Any]) -> None:
    global _task
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing of a copy is worth waiting for
    end_with_parent()
    threadpool_limits(1)  # there is a process for each core
    _task = work, things


def _work_at(place: int) -> Any:
    work, things = _task
    return work(things[place])
