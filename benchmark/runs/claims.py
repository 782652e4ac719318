"""Who does which run: several drivers may work on one store at once, on one machine or on several."""

from __future__ import annotations

import errno
import secrets
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmark.system.errors import InputError
from benchmark.system.files import (
    ABSENT,
    NotAFileError,
    entries,
    is_abandoned,
    read_regular,
    remove_abandoned,
    scratch_name,
    writing_to,
)

BEAT = 5.0
"""Seconds between two signs of life of a driver."""

STALE = 60.0
"""Seconds without a sign of life after which a driver counts as dead."""


class Claims:
    """The runs that this driver has claimed, and its signs of life; entered for as long as it works on a store.

    A claim is the folder ``claims/KEY`` with one file in it, named as its driver. It comes into being by the renaming
    of a folder, which fails where there is a claim already, and changes hands by the renaming of the file, which fails
    where another was first. A driver's sign of life is a number in ``drivers/NAME`` that keeps changing; whoever waits
    watches it by the clock of its own that never goes back, so that no clocks are compared.

    A driver that stood still for longer than `STALE` may lose a claim and still finish the run: the one that is stored
    first stays.

    Parameters
    ----------
    runs
        The folder of the run store.
    """

    def __init__(self, runs: Path) -> None:
        self._runs, self._claims, self._drivers = runs, runs / "claims", runs / "drivers"
        self._name = scratch_name(secrets.token_hex(8))
        self._held: set[str] = set()
        self._seen: dict[str, tuple[bytes, float]] = {}
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="signs of life", daemon=True)

    def __enter__(self) -> Self:
        with writing_to(self._runs, "--results"):
            self._claims.mkdir(parents=True, exist_ok=True)
            self._drivers.mkdir(exist_ok=True)
            clear_dead_drivers(self._runs)
            (self._drivers / self._name).write_bytes(b"0")
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._heart.join()
        with suppress(InputError, OSError):  # without signs of life, what is left of it counts for nothing
            for key in list(self._held):
                self.release(key)
            (self._drivers / self._name).unlink()

    def take(self, key: str) -> bool:
        """Claim a run, unless a living driver has; return whether it is ours now.

        Raises
        ------
        InputError
            If the store cannot be written.
        """
        if key in self._held:
            return True
        with writing_to(self._runs, "--results"):
            holder = holder_of(self._claims / key)
            taken = self._claim(key) if holder is None else self._is_dead(holder) and self._take_over(key, holder)
        if taken:
            self._held.add(key)
        return taken

    def release(self, key: str) -> None:
        """Give up a claim; one that was taken over meanwhile stays with the other driver.

        Raises
        ------
        InputError
            If the store cannot be written.
        """
        self._held.discard(key)
        with writing_to(self._runs, "--results"), suppress(FileNotFoundError):
            (self._claims / key / self._name).unlink()
            _remove_if_empty(self._claims / key)

    def _claim(self, key: str) -> bool:
        made = self._drivers / f"{key}-{self._name}"
        made.mkdir()
        try:
            (made / self._name).touch()
            made.rename(self._claims / key)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            if error.errno == errno.ENOTDIR:
                raise InputError(
                    f"{self._claims / key}: a file where a claim belongs; `wvad store gc --delete` removes it"
                ) from None
            raise
        return True

    def _take_over(self, key: str, holder: str) -> bool:
        try:
            (self._claims / key / holder).rename(self._claims / key / self._name)
        except FileNotFoundError:
            return False
        (self._drivers / holder).unlink(missing_ok=True)  # nobody has to wait for its other claims
        return True

    def _is_dead(self, driver: str) -> bool:
        path = self._drivers / driver
        try:
            sign = read_regular(path)
        except (*ABSENT, NotAFileError):
            return True
        if is_abandoned(path):
            return True
        known, since = self._seen.get(driver, (None, 0.0))
        if sign != known:
            self._seen[driver] = (sign, time.monotonic())
            return False
        return time.monotonic() - since > STALE

    def _beat(self) -> None:
        count = 0
        while not self._ended.wait(BEAT):
            count += 1
            with suppress(OSError):  # a disk that is full for a moment; the next sign may come through
                (self._drivers / self._name).write_bytes(str(count).encode())


def holder_of(claim: Path) -> str | None:
    """Return the name of the driver that a claim is of, or None if there is none, or something else than a claim."""
    return next((path.name for path in entries(claim)), None)


def living_drivers(runs: Path) -> list[Path]:
    """Return the signs of life of the drivers that may be at work on a run store."""
    return [path for path in entries(runs / "drivers") if path.is_file() and not is_abandoned(path)]


def clear_dead_drivers(runs: Path) -> None:
    """Remove the signs of life and the claims of drivers of this machine that are no more."""
    remove_abandoned(runs / "drivers")
    for claim in entries(runs / "claims"):
        remove_abandoned(claim)
        _remove_if_empty(claim)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # another driver has claimed the run in this moment
        folder.rmdir()
