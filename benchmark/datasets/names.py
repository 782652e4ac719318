"""Names of videos: in lists, in file names, and how the two are matched; and how files that name videos are read."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from benchmark.errors import InputError

_VIDEO_FILE = re.compile(r"\.(mp4|avi|mkv|mov|mpg|webm)$", re.IGNORECASE)
_CROP = re.compile(r"__(\d{1,2})$")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

MOST_BYTES = 64 * 2**20
"""Size of a list above which it is refused: the longest that is published, of 34,000 files, takes 3 MiB."""
_PIECE = 2**16
_LONGEST_LINE = 2**20
_LONGEST_NAME = 255


def video_name(entry: str) -> str:
    """Return the name in a list's entry, without folders (of either slash) and a video file's ending."""
    return _VIDEO_FILE.sub("", re.split(r"[/\\]", entry)[-1])


def split_crop(stem: str) -> tuple[str, int | None]:
    """Split the stem of a feature file into name and crop number, ``name__3`` -> ``("name", 3)``."""
    match = _CROP.search(stem)
    return (stem[: match.start()], int(match[1])) if match else (stem, None)


def check_video_name(name: str, source: Path) -> None:
    """Raise an error that names the source if a video's name could not be that of a file.

    Names become parts of paths and of messages.
    """
    if name in ("", ".", "..") or re.search(r"[/\\]", name) or not name.isprintable():
        raise InputError(f"{source}: {name!r} is no name of a video; use a plain file name, without folders")
    if len(name.encode()) > _LONGEST_NAME:
        raise InputError(f"{source}: {name[:40]}... is longer than the {_LONGEST_NAME} bytes of a video's name")


def read_bytes(path: Path, most: int) -> bytes:
    """Return all of a file that is small enough to be held in memory.

    Raises
    ------
    InputError
        If it cannot be read, or has more bytes than `most`.
    """
    try:
        with path.open("rb") as file:
            # In pieces, because a read reserves what it is asked for.
            pieces = iter(partial(file.read, _PIECE), b"")
            content = b"".join(islice(pieces, most // _PIECE + 1))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > most:
        raise InputError(f"{path}: more than {most // 2**20} MiB, too large for what it should be; check the path")
    return content


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are not blank, stripped, with their numbers.

    Raises
    ------
    InputError
        If the file is missing, too large or not UTF-8 text, or a line is too long or holds control characters.
    """
    try:
        text = read_bytes(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    for number, line in lines:
        if len(line) > _LONGEST_LINE:
            raise InputError(f"{path}:{number}: a line of {len(line)} characters; is this the right file?")
        if _CONTROL.search(line):
            raise InputError(f"{path}:{number}: control characters in the line; save the file as plain text")
    return [(number, line) for number, line in lines if line]


def csv_fields(line: str, where: str) -> list[str]:
    """Return the fields of a line of comma-separated values.

    Raises
    ------
    InputError
        If it is not one; `where` names the file and line.
    """
    try:
        return next(csv.reader([line]))
    except csv.Error as error:
        raise InputError(f"{where}: malformed line, comma-separated values are expected ({error})") from None


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
