"""Parts of a path that may name a video: the stem, folders with it, or a folder alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from benchmark.datasets.words import split_in

FilePath = tuple[str, ...]
"""Folders, from the outermost, and the stem of a file."""

_CROP_FILE = re.compile(r"(?:crop|c)?[_\- ]?(\d{1,2})", re.IGNORECASE)
_CROP_FOLDER = re.compile(r"crop[_\- ]?(\d{1,2})", re.IGNORECASE)
# Words of the split, and words in names of videos that name none.
_NO_NAME = re.compile(r"(?<![A-Za-z])(train(ing)?|test(ing)?|videos?|clips?|vol)(?![A-Za-z])", re.IGNORECASE)


class Carried(NamedTuple):
    """What a path carries of a name: the split, where that is told apart from the rest (else empty), and the rest."""

    split: str
    rest: str
    crop: int | None = None


class Part(NamedTuple):
    """What of a path names the video, and how that is said.

    Attributes
    ----------
    numbered
        Whether it tells the crop as well.
    of_split
        Whether the split in a name is told apart from the rest.
    """

    carried: Callable[[FilePath], Carried | None]
    said: str = ""
    numbered: bool = False
    of_split: bool = False


def parts(paths: Sequence[FilePath], annotated: Collection[str]) -> Iterator[Part]:
    """Yield what of a path may name the video: the stem, or folders as well, or folders alone."""
    yield Part(partial(_joined, 1))
    depth = max(map(len, paths))
    if depth > 1:
        yield Part(_split_before_stem)
        yield from _folder_parts(paths)
    for count in range(2, depth + 1):
        said = f"Videos are named by the last {count} parts of their files' paths, joined by `_`."
        yield Part(partial(_joined, count), said)
    if depth > 1:
        said = "Videos of one name are told apart by the folders before it, joined by `_`."
        yield Part(partial(_joined_as_annotated, frozenset(annotated)), said)
    apart = [_split_anywhere((name,)) for name in annotated]
    if None not in apart:
        said = "Names are matched by their split and what else is in them, wherever the split stands."
        numbers = all(name is not None and name.rest.isdecimal() for name in apart)
        yield Part(partial(_split_anywhere, numbers=numbers), said, of_split=True)


def _joined(count: int, path: FilePath) -> Carried:
    return Carried("", "_".join(path[-count:]))


def _joined_as_annotated(annotated: frozenset[str], path: FilePath) -> Carried:
    joined = (_joined(count, path) for count in range(len(path), 0, -1))
    return next((carried for carried in joined if carried.rest in annotated), Carried("", path[-1]))


def _folder_parts(paths: Sequence[FilePath]) -> Iterator[Part]:
    """Yield how videos may be named by folders of their own, below which are files of the same names for all."""
    ends = [{path[-back] if len(path) >= back else "" for path in paths} for back in (1, 2)]
    same = [back for back, parts in enumerate(ends, start=1) if len(parts) == 1 and parts != {""}]

    def varied(path: FilePath) -> FilePath:
        return tuple(part for back, part in zip(range(len(path), 0, -1), path, strict=True) if back not in same)

    def own(path: FilePath) -> Carried | None:
        return Carried("", kept[-1]) if (kept := varied(path)) else None

    def own_with_crops(path: FilePath) -> Carried | None:
        kept = varied(path)
        number = _CROP_FILE.fullmatch(kept[-1]) if len(kept) > 1 else None
        return Carried("", kept[-2], int(number[1])) if number else None

    if 1 in same:
        yield Part(own, "Each video has a folder of its own and is named by it.")
    else:
        said = "Each video has a folder of its own and is named by it; the numbers of the files in it are its crops'."
        yield Part(own_with_crops, said, numbered=True)
    yield Part(_in_crop_folder, "Each crop has a folder of its own.", numbered=True)


def _in_crop_folder(path: FilePath) -> Carried | None:
    number = _CROP_FOLDER.fullmatch(path[-2]) if len(path) > 1 else None
    return Carried("", path[-1], int(number[1])) if number else None


def with_split(path: FilePath) -> str | None:
    """Read `training_videos/01` as `training_01`: so Avenue is laid out, and so its videos are called.

    None where no folder says a split.
    """
    split = next(filter(None, map(split_in, path[:-1])), None)
    named = path[-1].startswith(f"{split}ing_")
    return None if split is None else path[-1] if named else f"{split}ing_{path[-1]}"


def _split_before_stem(path: FilePath) -> Carried:
    return Carried("", with_split(path) or path[-1])


def _split_anywhere(path: FilePath, numbers: bool = False) -> Carried | None:
    """Read a split and what else is in a stem, `train_01`, `01-training`, `Train01` or `train/01` alike.

    Parameters
    ----------
    numbers
        Whether names are numbers but for the split, so that `1` is `01`.
    """
    split = split_in(path[-1]) or next(filter(None, map(split_in, path[:-1])), None)
    words = re.split(r"[\W_]+", _NO_NAME.sub("_", path[-1]).strip("_-. "))
    rest = "_".join(str(int(word)) if numbers and word.isdecimal() else word for word in words)
    return Carried(split, rest) if split and rest else None
