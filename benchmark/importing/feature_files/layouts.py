"""Layouts by names: which feature files make a video, and whether each crop has a file of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.naming.choice import Naming
from benchmark.datasets.video_names import split_crop, without_ending
from benchmark.datasets.words import split_in
from benchmark.importing.feature_files.search import FoundArray
from benchmark.system.errors import InputError
from benchmark.terms import Layout, Split


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
        Annotated name -> the video's files.
    notes
        How files are named, where that is not as annotated, and which are copies, one sentence each.
    """

    path: Path
    layout: Layout | None
    reason: str
    videos: Mapping[str, VideoFiles]
    notes: tuple[str, ...] = ()


def put_together(folder: Path, found: Sequence[FoundArray], naming: Naming, layout: Layout | None) -> FeatureFolder:
    """Put the arrays of each video together, where every array is of a video.

    Parameters
    ----------
    layout
        The layout as asked for; None to find it by looking.

    Raises
    ------
    InputError
        If crops of a video lie in folders of both splits.
    """
    copies = {place for _, place in naming.copies}
    taken = [each for place, each in enumerate(found) if place not in copies]
    reason = _crop_files_sign(taken) if naming.numbered and layout is None else ""
    # Where names of videos say a split, that of folders may be another one: Avenue has been split anew.
    named_by_split = all(map(split_in, naming.files))
    videos = {
        name: _joined(name, [found[crops[number]] for number in sorted(crops)], named_by_split)
        for name, crops in naming.files.items()
    }
    return FeatureFolder(folder, "crop-files" if reason else layout, reason, videos, tuple(_notes(found, naming)))


def _crop_files_sign(found: Sequence[FoundArray]) -> str:
    """Say what gives away that each crop has a file of its own."""
    # The first crop's file may carry no number: name.npy, name__1.npy, ...
    numbered = [each for each in found if split_crop(without_ending(each.array.name))[1] is not None]
    return file_sign(numbered or found, len(found), "end in a crop's number")


def file_sign(files: Sequence[FoundArray], count: int, sign: str) -> str:
    """Say how many of all files show a sign of their layout, with one as an example."""
    return f"{len(files)} of {count} files {sign}, such as {files[0].name} {files[0].array.shape}"


def _joined(name: str, crops: Sequence[FoundArray], named_by_split: bool) -> VideoFiles:
    splits = {each.split for each in crops}
    if len(splits) > 1 and not named_by_split:
        raise InputError(f"{name}: its crops lie in several of the train and test folders; keep it in one")
    return VideoFiles(tuple(crops), None if named_by_split else splits.pop())


def _notes(found: Sequence[FoundArray], naming: Naming) -> Collection[str]:
    notes = [naming.said] if naming.said else []
    if naming.copies:
        first, second = (found[place].place for place in naming.copies[0])
        files = "files are" if len(naming.copies) > 1 else "file is"
        notes.append(f"{len(naming.copies)} {files} there twice with equal content and taken once: {first}, {second}.")
    return notes
