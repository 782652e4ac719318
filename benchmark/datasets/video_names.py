"""Names of videos, as they stand in lists and in names of files."""

from __future__ import annotations

import re
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
