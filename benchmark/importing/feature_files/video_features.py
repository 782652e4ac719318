"""Features of videos: what their files hold, as snippets, crops and dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchmark.datasets.arrays import finite
from benchmark.importing.feature_files.axes import Axes, find_axes
from benchmark.importing.feature_files.layouts import FeatureFolder, VideoFiles, file_sign
from benchmark.importing.feature_files.search import FoundArray
from benchmark.importing.feature_files.shapes import USUAL_CROPS, Sized
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, Layout

_DESCRIPTIONS: Mapping[Layout, str] = {
    "ten-crop": "one file per video, (snippets, crops, dim)",
    "crop-files": "one file per video and crop, name__0.npy, name__1.npy, ..., each (snippets, dim)",
    "plain": "one file per video, (snippets, dim)",
}


@dataclass(frozen=True)
class VideoFeatures(VideoFiles):
    """The feature files of one video, and what they hold; each array begins with the axis of the snippets.

    Attributes
    ----------
    shape
        (rows, crops, dim) of the video, from the headers.
    """

    shape: tuple[int, int, int]

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


class FeatureSetFiles(NamedTuple):
    """The features of a set.

    Attributes
    ----------
    notes
        The layout and what gave it away, and what else is to be said of the axes, one sentence each.
    videos
        Annotated name -> the video's features.
    """

    notes: list[str]
    videos: dict[str, VideoFeatures]


def read_axes(
    features: FeatureFolder, frames: Mapping[str, int | None], stride: int = SNIPPET_FRAMES
) -> FeatureSetFiles:
    """Tell which axes of the files are snippets, crops and dimensions, from the shapes of all of them.

    Parameters
    ----------
    frames
        Name -> the video's number of frames, where it is known: decides where all files have one shape.
    stride
        Frames from one row to the next.

    Raises
    ------
    InputError
        If the axes are in another order or that cannot be told, a file does not fit the layout, crops differ in
        length, a video has no snippets, or dimensions or numbers of crops differ.
    """
    names = [name for name, video in features.videos.items() for _ in video.arrays]
    found = [each for video in features.videos.values() for each in video.arrays]
    asked = None if features.reason else features.layout
    sized = [Sized(each.place, each.array.shape, frames.get(name)) for name, each in zip(names, found, strict=True)]
    axes = find_axes(sized, asked, stride)
    layout = features.layout or ("ten-crop" if axes[0].crops is not None else "plain")
    for each, own in zip(found, axes, strict=True):
        _check_layout(each, own, layout)
    orders = iter(axes)
    videos = {name: _joined(video, [next(orders) for _ in video.arrays]) for name, video in features.videos.items()}
    _check_equal(videos, "dimension", axis=2)
    _check_equal(videos, "number of crops", axis=1)
    return FeatureSetFiles(_notes(features, layout, found, axes), videos)


def _check_layout(found: FoundArray, axes: Axes, layout: Layout) -> None:
    shape = found.array.shape
    if layout != "ten-crop" and axes.crops is not None:
        raise InputError(
            f"{found.place}: shape {shape}; the {layout} layout has (snippets, dim) in a file; see --layout"
        )
    if layout == "ten-crop" and axes.crops is None and (len(shape) < 3 or axes.snippets > 0):
        raise InputError(f"{found.place}: shape {shape}; the ten-crop layout has (snippets, crops, dim); see --layout")


def _joined(video: VideoFiles, axes: Sequence[Axes]) -> VideoFeatures:
    first, *others = sizes = [own.sizes(each.array.shape) for each, own in zip(video.arrays, axes, strict=True)]
    for each, size in zip(video.arrays[1:], others, strict=True):
        if size != first:
            raise InputError(
                f"{each.place}: shape {each.array.shape}, but {video.arrays[0].name} has "
                f"{video.arrays[0].array.shape}; extract it again"
            )
    arrays = tuple(
        replace(each, array=each.array.inner(own.snippets)) for each, own in zip(video.arrays, axes, strict=True)
    )
    rows, crops, dim = first
    return VideoFeatures(arrays, video.folder_split, (rows, crops * len(sizes), dim))


def _check_equal(videos: Mapping[str, VideoFeatures], what: str, axis: int) -> None:
    """Raise an error that names the video whose size along an axis differs from that of most others."""
    usual, _ = Counter(video.shape[axis] for video in videos.values()).most_common(1)[0]
    if odd := next((video for video in videos.values() if video.shape[axis] != usual), None):
        raise InputError(f"{odd.place}: {what} {odd.shape[axis]}, most videos have {usual}; extract it again")


def _notes(features: FeatureFolder, layout: Layout, found: Sequence[FoundArray], axes: Sequence[Axes]) -> list[str]:
    by_shape = file_sign(found, len(found), "hold several crops" if layout == "ten-crop" else "hold one crop")
    why = by_shape if features.layout is None else features.reason or "as asked for"
    notes = [f"Layout {layout} ({_DESCRIPTIONS[layout]}): {why}."]
    for each, own in zip(found, axes, strict=True):
        shape, read = each.array.shape, own.sizes(each.array.shape)
        if own.snippets > 0 or len(shape) > 3 or shape[-1] != read[-1]:
            without = read[::2] if own.crops is None else read
            notes.append(f"Axes of length one mean nothing, so {each.name} {shape} is read as {without}.")
            break
    if axes[0].crops is not None and (crops := axes[0].sizes(found[0].array.shape)[1]) not in USUAL_CROPS:
        notes.append(
            f"WARNING: {crops} crops are unusual. If that axis of {found[0].name} {found[0].array.shape} is something "
            "else, such as the frames of a snippet, average over it."
        )
    return notes
