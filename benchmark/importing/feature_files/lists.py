"""Lists of feature files or videos, as repositories publish them: a split, with the paths of another machine."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.datasets.video_names import split_crop, video_name
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines
from benchmark.terms import Split

_HEADERS = frozenset({"path", "file", "name", "video", "video-id", "video_id", "video_path"})
_LABEL = re.compile(r"\s+[-+]?\d+(\.\d*)?$")


def split_of(path: Path) -> Split:
    """Return which split a list holds: `test` in the file's name marks the test list."""
    return "test" if "test" in path.stem.lower() else "train"


def read_list(path: Path) -> list[tuple[int, str]]:
    """Return line number and path of each entry: what stands before a comma, or before a number at the end.

    A line that names the columns is left out. Paths may be those of any machine, and hold blanks.

    Raises
    ------
    InputError
        If the list cannot be read, or is empty.
    """
    lines = read_lines(path)
    if lines and lines[0][1].split(",")[0].lower() in _HEADERS:
        lines = lines[1:]
    if not lines:
        raise InputError(f"{path}: lists nothing; a path of a feature file is expected in each line")
    return [(number, _LABEL.sub("", line.split(",")[0])) for number, line in lines]


def file_of(entry: str) -> str:
    """Return the file's name in an entry, without folders of either slash."""
    return re.split(r"[/\\]", entry)[-1]


def video_of(entry: str) -> str:
    """Return the video's name in an entry, without folders, the file's ending and a crop's number."""
    return split_crop(video_name(entry).removesuffix(".npy"))[0]
