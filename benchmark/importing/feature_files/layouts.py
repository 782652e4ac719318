"""Layouts: the ways that published features lie on disk, told apart by looking at names and shapes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchmark.datasets.arrays import finite
from benchmark.datasets.video_names import split_crop
from benchmark.importing.feature_files.search import FoundArray, find_arrays
from benchmark.system.errors import InputError
from benchmark.terms import Layout, Split

_DESCRIPTIONS: Mapping[Layout, str] = {
    "ten-crop": "one file per video, (snippets, crops, dim)",
    "crop-files": "one file per video and crop, name__0.npy, name__1.npy, ..., each (snippets, dim)",
    "plain": "one file per video, (snippets, dim)",
}
_ONE_DIGIT = re.compile(r"(?<!_)_\d$")


@dataclass(frozen=True)
class VideoFiles:
    """The feature files of one video.

    Attributes
    ----------
    arrays
        One array, or one per crop in the order of the crops.
    shape
        (rows, crops, dim) of the video, from the headers.
    folder_split
        Split by the `train` or `test` folder that the files lie in; None if they lie in neither.
    """

    arrays: tuple[FoundArray, ...]
    shape: tuple[int, int, int]
    folder_split: Split | None

    @property
    def place(self) -> str:
        """Where the first array is, for messages."""
        return self.arrays[0].place

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return tuple(found.array.path for found in self.arrays)

    def blocks(self, rows: int, dtype: DTypeLike) -> Iterator[NDArray[Any]]:
        """Yield the video's features front to back, at most `rows` rows at a time, each (rows, crops, dim).

        Raises
        ------
        InputError
            If a value is NaN, infinite, or beyond the range of `dtype`; or a file cannot be read on.
        """
        dim = self.shape[-1]
        for parts in zip(*(found.array.blocks(rows) for found in self.arrays), strict=True):
            yield np.concatenate(
                [
                    finite(part, dtype, found.place).reshape(len(part), -1, dim)
                    for part, found in zip(parts, self.arrays, strict=True)
                ],
                axis=1,
            )


@dataclass(frozen=True)
class FeatureFolder:
    """What was found in a features folder.

    Attributes
    ----------
    layout
        The layout that the files follow.
    reason
        One sentence for the user: the layout and what gave it away.
    videos
        Stem of the file name, without the crop's number -> the video's files.
    """

    path: Path
    layout: Layout
    reason: str
    videos: Mapping[str, VideoFiles]


def find_features(
    folder: Path,
    layout: Layout | None = None,
    lists: Sequence[Path] = (),
    follow_links: bool = False,
    named_by_folder: bool = False,
) -> FeatureFolder:
    """Find the feature files below a folder; only their headers are read.

    Parameters
    ----------
    folder
        Searched with all its sub-folders, such as `train/`, `test/` and one per class.
    layout
        The layout to read them in; None to find it by looking.
    lists, follow_links
        As for `find_arrays`.
    named_by_folder
        Whether videos of both splits carry the same numbers, as in Avenue: they are told apart as
        ``training_01`` and ``testing_01``.

    Raises
    ------
    InputError
        If there are no feature files, one cannot be read or does not fit the layout, crops are missing or
        differ in length, a video has no snippets, dimensions or numbers of crops differ, or a video is
        there twice.
    """
    found = find_arrays(folder, lists, follow_links)
    for each in found:
        _check_shape(each)
    _check_order_of_axes(found)
    recognised, why = _recognise(found)
    chosen = layout or recognised
    reason = f"Layout {chosen} ({_DESCRIPTIONS[chosen]}): {'as asked for' if layout else why}."
    videos: dict[str, VideoFiles] = {}
    groups = _group(found, chosen, named_by_folder)
    if len(numbers := {number for crops in groups.values() for number in crops}) == 1:
        # One crop of all videos, such as the centre, which some lists choose for testing.
        groups = {name: {0: crops[min(numbers)]} for name, crops in groups.items()}
    for name, crops in groups.items():
        joined = _join_crops(name, crops, chosen)
        # Folders that are part of the name do not say the split.
        videos[name] = replace(joined, folder_split=None) if named_by_folder else joined
    _check_equal(videos, "dimension", axis=2)
    _check_equal(videos, "number of crops", axis=1)
    return FeatureFolder(folder, chosen, reason, videos)


def _check_shape(found: FoundArray) -> None:
    shape = found.array.shape
    if len(shape) not in (2, 3):
        raise InputError(
            f"{found.place}: shape {shape}; features are (snippets, dim) or (snippets, crops, dim); save it so"
        )
    if shape[0] == 0:
        raise InputError(
            f"{found.place}: shape {shape}, so zero snippets; extract the video again or list it with --missing"
        )
    if 0 in shape:
        raise InputError(f"{found.place}: shape {shape} holds nothing; extract the video again")


def _check_order_of_axes(found: Sequence[FoundArray]) -> None:
    """Refuse (crops, snippets, dim): five or ten in the first axis of every file, and other numbers in the second."""
    shapes = [each.array.shape for each in found if len(each.array.shape) == 3]
    first, second = {shape[0] for shape in shapes}, {shape[1] for shape in shapes}
    if len(shapes) == len(found) and len(first) == 1 and first <= {5, 10} and len(second) > 1:
        raise InputError(
            f"{found[0].place}: shape {shapes[0]}, so the crops come first; save it as (snippets, crops, dim)"
        )


def _recognise(found: Sequence[FoundArray]) -> tuple[Layout, str]:
    """Return the layout of most files, and what gave it away."""
    # The first crop's file may carry no number: name.npy, name__1.npy, ...
    numbered = [each for each in found if split_crop(each.array.name)[1] is not None]
    cropped: list[FoundArray] = []
    single: list[FoundArray] = []
    for each in found:
        shape = each.array.shape
        (cropped if len(shape) == 3 and shape[1] > 1 else single).append(each)
    if len(numbered) >= len(found) / 2 or _has_one_digit_crops(found):
        layout: Layout = "crop-files"
        files, sign = numbered or found, "end in a crop's number"
    elif len(cropped) > len(found) / 2:
        layout, files, sign = "ten-crop", cropped, "hold several crops"
    else:
        layout, files, sign = "plain", single, "hold one crop"
    example = files[0]
    return layout, f"{len(files)} of {len(found)} files {sign}, such as {_name_of(example)} {example.array.shape}"


def _name_of(found: FoundArray) -> str:
    return found.place.rpartition("/")[2]


def _has_one_digit_crops(found: Sequence[FoundArray]) -> bool:
    """Whether every name ends in ``_0``, ``_1``, ...: at least two crops, and as many of every video."""
    crops = Counter(_ONE_DIGIT.sub("", each.array.name) for each in found if _ONE_DIGIT.search(each.array.name))
    counts = set(crops.values())
    return crops.total() == len(found) and len(counts) == 1 and counts != {1}


def _group(found: Sequence[FoundArray], layout: Layout, named_by_folder: bool) -> dict[str, dict[int, FoundArray]]:
    """Return name -> crop's number -> array."""
    one_digit = layout == "crop-files" and _has_one_digit_crops(found)
    groups: dict[str, dict[int, FoundArray]] = {}
    for each in found:
        name, number = each.array.name, 0
        if one_digit:
            name, number = name[:-2], int(name[-1])
        elif layout == "crop-files":
            name, numbered = split_crop(name)
            number = numbered or 0
        if named_by_folder and each.split is not None and not name.startswith(f"{each.split}ing_"):
            name = f"{each.split}ing_{name}"
        other = groups.setdefault(name, {}).setdefault(number, each)
        if other is not each:
            raise InputError(f"{name}: this video is there twice, {other.place} and {each.place}; keep one of them")
    return groups


