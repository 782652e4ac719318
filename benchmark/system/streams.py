"""Standard output and errors made ready for a command, and what to say when the system refuses a file or a stream."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from pathlib import Path

from benchmark.system.errors import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def prepare() -> None:
    """Make the standard streams ready: what an encoding cannot say is escaped, and closed errors go nowhere.

    Raises
    ------
    InputError
        If standard output is closed: its number would go to the next file that is opened.
    """
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:
        raise InputError("standard output is closed; send it to a file, or to /dev/null")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def explain(error: OSError) -> str | None:
    """Say in a line what the system refused: a path, standard output, a full disk; None if it was something else.

    What waits for standard output is dropped when that cannot be written.
    """
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}; check the path, and who may read and write there"
    try:
        print(flush=True)  # nothing may be left of what could not be written
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter tries again as it ends
        return f"standard output cannot be written ({error.strerror}); send it elsewhere"
    return f"a file cannot be written ({error.strerror}); make room" if error.errno in _FULL else None
