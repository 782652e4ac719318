"""What this machine's processor is called, how many cores are ours, and how much memory a piece of work takes."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path

from benchmark.system.names import LONGEST_NAME, printable


@cache
def processor_name() -> str | None:
    """Return what the processor calls itself; None where the system does not say."""
    name = platform.processor()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2] for line in lines if line.startswith("model name")), name)
    return printable(" ".join(name.split()))[: LONGEST_NAME // 4] or None


def usable_cores() -> int:
    """Return on how many cores this process may compute."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class MemoryPeak:
    """The most memory that a piece of work takes beyond what its process held before its first one.

    The system keeps one high mark for a process. So the peak of a piece of work is known only where it raises the
    mark: after one that took more, it is not.
    """

    def __init__(self) -> None:
        self._before, self._mark = _held_at_first(), _memory("VmHWM")

    def measure(self) -> int | None:
        """Return the bytes since construction, features read from mapped files included; None where not known."""
        mark = _memory("VmHWM")
        if mark is None or self._mark is None or self._before is None or mark <= self._mark:
            return None
        return mark - self._before


@cache
def _held_at_first() -> int | None:
    """Return the bytes that this process held in memory when it was first asked."""
    return _memory("VmRSS")


def _memory(what: str) -> int | None:
    """Return the bytes that Linux says that this process holds in memory, or has held at most; None elsewhere.

    Not from `getrusage`: there a process begins with the high mark of the one that started it.
    """
    with suppress(OSError, StopIteration, ValueError, IndexError):
        lines = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith(f"{what}:")).split()[1])
    return None