def _join_crops(name: str, crops: Mapping[int, FoundArray], layout: Layout) -> VideoFiles:
    if absent := set(range(max(crops) + 1)) - set(crops):
        raise InputError(
            f"{name}: crop {min(absent)} is missing beside {next(iter(crops.values())).place}; extract it again"
        )
    arrays = tuple(crops[number] for number in sorted(crops))
    for each in arrays:
        _check_layout(each, layout)
    first = arrays[0].array.shape
    for each in arrays[1:]:
        if (each.array.shape[0], each.array.shape[-1]) != (first[0], first[-1]):
            raise InputError(
                f"{each.place}: shape {each.array.shape}, but {_name_of(arrays[0])} has {first}; extract it again"
            )
    splits = {each.split for each in arrays}
    if len(splits) > 1:
        raise InputError(f"{name}: its crops lie in several of the train and test folders; keep it in one")
    in_a_file = first[1] if len(first) == 3 else 1
    return VideoFiles(arrays, (first[0], in_a_file * len(arrays), first[-1]), splits.pop())


def _check_layout(found: FoundArray, layout: Layout) -> None:
    shape = found.array.shape
    if layout == "ten-crop" and len(shape) != 3:
        raise InputError(f"{found.place}: shape {shape}; the ten-crop layout has (snippets, crops, dim); see --layout")
    if layout != "ten-crop" and len(shape) == 3 and shape[1] != 1:
        raise InputError(
            f"{found.place}: shape {shape}; the {layout} layout has (snippets, dim) in a file; see --layout"
        )


def _check_equal(videos: Mapping[str, VideoFiles], what: str, axis: int) -> None:
    """Raise an error that names the video whose size along an axis differs from that of most others."""
    usual, _ = Counter(video.shape[axis] for video in videos.values()).most_common(1)[0]
    if odd := next((video for video in videos.values() if video.shape[axis] != usual), None):
        raise InputError(f"{odd.place}: {what} {odd.shape[axis]}, most videos have {usual}; extract it again")
