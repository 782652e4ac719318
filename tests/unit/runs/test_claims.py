"""Who may do a run, however many drivers ask."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from benchmark.runs import claims
from benchmark.runs.claims import STALE, Claims, holder_of, living_drivers
from benchmark.system.errors import InputError
from benchmark.system.files import scratch_name

NO_PROCESS = 2**22 + 1  # above the greatest process id


class Clock:
    """A clock that never goes back and is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(claims.time, "monotonic", lambda: self.now)  # type: ignore[attr-defined]


def leave_claim(runs: Path, key: str, driver: str, sign: bytes | None = b"0") -> Path:
    """Lay down a claim as a driver makes it; return its sign of life."""
    (runs / "claims" / key).mkdir(parents=True)
    (runs / "claims" / key / driver).touch()
    (runs / "drivers").mkdir(exist_ok=True)
    if sign is not None:
        (runs / "drivers" / driver).write_bytes(sign)
    return runs / "drivers" / driver


@contextmanager
def crowd(runs: Path) -> Iterator[Callable[[str], int]]:
    """Give a way to let eight drivers ask for a run at once; it returns how many got it."""
    with ExitStack() as stack:
        everyone = [stack.enter_context(Claims(runs)) for _ in range(8)]
        threads, together = stack.enter_context(ThreadPoolExecutor(8)), threading.Barrier(8)

        def ask(driver: Claims, key: str) -> bool:
            together.wait()
            return driver.take(key)

        yield lambda key: sum(threads.map(ask, everyone, [key] * 8))


def test_a_run_is_claimed_by_one_driver_until_it_is_released(tmp_path: Path) -> None:
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take("k")
        assert one.take("k")
        assert not other.take("k")
        assert other.take("another")
        one.release("k")
        assert other.take("k")
        assert not one.take("k")
    assert list((tmp_path / "claims").iterdir()) == list((tmp_path / "drivers").iterdir()) == []


def test_of_many_that_ask_at_once_one_gets_the_claim(tmp_path: Path) -> None:
    with crowd(tmp_path) as takers:
        for number in range(50):
            assert takers(f"key{number}") == 1


def test_of_many_that_take_over_a_claim_one_gets_it(tmp_path: Path) -> None:
    with crowd(tmp_path) as takers:
        for number in range(50):
            leave_claim(tmp_path, f"key{number}", f"dead{number}@elsewhere@7", sign=None)
            assert takers(f"key{number}") == 1


def test_the_claim_of_a_dead_process_of_this_machine_is_taken_over_at_once(tmp_path: Path) -> None:
    dead = scratch_name("nonce").replace(str(os.getpid()), str(NO_PROCESS))
    sign = leave_claim(tmp_path, "k", dead)
    leave_claim(tmp_path, "half-made", dead)
    (tmp_path / "drivers" / f"k-{dead}").mkdir()
    with Claims(tmp_path) as mine:
        assert mine.take("k")
        assert not sign.exists()
        assert not (tmp_path / "drivers" / f"k-{dead}").exists()


def test_a_driver_elsewhere_is_dead_when_its_sign_of_life_has_not_changed_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    sign = leave_claim(tmp_path, "k", "nonce@elsewhere@7")
    with Claims(tmp_path) as mine:
        assert not mine.take("k")
        clock.now += STALE - 1
        assert not mine.take("k")
        sign.write_bytes(b"1")
        clock.now += 2
        assert not mine.take("k")
        clock.now += STALE + 1
        assert mine.take("k")
        assert not sign.exists()


def test_how_long_a_sign_was_there_before_we_looked_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    sign = leave_claim(tmp_path, "k", "nonce@elsewhere@7")
    os.utime(sign, (0, 0))  # by its clock, or ours, it is from 1970
    with Claims(tmp_path) as mine:
        clock.now += 10 * STALE
        assert not mine.take("k")


def test_a_driver_that_lost_a_claim_does_not_take_it_from_the_new_one(tmp_path: Path) -> None:
    with Claims(tmp_path) as stood_still, Claims(tmp_path) as other:
        assert stood_still.take("k")
        next((tmp_path / "claims" / "k").iterdir()).rename(tmp_path / "claims" / "k" / "new@elsewhere@7")
        stood_still.release("k")
        assert holder_of(tmp_path / "claims" / "k") == "new@elsewhere@7"
        (tmp_path / "drivers" / "new@elsewhere@7").write_bytes(b"0")
        assert not other.take("k")


def test_a_driver_gives_signs_of_life_as_long_as_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT", 0.01)
    with Claims(tmp_path):
        (sign,) = living_drivers(tmp_path)
        seen = {sign.read_bytes() for _ in range(2000)}
        deadline = threading.Event()
        while len(seen) < 5 and not deadline.wait(0.01):
            seen.add(sign.read_bytes())
    assert living_drivers(tmp_path) == []


def test_a_store_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "claims").touch()
    with pytest.raises(InputError, match="cannot be written"), Claims(tmp_path):
        pass


def test_a_file_in_the_place_of_a_claim_is_named_and_found_as_waste(tmp_path: Path) -> None:
    with Claims(tmp_path) as claims:
        (tmp_path / "claims" / "key").touch()
        with pytest.raises(InputError, match="key: a file where a claim belongs"):
            claims.take("key")
    assert holder_of(tmp_path / "claims" / "key") is None
