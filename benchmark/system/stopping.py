"""What Ctrl-C and SIGTERM mean while runs are under way, and how a process ends with the one that began it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

STDERR = 2
ANNOUNCEMENT = b"\nwvad: no new runs; waiting for those under way (Ctrl-C again ends them now)\n"


class Stop:
    """Whether the user has asked to stop.

    Attributes
    ----------
    requested
        No further run is to be begun.
    """

    requested = False


@contextmanager
def stopping() -> Iterator[Stop]:
    """Let the first Ctrl-C ask for a stop, and the second one or a SIGTERM interrupt the block.

    Outside the main thread, which alone is told of signals, nothing changes. A signal that is ignored stays so, as
    for what a shell runs in the background.

    Raises
    ------
    KeyboardInterrupt
        In the block, at the second Ctrl-C or at a SIGTERM: whoever sends that will not wait.
    """
    stop = Stop()

    def hear(number: int, frame: FrameType | None) -> None:
        if stop.requested or number == signal.SIGTERM:
            raise KeyboardInterrupt
        stop.requested = True
        with suppress(OSError):  # past Python's files, which may be in the middle of a line
            os.write(STDERR, ANNOUNCEMENT)

    with handling(hear):
        yield stop


@contextmanager
def interrupts_put_off() -> Iterator[None]:
    """Put off Ctrl-C and SIGTERM to the end of the block, which must not be left half-way."""
    held: list[int] = []
    try:
        with handling(lambda number, frame: held.append(number)):
            yield
    finally:
        for number in held:
            signal.raise_signal(number)


@contextmanager
def handling(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Let a handler have Ctrl-C and SIGTERM, unless they are ignored; in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = {number: signal.getsignal(number) for number in SIGNALS}
    heard = [number for number, before in usual.items() if before not in (signal.SIG_IGN, None)]
    try:
        for number in heard:
            signal.signal(number, handler)
        yield
    finally:
        for number in heard:
            signal.signal(number, usual[number])


def end_with_parent() -> None:
    """End this process, which another one has begun by `multiprocessing`, as soon as that one is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait_for_it() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()
