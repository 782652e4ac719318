"""Lines of UCF-Crime's test file in the forms that it goes round in: with a frame count before or after, or without."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from benchmark.datasets.frames_csv import frame_number
from benchmark.importing.annotations.annotated import Interval, frame_pairs
from benchmark.system.errors import InputError
from benchmark.system.text_files import first_line, read_lines, shown
from benchmark.terms import SNIPPET_FRAMES

EXPECTED = "`name.mp4  Class  start  end ...`, frames from 1 on, -1 -1 for none"
"""What a line has to look like, for messages."""

# A name may hold blanks if its ending says where it ends; the class is a word, whatever its signs.
_LINE = re.compile(
    r"(?P<path>.+?\.(?i:mp4|avi|mkv|mov|mpg|webm)(?=[\s,;])|[^\s,;]+)"
    r"(?:[\s,;]+(?P<frames>\d+))?[\s,;]+(?P<category>[^\W\d_][^\s,;]*)(?P<numbers>(?:[\s,;]+-?\d+)*)[\s,;]*"
)


class Line(NamedTuple):
    """A test video as its line has it: frame pairs 1-based and inclusive, the frame count where one stands there."""

    number: int
    path: str
    category: str
    frames: int | None
    pairs: list[Interval]


def is_form(path: Path) -> bool:
    """Whether a file's first line is one of these, with frame numbers behind the class."""
    match = _LINE.fullmatch(first_line(path))
    return match is not None and len(match["numbers"].split()) > 1


def read(path: Path) -> tuple[list[Line], str]:
    """Read the lines.

    A frame count stands before the class, as in UR-DMU's list, or first or last among the frame numbers, which are
    then odd in number. That is told from all lines: no frame number is beyond a count.

    Returns
    -------
    The lines, and a sentence on a count that does not stand before the class; empty without any.

    Raises
    ------
    InputError
        If a line is malformed, or nobody can tell which number is a count.
    """
    matches = []
    for number, line in read_lines(path):
        match = _LINE.fullmatch(line)
        if match is None or (match["frames"] and not frame_number(match["frames"])):
            raise InputError(f"{path}:{number}: malformed line, {shown(line)}; {EXPECTED}, is expected")
        matches.append(
            (number, match, re.split(r"[\s,;]+", match["numbers"].strip(" \t,;")) if match["numbers"] else [])
        )
    place = _place_of_count([words for _, match, words in matches if not match["frames"]], path)
    lines = []
    for number, match, words in matches:
        count = match["frames"]
        if place is not None and not count:
            words = list(words)
            count = words.pop(place)
        pairs = [pair for pair in frame_pairs(words, f"{path}:{number}") if pair != (-1, -1)]
        lines.append(Line(number, match["path"], match["category"], frame_number(count) if count else None, pairs))
    said = {None: "", 0: "before the frame numbers", -1: "at the end of each line"}[place]
    return lines, f"The numbers {said} of {path.name} are taken as frame counts." if said else ""


def _place_of_count(rows: list[list[str]], path: Path) -> int | None:
    """Return where among the numbers of each line a count is: first (0) or last (-1); None if the lines have none."""
    odd = [len(words) % 2 == 1 for words in rows]
    if not rows or not all(odd):
        return None
    fitting = [place for place in (0, -1) if all(_can_be_count(words, place) for words in rows)]
    if len(fitting) != 1:
        raise InputError(
            f"{path}: an odd number of frame numbers in each line, and which is a frame count cannot be told; "
            f"{EXPECTED}, is expected, with a frame count before the class, if any"
        )
    return fitting[0]


def _can_be_count(words: list[str], place: int) -> bool:
    numbers = [frame_number(word) for word in words]
    count = numbers.pop(place)
    # Some official intervals end up to a snippet beyond the video.
    return count is not None and count > 0 and all(n is not None and n <= count + SNIPPET_FRAMES for n in numbers)
