"""Names of videos: in lists, in file names, and how the two are matched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.text_files import shown

_VIDEO_FILE = re.compile(r"\.(mp4|avi|mkv|mov|mpg|webm)$", re.IGNORECASE)
_LONGEST_NAME = 255
_CROP = re.compile(r"__(\d{1,2})$")


def video_name(entry: str) -> str:
    """Return the name in a list's entry, without folders (of either slash) and a video file's ending."""
    return _VIDEO_FILE.sub("", re.split(r"[/\\]", entry)[-1])


def split_crop(stem: str) -> tuple[str, int | None]:
    """Split the stem of a feature file into name and crop number, ``name__3`` -> ``("name", 3)``."""
    match = _CROP.search(stem)
    return (stem[: match.start()], int(match[1])) if match else (stem, None)


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
