"""Scores from somebody's own code, as runs like any other: read, checked, stored and evaluated, never trained."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest, Video
from benchmark.datasets.naming.choice import name_files, nearest
from benchmark.runs.records import RunRecord, RunSpec, describe_environment
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines
from benchmark.terms import Profile, Training
from benchmark.training.jobs import evaluate_scores, now
from benchmark.training.scoring import Scores

PREFIX = "imported:"
"""How the method of an imported run begins."""
DEVIATION = "DEV-IMPORTED"
"""What captions say of it; see `reports.tables.captions.FALLBACKS`."""
ENDINGS = (".npy", ".txt", ".csv")

Unit = Literal["snippet", "frame"]


def read_scores(folder: Path, manifest: Manifest) -> tuple[Scores, dict[Unit, int], str]:
    """Read the scores of a dataset's test videos, a file per video: ``VIDEO.npy``, ``.txt`` or ``.csv``.

    A file holds a score in [0, 1] for each snippet, or for each frame; scores of frames are averaged over
    each snippet.

    Returns
    -------
    Scores by video, one per snippet; how many files had one per snippet and one per frame; and how files are named,
    in sentences, empty if as the videos.

    Raises
    ------
    InputError
        If a file is missing, surplus, of another length, or holds anything but scores.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder of scores; name one with --scores")
    files = _find_files(folder)
    videos = {video.name: video for video in manifest.split("test")}
    naming = name_files([(path.stem,) for path in files], videos, crops=False)
    if missing := naming.absent(videos):
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
    scores: Scores = {}
    units: Counter[Unit] = Counter()
    for name, video in videos.items():
        path = files[naming.files[name][0]]
        scores[name], unit = _per_snippet(_read(path), video, manifest.stride, path)
        units[unit] += 1
    return scores, dict(units), naming.said


def check_different(folders: Sequence[Path], seeds: Sequence[Scores]) -> None:
    """Refuse two folders with the same scores: a seed that is counted twice makes a method look stable.

    Raises
    ------
    InputError
        If there are two.
    """
    seen: dict[str, Path] = {}
    for folder, scores in zip(folders, seeds, strict=True):
        other = seen.setdefault(_hash(scores), folder)
        if other is not folder:
            raise InputError(f"{other} and {folder} hold the same scores; give --scores once for each seed")


def _find_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in ENDINGS and not path.name.startswith(".")]


def _read(path: Path) -> NDArray[np.float64]:
    values = read_npy(path) if path.suffix == ".npy" else _read_text(path)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise InputError(f"{path}: holds {values.dtype} {values.shape}, not one score per snippet or frame")
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"{path}: holds scores that are not finite")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() <= 1:
        raise InputError(f"{path}: scores from {numbers.min():g} to {numbers.max():g}; scale all videos' to [0, 1]")
    return numbers


def _read_text(path: Path) -> NDArray[np.float64]:
    values = []
    for number, line in read_lines(path):
        try:
            values.append(float(line))
        except ValueError:
            raise InputError(f"{path}: line {number}, {line[:40]!r}, is not a number; write one per line") from None
    return np.array(values, dtype=np.float64)


def _per_snippet(
    values: NDArray[np.float64], video: Video, stride: int, path: Path
) -> tuple[NDArray[np.float32], Unit]:
    if len(values) == video.rows:
        return values.astype(np.float32), "snippet"
    if len(values) != video.frames:
        raise InputError(
            f"{path}: {len(values)} scores; {video.name} has {video.rows} snippets and {video.frames} frames; "
            f"write one score per snippet of {stride} frames, or one per frame"
        )
    edges = np.arange(0, min(len(values), video.rows * stride), stride)
    covered = values[: video.rows * stride]
    counts = np.diff(np.append(edges, len(covered)))
    return (np.add.reduceat(covered, edges) / counts).astype(np.float32), "frame"


def store_imported(
    name: str, scores: Scores, seed: int, dataset: Dataset, profile: Profile, store: RunStore
) -> RunSpec:
    """Store scores as the run of one seed, with its evaluation; the same scores are the same run.

    Raises
    ------
    InputError
        If the run store cannot be written.
    """
    manifest = dataset.manifest
    spec = RunSpec(
        method=f"{PREFIX}{name}",
        version=1,
        source=_hash(scores),
        config={},
        training=Training(steps=1, looks=0),
        inputs={},
        profile=profile,
        holdout=0.0,
        imported=True,
        train_hash=manifest.train_hash(),
        seed=seed,
        title=title_of(name),
        dataset=dataset.name,
        benchmark=manifest.benchmark,
        feature_set=manifest.feature_set,
    )
    if store.record(spec.key) is None:
        store.prepare()
        with store.stage(spec) as folder:
            record = RunRecord(
                key=spec.key,
                spec=spec,
                looks=(),
                selected={"last": 1},
                oracle_test_hash=None,
                deviations=(DEVIATION,),
                dim=manifest.dim,
                object_classes=0,
                parameters=0,
                seconds=0.0,
                finished=now(),
                environment=describe_environment("elsewhere"),
            )
            (folder / "record.json").write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    evaluate_scores(spec.key, "last", 1, scores, dataset, store)
    return spec


def title_of(name: str) -> str:
    """Return what an imported method is called in tables."""
    return f"{name} (imported)"


def _hash(scores: Mapping[str, NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(scores):
        digest.update(name.encode() + b"\0" + scores[name].tobytes())
    return digest.hexdigest()
