"""Files of scores from somebody's own code: read where they are as expected, else said what they seem to be instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.manifest import Manifest, Video
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines
from benchmark.terms import SNIPPET_FRAMES
from benchmark.training.scoring import Scores

ENDINGS = (".npy", ".txt", ".csv")
EXPECTED = (
    "expected is a folder with a file for each test video, VIDEO.npy, .txt or .csv, of a score in [0, 1] for each "
    f"snippet of {SNIPPET_FRAMES} frames or for each frame"
)

Unit = Literal["snippet", "frame"]


def read_scores(folder: Path, manifest: Manifest) -> tuple[Scores, dict[Unit, int]]:
    """Read the scores of a dataset's test videos, a file per video: ``VIDEO.npy``, ``.txt`` or ``.csv``.

    A file holds a score in [0, 1] for each snippet of 16 frames, or for each frame; scores of frames are averaged over
    each snippet. Axes of length one mean nothing, and neither does an ending that all files have behind the video's
    name, such as that of the features.

    Returns
    -------
    Scores by video, one per snippet; and how many files had one per snippet and one per frame.

    Raises
    ------
    InputError
        If a file is missing, surplus, of another length, or holds anything but scores.
    """
    videos = manifest.split("test")
    if folder.is_file():
        raise InputError(f"{folder}: {EXPECTED}; {_one_file(folder, videos)}")
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder of scores; name one with --scores")
    files = _name_by_video(_find_files(folder), videos)
    missing = [video.name for video in videos if video.name not in files]
    if len(missing) == len(videos) and len(files) == 1:
        raise InputError(f"{folder}: {EXPECTED}; {_one_file(next(iter(files.values())), videos)}")
    if missing:
        raise InputError(f"{folder}: no {missing[0]}.npy, .txt or .csv there; {len(missing)} videos are missing")
    surplus = [name for name in files if name not in {video.name for video in videos}]
    if surplus:
        raise InputError(
            f"{files[surplus[0]]}: {surplus[0]} is no test video of {manifest.name}; {len(surplus)} such files"
        )
    values = {video.name: _read(files[video.name]) for video in videos}
    scores: Scores = {}
    units: Counter[Unit] = Counter()
    for video in videos:
        unit = _unit(values[video.name], video)
        if unit is None:
            raise InputError(_wrong_length(files[video.name], video, values, videos))
        scores[video.name] = _per_snippet(values[video.name], video, unit)
        units[unit] += 1
    return scores, dict(units)


def _find_files(folder: Path) -> dict[str, Path]:
    """Return the score files of a folder by their names without ending."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in ENDINGS and not path.name.startswith("."):
            other = found.setdefault(path.stem, path)
            if other != path:
                raise InputError(f"{folder}: {other.name} and {path.name} are both of {path.stem}; keep one")
    return found


def _name_by_video(files: dict[str, Path], videos: Sequence[Video]) -> dict[str, Path]:
    """Name files by their videos, where all have the same ending behind the video's name."""
    names = [video.name for video in videos]
    endings = {stem[len(names[0]) :] for stem in files if stem.startswith(names[0])}
    for ending in sorted(endings, key=len):
        if all(name + ending in files for name in names):
            return {stem.removesuffix(ending): path for stem, path in files.items()}
    return files


def _one_file(path: Path, videos: Sequence[Video]) -> str:
    """Say what a single file seems to be that stands where one per video is expected."""
    if path.suffix != ".npy":
        first = next((line for _, line in read_lines(path)), "")
        columns = f", whose first line is {first[:40]!r}" if "," in first else ""
        return f"{path.name} seems to be one table of all videos{columns}; split it by video"
    shape = read_npy(path).shape
    rows, frames = sum(video.rows for video in videos), sum(video.frames or 0 for video in videos)
    known = {rows: "a score per snippet", frames: "a score per frame", SNIPPET_FRAMES * rows: "16 scores per snippet"}
    what = next((f", {text}" for count, text in known.items() if count in shape), "")
    return f"{path.name} {shape} seems to be one array of all {len(videos)} test videos{what}; split it by video"


def _read(path: Path) -> NDArray[np.float64]:
    values = read_npy(path) if path.suffix == ".npy" else _read_text(path)
    squeezed = values.reshape(-1) if sum(length != 1 for length in values.shape) <= 1 else values
    if squeezed.ndim != 1 or values.dtype.kind not in "fiu":
        seems = "; it seems to be a score per crop: average them over the crops" if values.ndim == 2 else ""
        raise InputError(f"{path}: holds {values.dtype} {values.shape}, not one score per snippet or frame{seems}")
    numbers = squeezed.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"{path}: holds scores that are not finite")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() <= 1:
        seems = "; they seem to be logits, so apply the sigmoid to all" if numbers.min() < 0 else ""
        raise InputError(
            f"{path}: scores from {numbers.min():g} to {numbers.max():g}; scale all videos' to [0, 1]{seems}"
        )
    return numbers


def _read_text(path: Path) -> NDArray[np.float64]:
    values = []
    for number, line in read_lines(path):
        try:
            values.append(float(line))
        except ValueError:
            raise InputError(f"{path}: line {number}, {line[:40]!r}, is not a number; write one per line") from None
    return np.array(values, dtype=np.float64)


def _unit(values: NDArray[np.float64], video: Video) -> Unit | None:
    return "snippet" if len(values) == video.rows else "frame" if len(values) == video.frames else None


def _wrong_length(path: Path, video: Video, values: Mapping[str, NDArray[np.float64]], videos: Sequence[Video]) -> str:
    """Say that a file has neither a score per snippet nor one per frame, and what rule all files follow, if any."""
    short = {(v.frames or 0) - len(values[v.name]) for v in videos}
    every = {round((v.frames or 0) / max(len(values[v.name]), 1)) for v in videos}
    seems = ""
    if len(videos) > 1 and len(short) == 1:
        count = short.pop()
        lacks = f"lacks {count} frames: repeat the first or last score for them"
        seems = f"; every video {lacks if count > 0 else f'has {-count} scores too many'}"
    elif len(videos) > 1 and len(every) == 1 and min(every) > 1:
        seems = f"; it seems to be a score for every {every.pop()} frames: repeat each for its frames"
    return (
        f"{path}: {len(values[video.name])} scores; {video.name} has {video.rows} snippets and {video.frames} frames; "
        f"write one score per snippet of {SNIPPET_FRAMES} frames, or one per frame{seems}"
    )


def _per_snippet(values: NDArray[np.float64], video: Video, unit: Unit) -> NDArray[np.float32]:
    if unit == "snippet":
        return values.astype(np.float32)
    covered = values[: video.rows * SNIPPET_FRAMES]
    edges = np.arange(0, len(covered), SNIPPET_FRAMES)
    counts = np.diff(np.append(edges, len(covered)))
    return (np.add.reduceat(covered, edges) / counts).astype(np.float32)
