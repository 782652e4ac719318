"""Putting a dataset's folder in place when it is complete, by one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from benchmark.importing.packing import JOURNAL
from benchmark.system.errors import InputError
from benchmark.system.files import writing_to

Doing = Literal["importing", "amending"]


def unfinished(target: Path, doing: Doing) -> Path:
    """Return the hidden folder in which a dataset is made."""
    return target.with_name(f".{target.name}.{doing}")


def unfinished_imports(root: Path) -> list[str]:
    """Return the names of datasets below a data root whose import was interrupted or is going on."""
    return sorted(path.name[1 : -len(".importing")] for path in root.glob(".*.importing"))


@contextmanager
def folder_in_place(target: Path, doing: Doing, keep: bool = False) -> Iterator[Path]:
    """Give a hidden folder beside `target` that becomes `target` at the end, and is removed on an error.

    Parameters
    ----------
    doing
        What is being done, part of the hidden folder's name.
    keep
        Whether what a process has written that was interrupted or killed is kept for the next one; else that
        starts with an empty folder.

    Raises
    ------
    InputError
        If it cannot be written, or another process is at it.
    """
    hidden = unfinished(target, doing)
    with writing_to(target, "--data"):
        hidden.mkdir(parents=True, exist_ok=True)
        with _claimed(hidden, target):
            try:
                if not keep:
                    for path in hidden.iterdir():
                        path.unlink()
                yield hidden
                (hidden / JOURNAL).unlink(missing_ok=True)
                _put(hidden, target)
            except BaseException as error:
                if isinstance(error, Exception) or not keep:
                    shutil.rmtree(hidden, ignore_errors=True)
                raise


def _replaced(target: Path) -> Path:
    return target.with_name(f".{target.name}.replaced")


def recover(target: Path) -> None:
    """Bring back a dataset whose replacement was cut off between two renames."""
    if not target.exists() and _replaced(target).exists():
        _replaced(target).rename(target)


def _put(folder: Path, target: Path) -> None:
    old = _replaced(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _claimed(folder: Path, target: Path) -> Iterator[None]:
    """Keep other processes away; the claim ends with the process, however it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{target}: another process is importing it; wait for that to end") from None
        yield
    finally:
        os.close(handle)
