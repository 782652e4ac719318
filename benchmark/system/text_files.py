"""Reading the text files that come with features: only regular files, only of a size that can be meant."""

from __future__ import annotations

import codecs
import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.files import open_regular

# Tabs and the ends of lines of other systems are meant; the rest can only have come from a damaged or hostile file.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_LINE_END = re.compile(r"\r\n?|\n")
_LONGEST_LINE = 1 << 20
_HEAD = 1 << 16
_SHOWN = 80

MOST_JSON = 1 << 28
"""Bytes of the largest JSON file that is read; the largest official one, of all frame labels, has less than a tenth."""
_MOST_TEXT = 1 << 26  # the longest published list, of 34,000 files, has 3 MiB


def read_bytes(path: Path, most: int = MOST_JSON) -> bytes:
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


def read_text(path: Path, most: int = _MOST_TEXT) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark, or in UTF-16, as Windows writes it.

    Raises
    ------
    InputError
        If it cannot be read, see `read_bytes`, or is in another encoding.
    """
    content = read_bytes(path, most)
    encoding = _encoding_of(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise InputError(f"{path}: damaged text in {encoding.upper()}; save it again, in UTF-8") from None
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}: not a text file in UTF-8 (byte 0x{content[error.start]:02x}); if it is text in an older "
            "encoding, such as Latin-1, save it in UTF-8"
        ) from None


def _encoding_of(content: bytes) -> str:
    """Tell UTF-16 by its byte order mark or, without one, by zeros in every other byte: half of every Latin letter."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = content[:256]
    for encoding, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if 0 not in letters and 2 * zeros.count(0) > len(zeros):
            return encoding
    return "utf-8-sig"


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are not blank, stripped, with their numbers.

    Raises
    ------
    InputError
        If the file is missing, too large or not text in UTF-8 or UTF-16, or a line is longer than any can be
        or holds control characters.
    """
    lines = []
    for number, line in enumerate(_LINE_END.split(read_text(path)), start=1):
        if len(line) > _LONGEST_LINE:
            raise InputError(f"{path}:{number}: a line of {len(line)} characters; name the right file")
        if _CONTROL.search(line):
            raise InputError(f"{path}:{number}: control characters in the line; remove them")
        if stripped := line.strip():
            lines.append((number, stripped))
    return lines


def beginning(path: Path) -> str:
    """Return how a file begins, as text; empty if it cannot be read. What is no text in UTF-8 or UTF-16 is left out."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    return head.decode(_encoding_of(head), errors="ignore")


def first_line(path: Path) -> str:
    """Return the first line of a file that is not blank, stripped; no more of the file is read than its beginning."""
    return next((line.strip() for line in _LINE_END.split(beginning(path)) if line.strip()), "")


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the lines of a table that are not blank, in fields, with their numbers.

    Fields are divided by commas or, where the first line has none, by the semicolons or tabs of a spreadsheet.

    Raises
    ------
    InputError
        As for `read_lines`, or if a line cannot be divided into fields.
    """
    lines = read_lines(path)
    first = lines[0][1] if lines else ""
    delimiter = next((sign for sign in ",;\t" if sign in first), ",")
    rows = []
    for number, line in lines:
        try:
            rows.append((number, [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]))
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
