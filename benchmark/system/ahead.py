"""Making the next items of a sequence ready while the last one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterator[T], room: int = 1) -> Generator[T]:
    """Yield items in their order while a thread makes the next ones.

    Parameters
    ----------
    room
        How many may be ready, or in the making, before they are asked for.

    Raises
    ------
    BaseException
        Whatever making an item raises, in its place.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        waiting = deque(pool.submit(next, items, _END) for _ in range(room))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(pool.submit(next, items, _END))
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
