"""Lists of feature files or videos, as repositories publish them: a split, with the paths of another machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.datasets.video_names import split_crop, video_name
from benchmark.datasets.words import split_in, splits_in
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines
from benchmark.terms import Split

_HEADERS = frozenset({"path", "file", "name", "video", "video-id", "video_id", "video_path"})
_FIELDS = re.compile(r"[,;\t]")
_LABEL = re.compile(r"\s+[-+]?\d+(\.\d*)?$")
# Training lists of the benchmarks whose names do not say so.
_TRAINING_LISTS = frozenset(
    {"rgb.list", "flow.list", "audio.list", "ucf-i3d.list", "ucf_CLIP_rgb.csv", "xd_CLIP_rgb.csv"}
)


class Entry(NamedTuple):
    """A line of a list: its number, the path of a file, and what stands after it, such as a label; empty if nothing."""

    line: int
    path: str
    label: str


def splits_of(lists: Sequence[Path]) -> dict[Path, Split]:
    """Return which split each list holds, by a word in its file's name: `train`, `training`, `test` or `testing`.

    A list without either is of training videos, as `rgb.list` beside `rgbtest.list`.

    Raises
    ------
    InputError
        If a name has both words, or another list is the one for training.
    """
    named = {path: splits_in(path.stem) for path in lists}
    for path, splits in named.items():
        if len(splits) == 2:
            raise InputError(f"{path}: both `train` and `test` are words of its name; name each list by its split")
        if not splits and (other := next((other for other in lists if named[other] == {"train"}), None)):
            raise InputError(
                f"{path}: neither `train` nor `test` is a word of its name, and {other.name} is the training list; "
                "name each list by its split"
            )
    return {path: split_in(path.stem) or "train" for path in lists}


def taken_for_training(splits: dict[Path, Split]) -> tuple[str, ...]:
    """Say which lists are taken for training without a word in their names that says so; nothing of official ones."""
    taken = [path.name for path, _ in splits.items() if not splits_in(path.stem) and path.name not in _TRAINING_LISTS]
    if not taken:
        return ()
    others = [path.name for path, split in splits.items() if split == "test"]
    test = f"; as test list: {', '.join(others)}" if others else ""
    return (f"Taken as training list, as no word of its name is `test`: {', '.join(taken)}{test}.",)


def read_entries(path: Path) -> list[Entry]:
    """Return the entries of a list: a path, and after a comma, semicolon or tab, or as a number at the end, a label.

    A line that names the columns is left out. Paths may be those of any machine, and hold blanks.

    Raises
    ------
    InputError
        If the list cannot be read, or is empty.
    """
    lines = read_lines(path)
    if lines and _FIELDS.split(lines[0][1])[0].strip().lower() in _HEADERS:
        lines = lines[1:]
    if not lines:
        raise InputError(f"{path}: lists nothing; a path of a feature file is expected in each line")
    return [_entry(number, line) for number, line in lines]


def read_list(path: Path) -> list[tuple[int, str]]:
    """Return line number and path of each entry, see `read_entries`."""
    return [(entry.line, entry.path) for entry in read_entries(path)]


def _entry(number: int, line: str) -> Entry:
    path, *labels = _FIELDS.split(line)
    if not labels and (match := _LABEL.search(path)):
        return Entry(number, path[: match.start()], match[0].strip())
    return Entry(number, _LABEL.sub("", path), labels[0].strip() if labels else "")


def file_of(entry: str) -> str:
    """Return the file's name in an entry, without folders of either slash."""
    return re.split(r"[/\\]", entry)[-1]


def video_of(entry: str) -> str:
    """Return the video's name in an entry, without folders, the file's ending and a crop's number."""
    return split_crop(video_name(entry))[0]
