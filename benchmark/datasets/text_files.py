"""Reading the text files that come with features: only regular files, only of a size that can be meant."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import InputError

MOST_BYTES = 1 << 28
"""The largest official file, a JSON of all frame labels, has less than a tenth of it."""


def read_bytes(path: Path) -> bytes:
    """Return what a file of annotations, lists or settings holds.

    Raises
    ------
    InputError
        If it is missing, not a regular file, larger than any such file, or cannot be read.
    """
    try:
        # A pipe or a device would be waited for, or never end.
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: cannot be read (not a regular file)")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise InputError(f"{path}: {size / 1e6:.0f} MB, too large for a file of text; name the right file")
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
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8") from None
