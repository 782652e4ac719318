"""Writing files so that a reader never sees half of one, and telling what a dead process left behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a text file under another name and rename it into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def scratch_name(stem: str) -> str:
    """Return a name for something in the making that says which process makes it."""
    return f"{stem}@{socket.gethostname()}@{os.getpid()}"


def is_abandoned(path: Path) -> bool:
    """Return whether a path named by `scratch_name` was left behind by a process of this machine that is no more."""
    _, host, pid = ("@@" + path.name).rsplit("@", 2)
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
