"""What is made ahead is what would have been made in time."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.system.ahead import ahead


@given(st.lists(st.none() | st.integers()), st.integers(1, 4))
def test_items_and_their_order_stay(items: list[int | None], room: int) -> None:
    assert list(ahead(iter(items), room)) == items


def test_no_more_is_made_than_there_is_room_for() -> None:
    made: list[int] = []

    def count() -> Iterator[int]:
        for place in range(20):
            made.append(place)
            yield place

    with closing(ahead(count(), room=2)) as items:
        assert next(items) == 0
        deadline = time.monotonic() + 10
        while len(made) < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05)  # for one too many
        assert made == [0, 1, 2]
    assert made == [0, 1, 2]


def test_an_error_comes_in_its_place() -> None:
    def break_off() -> Iterator[int]:
        yield 1
        raise OSError("torn")

    items = ahead(break_off(), room=3)
    assert next(items) == 1
    with pytest.raises(OSError, match="torn"):
        next(items)
    assert list(items) == []


def test_items_are_made_by_another_thread() -> None:
    makers = ahead(iter(threading.get_ident, None), room=1)
    with closing(makers):
        assert next(makers) != threading.get_ident()
