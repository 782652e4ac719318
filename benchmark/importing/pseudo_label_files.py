"""Files of motion intensities and object scores, one per video, and how they are read for the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from filecmp import cmp
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import finite
from benchmark.datasets.naming.choice import name_files
from benchmark.datasets.segments import segment_mean
from benchmark.importing.feature_files.formats import ArrayFile, open_arrays
from benchmark.importing.feature_files.search import files_below
from benchmark.importing.strides import fits
from benchmark.system.errors import InputError
from benchmark.system.near_names import nearest
from benchmark.system.text_files import and_more
from benchmark.terms import PseudoLabel


@dataclass(frozen=True)
class VideoRows:
    """What a video's pseudo-labels have to fit.

    Attributes
    ----------
    rows
        Number of stored rows.
    snippets
        Number of its snippets where the stored rows are segments; None where it is not known.
    frames
        Number of its frames; None where it is not known.
    segmented
        Whether the stored rows are segments: labels may then come per snippet, and are averaged.
    stride
        Number of frames that a snippet stands for.
    """

    name: str
    rows: int
    snippets: int | None
    frames: int | None
    segmented: bool
    stride: int

    def accepts(self, rows: int) -> bool:
        """Whether labels of so many rows are the video's."""
        if rows == self.rows or not self.segmented:
            return rows == self.rows
        if self.snippets is not None:
            return rows == self.snippets
        return self.frames is None or fits(rows, self.frames, self.stride)


@dataclass(frozen=True)
class PseudoLabelFiles:
    """The files of one pseudo-label, checked by their headers.

    Attributes
    ----------
    files
        Video -> its file.
    rows
        Video -> its number of stored rows.
    columns
        Number of object classes; 1 for motion.
    said
        How the files are named, in sentences; empty if as the videos.
    """

    what: PseudoLabel
    files: Mapping[str, ArrayFile]
    rows: Mapping[str, int]
    columns: int
    said: str = ""

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of a stored row."""
        return () if self.what == "motion" else (self.columns,)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type that the labels are stored in."""
        return np.dtype(np.float32 if self.what == "motion" else np.float16)

    def read(self, name: str) -> NDArray[Any]:
        """Return a video's labels as they are stored: motion (rows,) float32, objects (rows, classes) float16.

        Raises
        ------
        InputError
            If a value is NaN, infinite or, for motion, negative.
        """
        file = self.files[name]
        values = np.concatenate(list(file.blocks(file.shape[0])))
        stored = finite(values, self.dtype, file.path).reshape(-1, *self.row_shape)
        if self.what == "motion" and stored.min() < 0:
            raise InputError(f"{file.path}: motion intensity {stored.min():g} is negative; compute it again")
        if len(stored) == self.rows[name]:
            return stored
        return segment_mean(stored, self.rows[name]).astype(stored.dtype)


def find_pseudo_labels(
    what: PseudoLabel,
    given: Path | None,
    places: Iterable[Path],
    videos: Iterable[VideoRows],
    follow_links: bool = False,
) -> tuple[PseudoLabelFiles | None, str]:
    """Find a pseudo-label's files in the folder that is given, or in one of its name in the first place that has it.

    Returns
    -------
    files
        None if no folder is given and none is there.
    note
        What was found without being named, as a sentence; may be empty.

    Raises
    ------
    InputError
        If the folder does not exist, a video has no file or two, or a file's shape does not fit.
    """
    if given is not None:
        return open_pseudo_labels(what, given, videos, follow_links), ""
    for folder in (place / what for place in places):
        if folder.is_dir():
            found = open_pseudo_labels(what, folder, videos, follow_links)
            return found, f"{what.capitalize()} from {folder}, beside the features."
    return None, ""


def open_pseudo_labels(
    what: PseudoLabel, folder: Path, videos: Iterable[VideoRows], follow_links: bool = False
) -> PseudoLabelFiles:
    """Find the file of each video in a folder; files of other videos are passed over.

    Raises
    ------
    InputError
        If the folder does not exist, a video has no file or two, or a file's shape does not fit.
    """
    rows = {video.name: video for video in videos}
    paths, said = _match(what, folder, rows, follow_links)
    files = {name: open_arrays(path)[0] for name, path in paths.items()}
    columns = 1
    for place, (name, file) in enumerate(files.items()):
        expected = "(rows,)" if what == "motion" else "(rows, classes)"
        width = file.shape[1:] or (1,)
        plain = len(file.shape) in ((1, 2) if what == "motion" else (2,)) and width[-1] > 0
        if not plain or not rows[name].accepts(file.shape[0]) or (what == "motion" and width != (1,)):
            raise InputError(
                f"{file.path}: shape {file.shape}, but {expected.replace('rows', str(rows[name].rows))} is expected, "
                "as of the features"
            )
        columns = width[0] if place == 0 else columns
        if width[0] != columns:
            raise InputError(f"{file.path}: {width[0]} object classes, other videos have {columns}; compute it again")
    return PseudoLabelFiles(what, files, {name: video.rows for name, video in rows.items()}, columns, said)


def _match(what: PseudoLabel, folder: Path, names: Iterable[str], follow_links: bool) -> tuple[dict[str, Path], str]:
    names = list(names)
    paths = list(files_below(folder, (".npy",), follow_links))
    parts = [(*path.relative_to(folder).parts[:-1], path.stem) for path in paths]
    same = cache(lambda first, second: cmp(paths[first], paths[second], shallow=False))
    naming = name_files(parts, names, crops=False, others=True, same=same)
    if naming.twice:
        first, second = (paths[place] for place in naming.twice[0])
        more = f" (and {len(naming.twice) - 1} more such pairs)" if len(naming.twice) > 1 else ""
        raise InputError(
            f"{first.stem}: {what} is there twice, {first} and {second}{more}, with different content; "
            f"give a folder with one file per video with --{what}"
        )
    if absent := naming.absent(names):
        unnamed = [paths[place].stem for place in naming.unnamed]
        like = f" ({near}.npy is the nearest)" if (near := nearest(absent[0], unnamed)) else ""
        raise InputError(
            f"{and_more(absent)}: no {what} in {folder}{like}; add the file, or give another folder with --{what}"
        )
    said = f"Of {what}: {naming.said}" if naming.said else ""
    return {name: paths[naming.files[name][0]] for name in names}, said
