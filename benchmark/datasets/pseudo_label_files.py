"""Files of motion intensities and object scores, one per video, and how they are read for the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import finite, read_npy
from benchmark.datasets.import_plan import PlannedVideo
from benchmark.datasets.layouts import npy_files
from benchmark.datasets.names import and_more, match_names
from benchmark.errors import InputError

PseudoLabelName = Literal["motion", "objects"]


def match_folder(folder: Path, what: PseudoLabelName, videos: Iterable[PlannedVideo]) -> dict[str, Path]:
    """Find the file of each video; files of other videos are passed over.

    Raises
    ------
    InputError
        If the folder does not exist, or a video has no file or two.
    """
    files: dict[str, Path] = {}
    for path in npy_files(folder):
        if path.stem in files:
            raise InputError(f"{path.stem}: {what} is there twice, {files[path.stem]} and {path}; keep one of them")
        files[path.stem] = path
    names = [video.name for video in videos]
    stems = match_names(files, names).stems
    if absent := [name for name in names if name not in stems]:
        raise InputError(
            f"{and_more(absent)}: no {what} in {folder}; add the file, or give another folder with --{what}"
        )
    return {name: files[stem] for name, stem in stems.items()}


def check_motion(files: Mapping[str, Path], videos: Iterable[PlannedVideo]) -> None:
    """Raise an error that names the file if motion is not (rows,) or (rows, 1)."""
    for video in videos:
        path = files[video.name]
        shape = read_npy(path).shape
        if shape not in ((video.rows,), (video.rows, 1)):
            raise InputError(f"{path}: shape {shape}, but ({video.rows},) is expected, as of the features")


def check_objects(files: Mapping[str, Path], videos: Iterable[PlannedVideo]) -> int:
    """Return the number of object classes; raise an error naming the file if it is not (rows, classes)."""
    classes = 0
    for video in videos:
        path = files[video.name]
        shape = read_npy(path).shape
        if len(shape) != 2 or shape[0] != video.rows or shape[1] == 0:
            raise InputError(f"{path}: shape {shape}, but ({video.rows}, classes) is expected, as of the features")
        classes = classes or shape[1]
        if shape[1] != classes:
            raise InputError(f"{path}: {shape[1]} object classes, other videos have {classes}; compute it again")
    return classes


def motion_blocks(files: Mapping[str, Path], video: PlannedVideo) -> Iterator[NDArray[np.float32]]:
    """Yield a video's motion intensities, (rows,)."""
    path = files[video.name]
    values = finite(read_npy(path).reshape(video.rows), np.float32, path)
    if values.min() < 0:
        raise InputError(f"{path}: motion intensity {values.min():g} is negative; compute it again")
    yield values


def object_blocks(files: Mapping[str, Path], video: PlannedVideo) -> Iterator[NDArray[np.float16]]:
    """Yield a video's object scores, (rows, classes)."""
    path = files[video.name]
    yield finite(read_npy(path), np.float16, path)
