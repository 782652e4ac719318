"""Numbers as text, a row of the array a line, as C3D features are published (32 x 4096 per video)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import opened
from benchmark.importing.feature_files.formats.array_file import ArrayFile
from benchmark.system.errors import InputError

LONGEST_LINE = 2**20
"""Bytes of a line above which it is refused; a row of C3D takes 36 KiB."""
_SURELY_NUMBERS = 16
_BOM = b"\xef\xbb\xbf"


class TextArray(ArrayFile):
    """An array in a text file."""

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the rows in blocks, float64."""
        block: list[NDArray[np.float64]] = []
        for number, words in _rows(self.path):
            block.append(_numbers(words, self.path, number))
            if len(block[-1]) != self.shape[1]:
                raise InputError(f"{self.path}: has changed while it was read; import it again")
            if len(block) == rows:
                yield np.stack(block)
                block = []
        if block:
            yield np.stack(block)


def open_text(path: Path) -> TextArray:
    """Open a text file of numbers, separated by blanks or commas; its lines are counted, its numbers not yet read.

    Raises
    ------
    InputError
        If the file is missing, a line is too long or has another number of columns than the first, there is no line
        or a single column, or the first line does not consist of numbers.
    """
    rows = columns = 0
    for number, words in _rows(path):
        if not rows:
            columns = len(_numbers(words, path, number))
        if len(words) != columns:
            raise InputError(
                f"{path}:{number}: {len(words)} numbers, the lines before have {columns}; extract it again"
            )
        rows += 1
    if columns < 2:
        raise InputError(f"{path}: {'one number a line' if rows else 'empty'}; a row of features a line is expected")
    return TextArray(path, path.stem, (rows, columns))


def is_number_text(path: Path) -> bool:
    """Return whether a text file holds features: its first line that is not blank has 16 numbers or more.

    Lists of videos and annotations lie in the same folders and have the same ending. A file that cannot be read, or
    whose first line is too long, holds none.
    """
    try:
        number, words = next(_rows(path), (0, []))
        return len(_numbers(words, path, number)) >= _SURELY_NUMBERS
    except InputError:
        return False


def _rows(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the lines without the one that names the columns, with which a `.csv` file may begin."""
    for place, (number, words) in enumerate(_lines(path)):
        if place or path.suffix.lower() != ".csv" or _are_numbers(words):
            yield number, words


def _are_numbers(words: list[bytes]) -> bool:
    try:
        np.array(words, dtype=np.float64)
    except ValueError:
        return False
    return True


def _lines(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the lines that are not blank, with their numbers, in words."""
    with opened(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise InputError(f"{path}:{number}: a line of more than {LONGEST_LINE} bytes; extract it again")
            if number == 1:
                line = line.removeprefix(_BOM)
            if words := line.replace(b",", b" ").split():
                yield number, words


def _numbers(words: list[bytes], path: Path, number: int) -> NDArray[np.float64]:
    try:
        if any(b"_" in word for word in words):  # which Python takes for a separator of thousands
            raise ValueError
        return np.array(words, dtype=np.float64)
    except ValueError:
        raise InputError(f"{path}:{number}: not a line of numbers; extract it again, or remove the file") from None
