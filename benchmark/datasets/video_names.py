"""Names of videos, as they stand in lists and in names of files."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.names import check_file_name
from benchmark.system.text_files import shown

_VIDEO_FILE = re.compile(r"\.(mp4|avi|mkv|mov|mpg|webm)$", re.IGNORECASE)
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
        If it breaks the rule for names of files, see `check_file_name`.
    """
    try:
        check_file_name(name)
    except ValueError:
        raise InputError(
            f"{source}: {shown(name)} is no name of a video; write the name of its file, without folders"
        ) from None
