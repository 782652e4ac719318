"""The XD-Violence text form: `annotations.txt`, with labels in the names and lists of the feature files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmark.datasets.video_names import video_name
from benchmark.importing.annotations.annotated import (
    AnnotatedVideo,
    Annotations,
    Interval,
    by_name,
    frame_pairs,
    interval,
)
from benchmark.importing.feature_files.lists import read_list, splits_of, taken_for_training, video_of
from benchmark.importing.feature_files.search import FoundArray
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more, first_line, read_lines
from benchmark.terms import Split

FILES = ("annotations.txt",)

NAME = re.compile(r".+_label_(?P<codes>[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)")
_LINE = re.compile(r".+_label_\S+(\s+\d+\s+\d+)+")
_NAMED = re.compile(r"(.+_label_\S+)(.*)")
_CLASSES = {
    "B1": "fighting",
    "B2": "shooting",
    "B4": "riot",
    "B5": "abuse",
    "B6": "car accident",
    "G": "explosion",
}


def read(main: Path, found: Sequence[FoundArray], lists: Sequence[Path] = ()) -> Annotations:
    """Read the form; frame numbers are 0-based and half-open, and only abnormal test videos have a line.

    The split comes from `lists`; without any, from the `*.list` files beside `main`; without those, from the
    features' `train` and `test` folders.
    """
    intervals = dict(_intervals(main))
    lists = lists or sorted(main.parent.glob("rgb*.list")) or sorted(main.parent.glob("*.list"))
    split_of = splits_of(lists)
    splits = _listed(split_of) if lists else _by_folder(found)
    for name in intervals:
        if splits.setdefault(name, "test") == "train":
            raise InputError(
                f"{name}: this video is in both splits, a training video by its list or folder and in {main}"
            )
    videos = (
        AnnotatedVideo(name, split, int(bool(codes)), codes, None, intervals.get(name, ()))
        for name, split in splits.items()
        for codes in [classes_of(name)]
    )
    origin = ", ".join(path.name for path in lists) if lists else "the features' train and test folders"
    form = f"Annotations in the XD-Violence text form (frames 0-based, end exclusive; split from {origin})."
    return Annotations(form, by_name(videos, main), taken_for_training(split_of))


def is_form(path: Path) -> bool:
    """Whether a file's first line is one of the form: a name with a label, and frame numbers in pairs."""
    return _LINE.fullmatch(first_line(path)) is not None


def classes_of(name: str) -> tuple[str, ...]:
    """Return the abnormal classes in a video's name, none for a normal video.

    Raises
    ------
    InputError
        If the name carries no label or an unknown one.
    """
    match = NAME.fullmatch(name)
    codes = match["codes"].split("-") if match else []
    if codes == ["A"]:
        return ()
    classes = tuple(_CLASSES.get(code, "") for code in codes if code != "0")
    if not classes or "" in classes:
        raise InputError(f"{name}: no label of XD-Violence in the name, such as `_label_A` or `_label_B1-0-0`")
    return classes


def _intervals(path: Path) -> Iterator[tuple[str, tuple[Interval, ...]]]:
    seen: set[str] = set()
    for number, line in read_lines(path):
        # Names may have blanks, and some in the official file have `.mp4`.
        match = _NAMED.match(line)
        name = video_name(match[1]) if match else ""
        words = match[2].split() if match else []
        if len(words) < 2 or not NAME.fullmatch(name):
            raise InputError(f"{path}:{number}: malformed line, `name_label_... start end ...` is expected")
        if name in seen:
            raise InputError(f"{name}: this video is twice in {path} (line {number}); list it once")
        seen.add(name)
        pairs = frame_pairs(words, f"{path}:{number}")
        yield name, tuple(interval(start, end, f"{name} ({path.name}:{number})") for start, end in pairs)


def _listed(lists: Mapping[Path, Split]) -> dict[str, Split]:
    """Read the split of each video from the lists of its feature files, which name a video once per crop."""
    splits: dict[str, Split] = {}
    for path, split in lists.items():
        for number, entry in read_list(path):
            match = NAME.match(video_of(entry))
            if not match:
                raise InputError(f"{path}:{number}: malformed line, a feature file `name_label_...` is expected")
            if splits.setdefault(match[0], split) != split:
                raise InputError(f"{match[0]}: this video is in both splits ({path}:{number}); list it in one")
    return splits


def _by_folder(found: Sequence[FoundArray]) -> dict[str, Split]:
    splits: dict[str, set[Split]] = {}
    for each in found:
        if each.split is None:
            raise InputError(
                f"{each.place}: in neither a train nor a test folder, and no rgb.list, rgbtest.list are "
                "beside the annotations; name the lists with --list"
            )
        name = video_name(each.array.name)
        match = NAME.match(name)
        splits.setdefault(match[0] if match else name, set()).add(each.split)
    if both := [name for name, of in splits.items() if len(of) > 1]:
        raise InputError(
            f"{and_more(both)}: in a train and in a test folder; name the lists that say the split with --list"
        )
    return {name: split for name, (split,) in splits.items()}
