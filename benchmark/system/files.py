"""Reading what is a file, writing so that nobody sees half of one, and telling what a dead process left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import FileIO
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Self

from benchmark.system.errors import InputError

_PID = re.compile(r"[1-9][0-9]{0,8}")
"""How the number of a process is written; others are nobody's."""


class NotAFileError(OSError):
    """A pipe, a device, a folder: opened as a file, it would be waited for, or never end."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(errno.EINVAL, "not a regular file", str(path))

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:  # that of `OSError` calls it with other arguments
        return type(self), (self.filename,)


def open_regular(path: str | Path) -> FileIO:
    """Open a file for reading, without a buffer, if it is one.

    Raises
    ------
    NotAFileError
        If something else is there.
    OSError
        If nothing is there, or it cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # nobody has to write into a pipe first
    except OSError as error:
        raise NotAFileError(path) if error.errno in (errno.ENXIO, errno.ELOOP) else error from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotAFileError(path)
    return FileIO(handle)


def read_regular(path: str | Path) -> bytes:
    """Return the content of a file, if it is one; see `open_regular`."""
    with open_regular(path) as file:
        return file.read()


ABSENT = (FileNotFoundError, NotADirectoryError)
"""What is raised where there is nothing, as opposed to something that cannot be read."""


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, by name; nothing if there is no such folder.

    Raises
    ------
    InputError
        If the folder cannot be read: what it holds is not known.
    """
    try:
        return sorted(folder.iterdir())
    except ABSENT:
        return []
    except OSError as error:
        raise unreadable(folder, error) from None


def is_there(path: Path) -> bool:
    """Return whether there is something of this name.

    Raises
    ------
    InputError
        If that cannot be told, as its folder cannot be searched.
    """
    try:
        path.stat()
    except ABSENT:
        return False
    except OSError as error:
        raise unreadable(path, error) from None
    return True


def real_path(path: Path) -> Path:
    """Return where a path leads, through all links; of a link in a circle, itself: whoever opens it is told."""
    return Path(os.path.realpath(path))  # `Path.resolve` raises RuntimeError of circles before Python 3.13


class UnreadableError(InputError):
    """Something is there and cannot be read: it may be sound, and is not to be deleted or made again."""


def unreadable(path: str | Path, error: OSError) -> UnreadableError:
    """Say in a line what cannot be read and why."""
    return UnreadableError(f"{path}: cannot be read ({error.strerror or error}); ask whoever owns it, or try again")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is written under another name and renamed into place at the end, or removed on an error."""
    temporary = path.with_name(f".{scratch_name(path.name)}")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file under another name and rename it into place."""
    with replacing(path) as file:
        file.write(text.encode())


@contextmanager
def leaving_nothing(folder: Path) -> Iterator[None]:
    """Remove the folder and those above it again, as far as they were made in the block and are empty, on an error."""
    new = list(takewhile(lambda path: not path.exists(), (folder, *folder.parents)))
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in new:
                path.rmdir()
        raise


@contextmanager
def writing_to(folder: Path, option: str) -> Iterator[None]:
    """Say in one line that a folder cannot be written, and which option names another one.

    Raises
    ------
    InputError
        In place of an `OSError` of the block.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{folder}: cannot be written ({reason}); choose another folder with {option}") from None


def scratch_name(stem: str) -> str:
    """Return a name for something in the making that says which process makes it."""
    return f"{stem}@{_machine()}@{os.getpid()}"


def is_abandoned(path: Path) -> bool:
    """Return whether a path named by `scratch_name` was left behind by a process of this machine that is no more."""
    _, host, pid = ("@@" + path.name).rsplit("@", 2)
    if host != _machine() or not _PID.fullmatch(pid):
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(int(pid))


def remove_abandoned(folder: Path) -> None:
    """Remove from a folder what dead processes of this machine were making there, as far as it can be written."""
    for path in folder.glob("*@*@*"):
        if is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _is_zombie(pid: int) -> bool:
    """Return whether a process has ended and only nobody has asked yet how: in a container perhaps nobody ever does."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


@cache
def _machine() -> str:
    """Return what tells the processes of this machine, or of this container, from those of others."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino  # containers may share a name and count processes anew
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}-{space}"


def file_name(text: str) -> str:
    """Return a text as part of a file's name: whatever might mean something to a shell or a path becomes ``-``."""
    return re.sub(r"[^A-Za-z0-9_.+@-]", "-", text)


def cache_folder() -> Path:
    """Return where this user's caches belong, by the convention of most systems; each installation has its own."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "wvad-bench" / hashlib.sha256(str(Path(__file__).parent).encode()).hexdigest()[:16]
