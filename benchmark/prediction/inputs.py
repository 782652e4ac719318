"""What is scored: videos, folders of frames, or feature files; told apart, named, and held against a run's features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.feature_sets import FILE, FeatureSet, find_feature_set
from benchmark.datasets.frames_csv import FILE as FRAMES_FILE
from benchmark.datasets.frames_csv import read_frame_counts
from benchmark.datasets.video_names import is_video_file, split_crop
from benchmark.extraction.video_naming import name_videos
from benchmark.extraction.videos import find_videos
from benchmark.importing.feature_files.formats import SUFFIXES
from benchmark.importing.feature_files.layouts import FeatureFolder
from benchmark.importing.feature_files.search import features_home, files_below, find_arrays
from benchmark.importing.feature_files.video_features import VideoFeatures, read_axes
from benchmark.importing.matching import match_features
from benchmark.prediction.scorer import RunFeatures
from benchmark.system.errors import InputError

_ARRAYS = tuple(suffix for suffix in SUFFIXES if suffix not in (".txt", ".csv"))
"""Endings of feature files that lists of videos do not have."""


@dataclass(frozen=True)
class FeatureInput:
    """The feature files of one video.

    Attributes
    ----------
    folder
        What was found by names, of this video alone.
    frames
        Frames of the video, where a `frames.csv` beside the files says them.
    """

    folder: FeatureFolder
    frames: int | None

    @property
    def name(self) -> str:
        """The video's name."""
        return next(iter(self.folder.videos))

    @property
    def path(self) -> Path:
        """The first of its files."""
        return self.folder.videos[self.name].paths[0]


@dataclass(frozen=True)
class Inputs:
    """What was given.

    Attributes
    ----------
    videos
        Name -> video or folder of frames.
    features
        Of videos that are given as features.
    stated
        Identities of feature sets that stand beside the feature files, with the files' folders.
    said
        What was taken for what, in sentences.
    """

    videos: Mapping[str, Path]
    features: tuple[FeatureInput, ...]
    stated: tuple[tuple[Path, FeatureSet], ...]
    said: tuple[str, ...]


def find_inputs(paths: Sequence[Path]) -> Inputs:
    """Tell what some paths are, and name the videos.

    Raises
    ------
    InputError
        If a path is neither a video, a folder of frames, a list of such, a feature file, nor a folder of one kind; or
        two videos cannot be told apart by name.
    """
    of_features = [path for path in paths if _holds_features(path)]
    sources = [find_videos(path) for path in paths if path not in of_features]
    videos = name_videos(sorted({video for source in sources for video in source.paths.values()}))
    features = [each for path in of_features for each in _feature_inputs(path)]
    names = [*videos.paths, *(each.name for each in features)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{twice}: two of the videos given have this name; score them apart")
    stated = [(path, found) for path in of_features if (found := _stated(path)) is not None]
    said = [sentence for source in sources for sentence in source.said] + list(videos.said)
    return Inputs(videos.paths, tuple(features), tuple(stated), tuple(dict.fromkeys(said)))


def check_identity(stated: Iterable[tuple[Path, FeatureSet]], wanted: RunFeatures, scorer: str) -> None:
    """Refuse feature files that say that they are of another set than a run was trained on.

    Raises
    ------
    InputError
        If some do.
    """
    for path, found in stated:
        alike = wanted.identity is not None and found.recipe is not None and found.recipe == wanted.identity.recipe
        if found.id != wanted.id and not alike:
            raise InputError(f"{path}: holds features {found.id}, but {scorer} was trained on {wanted.id}")


def read_features(given: FeatureInput, wanted: RunFeatures, scorer: str) -> NDArray[np.float16]:
    """Read the features of a video as a dataset stores them, (snippets, crops, dim).

    Raises
    ------
    InputError
        If the files cannot be read, or cannot be features that the run was trained on.
    """
    folder, (found, *_) = given.folder, given.folder.videos[given.name].arrays
    if folder.layout is None and len(found.array.shape) == 3:
        folder = replace(folder, layout="ten-crop" if wanted.crops > 1 else "plain")
    features = read_axes(folder, {given.name: given.frames}, wanted.stride).videos[given.name]
    check_size(features.place, features.shape[1:], wanted, scorer)
    return _read(features)


def check_size(place: str, size: tuple[int, int], wanted: RunFeatures, scorer: str) -> None:
    """Refuse features of another number of crops or dimensions than a run was trained on.

    Raises
    ------
    InputError
        If they are.
    """
    crops, dim = size
    if dim != wanted.dim:
        raise InputError(
            f"{place}: vectors of {dim} dimensions, but {scorer} was trained on {wanted.dim} ({wanted.id})"
        )
    known = {wanted.crops, *(wanted.identity.crops if wanted.identity else ())}
    if crops not in known:
        listed = " or ".join(map(str, sorted(known)))
        raise InputError(f"{place}: {crops} crops, but {scorer} was trained on {listed} ({wanted.id})")


def _holds_features(path: Path) -> bool:
    if path.is_file():
        return path.name.lower().endswith(_ARRAYS)
    if not path.is_dir() or any(is_video_file(each.name) for each in path.rglob("*")):
        return False
    return next(files_below(path, _ARRAYS), None) is not None


def _feature_inputs(path: Path) -> list[FeatureInput]:
    home = features_home(path) if path.is_dir() else path
    found = find_arrays(home)
    # One file alone may be of any crop; of several, numbers in the names are those of crops.
    names = {split_crop(each.array.name)[0] if len(found) > 1 else each.array.name for each in found}
    together = match_features(home, found, names, layout=None if len(found) > 1 else "plain")
    together = together if len(found) > 1 else replace(together, layout=None)
    counts = _frame_counts(home)
    return [
        FeatureInput(replace(together, videos={name: files}), counts.get(name))
        for name, files in together.videos.items()
    ]


def _frame_counts(home: Path) -> Mapping[str, int]:
    """Return the frame counts that stand beside feature files, as an extraction writes them."""
    folder = home if home.is_dir() else home.parent
    for place in (folder, folder.parent):
        if (place / FRAMES_FILE).is_file():
            return read_frame_counts(place / FRAMES_FILE)
    return {}


def _stated(path: Path) -> FeatureSet | None:
    folder = path if path.is_dir() else path.parent
    for place in (folder, folder.parent):
        if (place / FILE).is_file():
            return find_feature_set(None, place, folder.name or "features")[1]
    return None


def _read(features: VideoFeatures) -> NDArray[Any]:
    rows = features.shape[0]
    return np.concatenate(list(features.blocks(rows, np.float16)))
