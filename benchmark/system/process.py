"""What a run may take of the machine: time, memory and threads, and what running out of them looks like."""

from __future__ import annotations

import ctypes
import importlib
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType

import torch
from threadpoolctl import threadpool_limits

from benchmark.system.errors import RunTimeoutError, describe

_NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "out of memory", "std::bad_alloc", "not enough memory")


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """End the block after a time, where the system has alarms: in the main thread only.

    Raises
    ------
    RunTimeoutError
        In the block, between two steps of the interpreter. What never comes back to it cannot be ended like this.
    """
    if seconds is None or not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    # The first optimiser of a process imports it; broken off there, every later run would find it half-done.
    importlib.import_module("torch._dynamo")

    def ring(number: int, frame: FrameType | None) -> None:
        raise RunTimeoutError

    usual = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)


def limit_memory(extra: int) -> None:
    """Let this process take no more than so many bytes beyond what it has, where the system can limit that.

    What is mapped from files, such as features, does not count.
    """
    with suppress(ImportError, OSError, ValueError, IndexError):  # no Linux: the run goes without a limit
        import resource

        has = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (has + extra, hard))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error, or what it came from, says that memory of the machine or of a GPU did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, RuntimeError | OSError) and any(words in describe(error).lower() for words in _NO_MEMORY):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


def count_memory_kills() -> int:
    """Return how many processes this machine has killed for want of memory; 0 where it does not say."""
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
    return 0


# Of glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_BLOCK = 1 << 30
_NEVER = (1 << 31) - 1


@cache
def keep_freed_memory() -> None:
    """Keep memory that is freed for the next tensor, where the C library is glibc.

    Otherwise it gives blocks of some megabytes back to the system at once, and every step of a training pays for
    having all of its pages mapped and cleared anew: filling a fresh block takes ten times as long as filling a used
    one. For processes that train and then end.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
        mallopt(_TRIM_THRESHOLD, _NEVER)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: the bits of a sum depend on how many share it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
