"""Layouts by names: which feature files make a video, and whether each crop has a file of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.datasets.video_names import split_crop
from benchmark.importing.feature_files.search import FoundArray, find_arrays
from benchmark.system.errors import InputError
from benchmark.terms import Layout, Split

_ONE_DIGIT = re.compile(r"(?<!_)_\d$")


@dataclass(frozen=True)
class VideoFiles:
    """The feature files of one video.

    Attributes
    ----------
    arrays
        One array, or one per crop in the order of the crops.
    folder_split
        Split by the `train` or `test` folder that the files lie in; None if they lie in neither.
    """

    arrays: tuple[FoundArray, ...]
    folder_split: Split | None

    @property
    def place(self) -> str:
        """Where the first array is, for messages."""
        return self.arrays[0].place

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return tuple(found.array.path for found in self.arrays)


@dataclass(frozen=True)
class FeatureFolder:
    """What was found in a features folder, by names alone.

    Attributes
    ----------
    layout
        The layout as asked for, or ``crop-files`` where names tell it; None where shapes are to tell it.
    reason
        What in the names gave it away; empty where it was asked for.
    videos
        Stem of the file name, without the crop's number -> the video's files.
    """

    path: Path
    layout: Layout | None
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
        If there are no feature files, one cannot be read, a crop is missing, or a video is there twice.
    """
    found = find_arrays(folder, lists, follow_links)
    reason = "" if layout else _crop_files_sign(found)
    layout = "crop-files" if reason else layout
    groups = _group(found, layout, named_by_folder)
    if len(numbers := {number for crops in groups.values() for number in crops}) == 1:
        # One crop of all videos, such as the centre, which some lists choose for testing.
        groups = {name: {0: crops[min(numbers)]} for name, crops in groups.items()}
    videos: dict[str, VideoFiles] = {}
    for name, crops in groups.items():
        joined = _join_crops(name, crops)
        # Folders that are part of the name do not say the split.
        videos[name] = replace(joined, folder_split=None) if named_by_folder else joined
    return FeatureFolder(folder, layout, reason, videos)


def _crop_files_sign(found: Sequence[FoundArray]) -> str:
    """Say what gives away that each crop has a file of its own; empty if nothing."""
    # The first crop's file may carry no number: name.npy, name__1.npy, ...
    numbered = [each for each in found if split_crop(each.array.name)[1] is not None]
    if len(numbered) < len(found) / 2 and not _has_one_digit_crops(found):
        return ""
    return file_sign(numbered or found, len(found), "end in a crop's number")


def file_sign(files: Sequence[FoundArray], count: int, sign: str) -> str:
    """Say how many of all files show a sign of their layout, with one as an example."""
    return f"{len(files)} of {count} files {sign}, such as {files[0].name} {files[0].array.shape}"


def _has_one_digit_crops(found: Sequence[FoundArray]) -> bool:
    """Whether every name ends in ``_0``, ``_1``, ...: at least two crops, and as many of every video."""
    crops = Counter(_ONE_DIGIT.sub("", each.array.name) for each in found if _ONE_DIGIT.search(each.array.name))
    counts = set(crops.values())
    return crops.total() == len(found) and len(counts) == 1 and counts != {1}


def _group(
    found: Sequence[FoundArray], layout: Layout | None, named_by_folder: bool
) -> dict[str, dict[int, FoundArray]]:
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


def _join_crops(name: str, crops: Mapping[int, FoundArray]) -> VideoFiles:
    if absent := set(range(max(crops) + 1)) - set(crops):
        raise InputError(
            f"{name}: crop {min(absent)} is missing beside {next(iter(crops.values())).place}; extract it again"
        )
    arrays = tuple(crops[number] for number in sorted(crops))
    splits = {each.split for each in arrays}
    if len(splits) > 1:
        raise InputError(f"{name}: its crops lie in several of the train and test folders; keep it in one")
    return VideoFiles(arrays, splits.pop())
