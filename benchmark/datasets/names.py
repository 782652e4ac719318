"""Names of videos: in lists, in file names, and how the two are matched."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.text_files import read_text
from benchmark.errors import InputError

_VIDEO_FILE = re.compile(r"\.(mp4|avi|mkv|mov|mpg|webm)$", re.IGNORECASE)
# Tabs and the ends of lines of other systems are meant; the rest can only have come from a damaged or hostile file.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_LONGEST_LINE = 1 << 20
_LONGEST_NAME = 255
_SHOWN = 80
_CROP = re.compile(r"__(\d{1,2})$")


def video_name(entry: str) -> str:
    """Return the name in a list's entry, without folders (of either slash) and a video file's ending."""
    return _VIDEO_FILE.sub("", re.split(r"[/\\]", entry)[-1])


def split_crop(stem: str) -> tuple[str, int | None]:
    """Split the stem of a feature file into name and crop number, ``name__3`` -> ``("name", 3)``."""
    match = _CROP.search(stem)
    return (stem[: match.start()], int(match[1])) if match else (stem, None)


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


def check_video_name(name: str, source: Path) -> None:
    """Refuse what cannot be the name of a video: it names files, and stands in lists and in lines of reports.

    Raises
    ------
    InputError
        If it is empty, longer than a file's name can be, holds slashes or anything that does not print, or is ``.`` or
        ``..``.
    """
    fits = 0 < len(name.encode(errors="replace")) <= _LONGEST_NAME and name.isprintable()
    if not fits or name in (".", "..") or re.search(r"[/\\]", name):
        raise InputError(f"{source}: {shown(name)} is no name of a video; write the name of its file, without folders")


def shown(text: str) -> str:
    """Return a text for a message: escaped where it would break the line, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


@dataclass(frozen=True)
class Matching:
    """Which file stem belongs to which annotated video.

    Attributes
    ----------
    stems
        Annotated name -> stem of its files.
    suffix
        What all stems carry after the name, such as ``_i3d``; empty if nothing.
    unknown
        Stems that belong to no annotated video.
    """

    stems: dict[str, str]
    suffix: str
    unknown: tuple[str, ...]


def match_names(stems: Iterable[str], annotated: Iterable[str]) -> Matching:
    """Match file stems to annotated names by name, allowing one suffix for the whole set."""
    stems, names = list(stems), set(annotated)
    suffixes = Counter(suffix for stem in stems if (suffix := _suffix(stem, names)))
    common, count = suffixes.most_common(1)[0] if suffixes else ("", 0)
    suffix = common if count > sum(stem in names for stem in stems) else ""
    matched, unknown = {}, []
    for stem in stems:
        name = stem.removesuffix(suffix)
        if name in names and stem == name + suffix:
            matched[name] = stem
        else:
            unknown.append(stem)
    return Matching(matched, suffix, tuple(unknown))


def _suffix(stem: str, names: set[str]) -> str:
    """Return what follows the longest annotated name that `stem` begins with, cut at a separator."""
    for cut in range(len(stem) - 1, 0, -1):
        if stem[cut] in "_-." and stem[:cut] in names:
            return stem[cut:]
    return ""


def and_more(names: Iterable[str]) -> str:
    """Name the first and count the rest: ``Abuse001 (and 3 more)``."""
    first, *rest = names
    return f"{first} (and {len(rest)} more)" if rest else first
