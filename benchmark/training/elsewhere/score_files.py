"""Files of scores from somebody's own code: read where they are as expected, else said what they seem to be instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.manifest import Manifest, Video
from benchmark.datasets.naming.choice import name_files
from benchmark.system.errors import InputError
from benchmark.system.near_names import nearest
from benchmark.system.text_files import read_lines
from benchmark.training.scoring import Scores

ENDINGS = (".npy", ".txt", ".csv")
Unit = Literal["snippet", "frame"]


def read_scores(folder: Path, manifest: Manifest) -> tuple[Scores, dict[Unit, int], str]:
    """Read the scores of a dataset's test videos, a file per video: ``VIDEO.npy``, ``.txt`` or ``.csv``.

    A file holds a score in [0, 1] for each snippet, or for each frame; scores of frames are averaged over each
    snippet. Axes of length one mean nothing. Files are named by the rules that feature files are named by.

    Returns
    -------
    Scores by video, one per snippet; how many files had one per snippet and one per frame; and how files are named,
    in sentences, empty if as the videos.

    Raises
    ------
    InputError
        If a file is missing, surplus, of another length, or holds anything but scores.
    """
    if folder.is_file():
        raise InputError(f"{folder}: {_expected(manifest)}; {_one_file(folder, manifest)}")
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder of scores; name one with --scores")
    files, said = _name_by_video(folder, manifest)
    videos = manifest.split("test")
    values = {video.name: _read(files[video.name]) for video in videos}
    scores: Scores = {}
    units: Counter[Unit] = Counter()
    for video in videos:
        unit = _unit(values[video.name], video)
        if unit is None:
            raise InputError(_wrong_length(files[video.name], video, values, manifest))
        scores[video.name] = _per_snippet(values[video.name], video, manifest.stride, unit)
        units[unit] += 1
    return scores, dict(units), said


def _expected(manifest: Manifest) -> str:
    return (
        "expected is a folder with a file for each test video, VIDEO.npy, .txt or .csv, of a score in [0, 1] for each "
        f"snippet of {manifest.stride} frames or for each frame"
    )


def _name_by_video(folder: Path, manifest: Manifest) -> tuple[dict[str, Path], str]:
    """Return the file of each test video, and how files are named."""
    videos = [video.name for video in manifest.split("test")]
    files = [path for path in sorted(folder.iterdir()) if path.suffix in ENDINGS and not path.name.startswith(".")]
    naming = name_files([(path.stem,) for path in files], videos, crops=False)
    if missing := naming.absent(videos):
        if len(missing) == len(videos) and len(files) == 1:
            raise InputError(f"{folder}: {_expected(manifest)}; {_one_file(files[0], manifest)}")
        near = nearest(missing[0], [files[place].stem for place in naming.unnamed])
        like = f" ({near} is the nearest)" if near else ""
        raise InputError(f"{folder}: no {missing[0]}.npy, .txt or .csv there{like}; {len(missing)} videos are missing")
    if naming.twice:
        first, second = (files[place].name for place in naming.twice[0])
        raise InputError(f"{folder}: {first} and {second} are both of one video; leave one to a video")
    if naming.unnamed:
        surplus = files[naming.unnamed[0]]
        raise InputError(
            f"{surplus}: {surplus.stem} is no test video of {manifest.name}; {len(naming.unnamed)} such files"
        )
    return {name: files[naming.files[name][0]] for name in videos}, naming.said


def _one_file(path: Path, manifest: Manifest) -> str:
    """Say what a single file seems to be that stands where one per video is expected."""
    if path.suffix != ".npy":
        first = next((line for _, line in read_lines(path)), "")
        columns = f", whose first line is {first[:40]!r}" if "," in first else ""
        return f"{path.name} seems to be one table of all videos{columns}; split it by video"
    shape, videos = read_npy(path).shape, manifest.split("test")
    rows, frames = sum(video.rows for video in videos), sum(video.frames or 0 for video in videos)
    known = {
        rows: "a score per snippet",
        frames: "a score per frame",
        manifest.stride * rows: f"{manifest.stride} scores per snippet",
    }
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


def _wrong_length(path: Path, video: Video, values: Mapping[str, NDArray[np.float64]], manifest: Manifest) -> str:
    """Say that a file has neither a score per snippet nor one per frame, and what rule all files follow, if any."""
    videos = manifest.split("test")
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
        f"write one score per snippet of {manifest.stride} frames, or one per frame{seems}"
    )


def _per_snippet(values: NDArray[np.float64], video: Video, stride: int, unit: Unit) -> NDArray[np.float32]:
    if unit == "snippet":
        return values.astype(np.float32)
    covered = values[: video.rows * stride]
    edges = np.arange(0, len(covered), stride)
    counts = np.diff(np.append(edges, len(covered)))
    return (np.add.reduceat(covered, edges) / counts).astype(np.float32)
