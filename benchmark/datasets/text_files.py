"""Reading the text files that come with features: only regular files, only of a size that can be meant."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import InputError

_MOST_JSON = 1 << 28  # the largest official file, of all frame labels, has less than a tenth of it
_MOST_TEXT = 1 << 26  # the longest published list, of 34,000 files, has 3 MiB


def read_bytes(path: Path, most: int = _MOST_JSON) -> bytes:
    """Return what a file of annotations, lists or settings holds.

    Parameters
    ----------
    most
        Bytes above which it is refused.

    Raises
    ------
    InputError
        If it is missing, not a regular file, larger than any such file, or cannot be read.
    """
    try:
        # A pipe or a device would be waited for, or never end.
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: cannot be read (not a regular file)")
        if path.stat().st_size > most:
            raise InputError(f"{path}: more than {most >> 20} MiB, too large for what it should be; check the path")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark.

    Raises
    ------
    InputError
        If it cannot be read, see `read_bytes`, or is not UTF-8.
    """
    try:
        return read_bytes(path, _MOST_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8") from None
