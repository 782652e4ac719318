"""What every annotation form is read into, and the pieces that several forms consist of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.frames_csv import frame_number
from benchmark.datasets.video_names import check_video_name
from benchmark.system.errors import InputError
from benchmark.system.names import check_name
from benchmark.system.text_files import and_more, shown
from benchmark.terms import Split

Interval = tuple[int, int]


@dataclass(frozen=True)
class AnnotatedVideo:
    """One video as annotated.

    Attributes
    ----------
    label
        1 for abnormal, 0 for normal.
    classes
        Names of the abnormal classes; empty for a normal video and where they are not known.
    frames
        Number of frames, None where the annotation does not say.
    intervals
        Abnormal frames of a test video, ``[start, end)``, 0-based, not clipped to the video.
    """

    name: str
    split: Split
    label: int
    classes: tuple[str, ...] = ()
    frames: int | None = None
    intervals: tuple[Interval, ...] = ()


@dataclass(frozen=True)
class Annotations:
    """The annotations of a dataset.

    Attributes
    ----------
    form
        One sentence for the user: which form was read from which files.
    videos
        Name -> video, in the order of the files.
    notes
        What else the reader found, one sentence each.
    completing
        Gives the annotations with the labels of test videos, from the number of snippets and the frame counts by
        name; None where that is not needed.
    """

    form: str
    videos: Mapping[str, AnnotatedVideo]
    notes: tuple[str, ...] = field(default=())
    completing: Callable[[Mapping[str, int], Mapping[str, int]], Annotations] | None = None

    def completed(self, rows: Mapping[str, int], counts: Mapping[str, int]) -> Annotations:
        """Return the annotations with all that the snippets and frame counts of the videos tell, each by name."""
        return self if self.completing is None else self.completing(rows, counts)


def by_name(videos: Iterable[AnnotatedVideo], source: Path) -> dict[str, AnnotatedVideo]:
    """Index videos by name, refusing contradictions.

    Raises
    ------
    InputError
        If a name cannot be a video's or a class's, a video is listed twice or in both splits, an abnormal test video
        has no interval, or a normal one has.
    """
    named: dict[str, AnnotatedVideo] = {}
    twice: list[str] = []
    in_both: list[str] = []
    for video in videos:
        check_video_name(video.name, source)
        _check_classes(video, source)
        if (other := named.get(video.name)) is not None:
            (twice if other.split == video.split else in_both).append(video.name)
            continue
        if video.intervals and not video.label:
            raise InputError(f"{video.name}: a normal video with abnormal frames ({source}); correct one of the two")
        if video.split == "test" and video.label and not video.intervals:
            raise InputError(
                f"{video.name}: an abnormal test video without abnormal frames ({source}); add its intervals"
            )
        named[video.name] = video
    for names, where in ((in_both, "in both splits"), (twice, "twice in one split")):
        if names:
            raise InputError(
                f"{and_more(names)}: this video is {where} ({source}); list it once, or give two videos two names"
            )
    if not named:
        raise InputError(f"{source}: no videos are listed there")
    return named


def _check_classes(video: AnnotatedVideo, source: Path) -> None:
    try:
        for name in video.classes:
            check_name(name)
    except ValueError as error:
        raise InputError(f"{video.name}: in its classes, {error} ({source}); correct it") from None


def interval(start: int, end: int, where: str) -> Interval:
    """Return ``[start, end)`` if it is one.

    Raises
    ------
    InputError
        If it starts before the video or does not start before its end; `where` names the video and the file.
    """
    if start < 0:
        raise InputError(f"{where}: an abnormal interval starts before the video's first frame; correct it")
    if start >= end:
        raise InputError(f"{where}: an abnormal interval starts at or after its end; correct it")
    return start, end


def frame_pairs(words: Iterable[str], where: str) -> list[tuple[int, int]]:
    """Read frame numbers in pairs.

    Raises
    ------
    InputError
        If a word is not an integer or their number is odd; `where` names the file and line.
    """
    numbers = []
    for word in words:
        if (number := frame_number(word)) is None:
            raise InputError(f"{where}: malformed line, {shown(word)} is no frame number; correct it")
        numbers.append(number)
    if len(numbers) % 2:
        raise InputError(f"{where}: malformed line, frame numbers come in pairs of start and end")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def read_mask(path: Path) -> tuple[int, tuple[Interval, ...]]:
    """Read the `.npy` mask of a video, see `read_frame_labels`: its number of frames and where it is abnormal."""
    labels = read_frame_labels(path)
    return len(labels), mask_intervals(labels)


def read_frame_labels(path: Path) -> NDArray[np.bool_]:
    """Read labels of frames, ``(frames,)``, from an `.npy` file, also of one row or column.

    Raises
    ------
    InputError
        If the file is not readable, or holds anything but one value per frame, 0 and 1 or, as in a picture, 0 and 255.
    """
    labels = read_npy(path)
    flat = labels.reshape(-1) if labels.ndim == 2 and 1 in labels.shape else labels
    if flat.ndim != 1 or not flat.size:
        pixels = "; of a mask of pixels, save `mask.any(axis=(1, 2))`" if labels.ndim == 3 else ""
        raise InputError(f"{path}: shape {labels.shape}; one value per frame is expected, 0 or 1{pixels}")
    if not (np.isin(flat, (0, 1)).all() or np.isin(flat, (0, 255)).all()):
        raise InputError(f"{path}: not a frame mask; one value per frame, 0 or 1, is expected")
    return np.asarray(flat != 0)


def mask_intervals(mask: NDArray[Any]) -> tuple[Interval, ...]:
    """Return the runs of ones in a mask, shape (frames,), as ``[start, end)``."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return tuple((int(start), int(end)) for start, end in edges.reshape(-1, 2))
