"""Layouts: the ways that published features lie on disk, told apart by looking at names and shapes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.manifest import Split
from benchmark.datasets.names import split_crop
from benchmark.errors import InputError

Layout = Literal["ten-crop", "crop-files", "plain"]

_DESCRIPTIONS: Mapping[Layout, str] = {
    "ten-crop": "one file per video, (snippets, crops, dim)",
    "crop-files": "one file per video and crop, name__0.npy, name__1.npy, ..., each (snippets, dim)",
    "plain": "one file per video, (snippets, dim)",
}


@dataclass(frozen=True)
class VideoFiles:
    """The feature files of one video.

    Attributes
    ----------
    files
        One file, or one per crop in the order of the crops.
    shape
        (rows, crops, dim) of the video, from the headers.
    folder_split
        Split by the `train` or `test` folder that the files lie in; None if they lie in neither.
    """

    files: tuple[Path, ...]
    shape: tuple[int, int, int]
    folder_split: Split | None

    def arrays(self) -> list[NDArray[Any]]:
        """Open the files, each as a view (rows, crops, dim) with some of the video's crops."""
        return [array.reshape(len(array), -1, array.shape[-1]) for array in map(read_npy, self.files)]


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


def find_features(folder: Path, layout: Layout | None = None) -> FeatureFolder:
    """Find the feature files below a folder; only their headers are read.

    Parameters
    ----------
    folder
        Searched with all its sub-folders, such as `train/`, `test/` and one per class.
    layout
        The layout to read them in; None to find it by looking.

    Raises
    ------
    InputError
        If there are no feature files, one cannot be read or does not fit the layout, crops are missing or
        differ in length, a video has no snippets, dimensions or numbers of crops differ, or a video is
        there twice.
    """
    shapes = {path: _shape(path) for path in npy_files(folder)}
    if not shapes:
        raise InputError(f"{folder}: no .npy files there or below; give the folder of the features with --features")
    found, why = _recognise(shapes)
    chosen = layout or found
    reason = f"Layout {chosen} ({_DESCRIPTIONS[chosen]}): {'as asked for' if layout else why}."
    group = _group_crops if chosen == "crop-files" else _group_single
    videos = group(folder, shapes, chosen)
    _check_equal(videos, "dimension", {stem: video.shape[2] for stem, video in videos.items()})
    _check_equal(videos, "number of crops", {stem: video.shape[1] for stem, video in videos.items()})
    return FeatureFolder(folder, chosen, reason, videos)


def npy_files(folder: Path) -> Iterator[Path]:
    """Yield the `.npy` files of a folder and its sub-folders by name, but no hidden ones.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = os.path.realpath(parent)
        if real in seen:  # a link back to a folder above
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(parent, name) for name in sorted(files) if name.endswith(".npy") and name[0] != ".")


def _shape(path: Path) -> tuple[int, ...]:
    shape = tuple(read_npy(path).shape)
    if len(shape) not in (2, 3):
        raise InputError(f"{path}: shape {shape}; features are (snippets, dim) or (snippets, crops, dim); save it so")
    if shape[0] == 0:
        raise InputError(f"{path}: shape {shape}, so zero snippets; extract the video again or list it with --missing")
    if 0 in shape:
        raise InputError(f"{path}: shape {shape} holds nothing; extract the video again")
    return shape


def _recognise(shapes: Mapping[Path, tuple[int, ...]]) -> tuple[Layout, str]:
    """Return the layout of most files, and what gave it away."""
    # The first crop's file may carry no number: name.npy, name__1.npy, ...
    numbered = [path for path in shapes if split_crop(path.stem)[1] is not None]
    cropped: list[Path] = []
    single: list[Path] = []
    for path, shape in shapes.items():
        (cropped if len(shape) == 3 and shape[1] > 1 else single).append(path)
    if len(numbered) >= len(shapes) / 2:
        layout: Layout = "crop-files"
        files, sign = numbered, "end in a crop's number"
    elif len(cropped) > len(shapes) / 2:
        layout, files, sign = "ten-crop", cropped, "hold several crops"
    else:
        layout, files, sign = "plain", single, "hold one crop"
    return layout, f"{len(files)} of {len(shapes)} files {sign}, such as {files[0].name} {shapes[files[0]]}"


def _group_single(folder: Path, shapes: Mapping[Path, tuple[int, ...]], layout: Layout) -> dict[str, VideoFiles]:
    videos: dict[str, VideoFiles] = {}
    for path, shape in shapes.items():
        if layout == "ten-crop" and len(shape) != 3:
            raise InputError(f"{path}: shape {shape}; the ten-crop layout has (snippets, crops, dim); see --layout")
        if layout == "plain" and len(shape) == 3 and shape[1] != 1:
            raise InputError(f"{path}: shape {shape}; the plain layout has (snippets, dim); see --layout")
        if path.stem in videos:
            _refuse_duplicate(path.stem, videos[path.stem].files[0], path)
        crops = shape[1] if len(shape) == 3 else 1
        videos[path.stem] = VideoFiles((path,), (shape[0], crops, shape[-1]), _folder_split(path, folder))
    return videos


def _group_crops(folder: Path, shapes: Mapping[Path, tuple[int, ...]], layout: Layout) -> dict[str, VideoFiles]:
    groups: dict[str, dict[int, Path]] = {}
    for path, shape in shapes.items():
        if len(shape) == 3 and shape[1] != 1:
            raise InputError(f"{path}: shape {shape}; the {layout} layout has (snippets, dim) in a file; see --layout")
        name, number = split_crop(path.stem)
        group = groups.setdefault(name, {})
        if (number or 0) in group:
            _refuse_duplicate(name, group[number or 0], path)
        group[number or 0] = path
    return {name: _join_crops(name, group, shapes, folder) for name, group in groups.items()}


def _join_crops(
    name: str, group: Mapping[int, Path], shapes: Mapping[Path, tuple[int, ...]], folder: Path
) -> VideoFiles:
    if absent := set(range(max(group) + 1)) - set(group):
        raise InputError(f"{name}: crop {min(absent)} is missing beside {next(iter(group.values()))}; extract it again")
    files = tuple(group[number] for number in sorted(group))
    rows, dim = shapes[files[0]][0], shapes[files[0]][-1]
    for path in files[1:]:
        if (shapes[path][0], shapes[path][-1]) != (rows, dim):
            raise InputError(
                f"{path}: shape {shapes[path]}, but {files[0].name} has {shapes[files[0]]}; extract it again"
            )
    splits = {_folder_split(path, folder) for path in files}
    if len(splits) > 1:
        raise InputError(f"{name}: its crops lie in several of the train and test folders; keep it in one")
    return VideoFiles(files, (rows, len(files), dim), splits.pop())


def _refuse_duplicate(name: str, first: Path, second: Path) -> None:
    raise InputError(f"{name}: this video is there twice, {first} and {second}; keep one of them")


def _folder_split(path: Path, folder: Path) -> Split | None:
    for part in path.relative_to(folder).parts[:-1]:
        if part.lower() == "train":
            return "train"
        if part.lower() == "test":
            return "test"
    return None


def _check_equal(videos: Mapping[str, VideoFiles], what: str, values: Mapping[str, int]) -> None:
    """Raise an error that names the video whose value differs from that of most others."""
    usual, _ = Counter(values.values()).most_common(1)[0]
    odd: Sequence[str] = [stem for stem, value in values.items() if value != usual]
    if odd:
        raise InputError(
            f"{videos[odd[0]].files[0]}: {what} {values[odd[0]]}, most videos have {usual}; extract it again"
        )
