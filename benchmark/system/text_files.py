"""Reading the text files that come with features: only regular files, only of a size that can be meant."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.files import open_regular

# Tabs and the ends of lines of other systems are meant; the rest can only have come from a damaged or hostile file.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_LONGEST_LINE = 1 << 20
_SHOWN = 80


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
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > most:
                raise InputError(f"{path}: more than {most >> 20} MiB, too large for what it should be; check the path")
            return file.read()
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


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are not blank, stripped, with their numbers.

    Raises
    ------
    InputError
        If the file is missing, too large or not UTF-8 text, or a line is longer than any can be or holds control
        characters.
    """
    lines = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if len(line) > _LONGEST_LINE:
            raise InputError(f"{path}:{number}: a line of {len(line)} characters; name the right file")
        if _CONTROL.search(line):
            raise InputError(f"{path}:{number}: control characters in the line; remove them")
        if stripped := line.strip():
            lines.append((number, stripped))
    return lines


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the comma-separated lines of a text file that are not blank, in fields, with their numbers.

    Raises
    ------
    InputError
        As for `read_lines`, or if a line cannot be divided into fields.
    """
    rows = []
    for number, line in read_lines(path):
        try:
            rows.append((number, next(csv.reader([line]))))
        except csv.Error as error:
            raise InputError(f"{path}:{number}: malformed line ({error}); correct it") from None
    return rows


def shown(text: str) -> str:
    """Return a text for a message: escaped where it would break the line, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def and_more(names: Iterable[str]) -> str:
    """Name the first and count the rest: ``Abuse001 (and 3 more)``."""
    first, *rest = names
    return f"{first} (and {len(rest)} more)" if rest else first
