"""Lists of feature files or videos, as repositories publish them: a split, with the paths of another machine."""

from __future__ import annotations

from pathlib import Path

from benchmark.datasets.manifest import Split
from benchmark.datasets.names import read_lines, split_crop, video_name


def split_of(path: Path) -> Split:
    """Return which split a list holds: `test` in the file's name marks the test list."""
    return "test" if "test" in path.stem.lower() else "train"


def read_list(path: Path) -> list[tuple[int, str]]:
    """Return line number and name of each entry, without folders, the file's ending and a crop's number.

    An entry may be a path of any machine (either slash), with a label after a comma or white space. A header of a
    `.csv` list is left out.

    Raises
    ------
    InputError
        If the list cannot be read.
    """
    lines = read_lines(path)
    if path.suffix.lower() == ".csv":
        lines = lines[1:]
    entries = ((number, line.split(",")[0].split()) for number, line in lines)
    return [(number, _name(words[0])) for number, words in entries if words]


def _name(entry: str) -> str:
    return split_crop(video_name(entry).removesuffix(".npy"))[0]
