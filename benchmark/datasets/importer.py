"""Importing a dataset: from published files to the packed store, one block of rows at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchmark.datasets.annotations import find_frame_counts, read_annotations
from benchmark.datasets.arrays import NpyWriter, finite, rows_sha256
from benchmark.datasets.catalog import SCENES_PREFIX, check_name
from benchmark.datasets.import_plan import (
    PlannedVideo,
    Unit,
    match_features,
    missing_note,
    notes_on,
    plan_videos,
    read_missing,
)
from benchmark.datasets.layouts import Layout, find_features
from benchmark.datasets.manifest import Benchmark, Manifest, Metric, Video, write_manifest
from benchmark.datasets.pseudo_label_files import (
    PseudoLabelName,
    check_motion,
    check_objects,
    match_folder,
    motion_blocks,
    object_blocks,
)
from benchmark.errors import InputError
from benchmark.files import is_abandoned, scratch_name, writing_to

Progress = Callable[[int, int], None]

_Blocks = Callable[[PlannedVideo], Iterator[NDArray[Any]]]
_Column = tuple[NpyWriter, _Blocks]

_BLOCK_VALUES = 1 << 21


@dataclass(frozen=True)
class ImportRequest:
    """What to import, and under which name.

    Attributes
    ----------
    name
        Name of the dataset.
    features
        Folder of the feature files.
    annotations
        Main annotation file, or the folder of the annotation files.
    benchmark
        None: the dataset's name if it is a benchmark's, else ``other``.
    feature_set
        Identity of the features; None: the dataset's name, so that no feature space is taken to be shared.
    layout
        None: found by looking.
    motion, objects
        Folders of the pseudo-labels; None: `motion/` and `objects/` beside the features folder, if they are
        there.
    missing
        File that names annotated videos without features.
    metric
        None: average precision for XD-Violence, else ROC AUC.
    train_unit
        What a row of a training video is; None: found by looking.
    replace
        Whether to replace a dataset of that name.
    """

    name: str
    features: Path
    annotations: Path
    benchmark: Benchmark | None = None
    feature_set: str | None = None
    layout: Layout | None = None
    motion: Path | None = None
    objects: Path | None = None
    missing: Path | None = None
    metric: Metric | None = None
    train_unit: Unit | None = None
    replace: bool = False


@dataclass(frozen=True)
class _Plan:
    """What is to be written: videos, their pseudo-label files by name, and what goes into the manifest."""

    videos: list[PlannedVideo]
    motion: dict[str, Path] | None
    objects: dict[str, Path] | None
    object_classes: int
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def import_dataset(request: ImportRequest, root: Path, progress: Progress | None = None) -> Manifest:
    """Import a dataset into ``root/name``.

    Everything that names, headers and annotations can tell is checked before anything is written. The
    dataset is written under a hidden name and renamed when it is complete, so nothing half-written is left
    by an error.

    Parameters
    ----------
    progress
        Called with (videos done, videos) after each video.

    Raises
    ------
    InputError
        If the input is wrong in any way, a dataset of that name exists, or `root` cannot be written to.
    """
    check_name(request.name)
    if request.name.startswith(SCENES_PREFIX):
        raise InputError(f"{request.name}: {SCENES_PREFIX}* are the simulated datasets; choose another name")
    target = root / request.name
    if target.exists() and not request.replace:
        raise InputError(f"{target}: this dataset exists already; choose another name, or replace it with --replace")
    if target.exists() and not (target / "manifest.json").is_file():
        raise InputError(f"{target}: not a dataset, so it is not replaced; choose another name")
    plan = _plan(request)
    with _folder_in_place(target) as folder:
        videos = tuple(_write_videos(plan, folder, progress))
        manifest = _manifest(request, plan, videos)
        write_manifest(manifest, folder)
    return manifest


def _plan(request: ImportRequest) -> _Plan:
    features = find_features(request.features, request.layout)
    annotations = read_annotations(request.annotations, features)
    missing = read_missing(request.missing)
    matching = match_features(features, annotations, missing)
    home = request.annotations if request.annotations.is_dir() else request.annotations.parent
    beside = request.features.absolute().parent
    counts, counts_note = find_frame_counts((home, beside))
    videos = plan_videos(features, annotations, matching, counts, request.train_unit)

    motion_folder, motion_note = _folder_of("motion", request.motion, beside)
    objects_folder, objects_note = _folder_of("objects", request.objects, beside)
    motion = match_folder(motion_folder, "motion", videos) if motion_folder else None
    objects = match_folder(objects_folder, "objects", videos) if objects_folder else None
    if motion is not None:
        check_motion(motion, videos)
    object_classes = check_objects(objects, videos) if objects is not None else 0

    notes = [features.reason, annotations.form, *annotations.notes, counts_note, *notes_on(videos, matching)]
    notes += [motion_note, objects_note, missing_note(missing, annotations) if missing else ""]
    if request.feature_set is None:
        notes.append("No feature set was named: the features are taken to be shared with no other dataset.")
    said = tuple(note for note in notes if note)
    return _Plan(videos, motion, objects, object_classes, tuple(sorted(missing)), said)


def _folder_of(what: PseudoLabelName, option: Path | None, beside: Path) -> tuple[Path | None, str]:
    if option is not None:
        return option, f"{what.capitalize()} from the folder given."
    found = beside / what
    return (found, f"{what.capitalize()} found beside the features.") if found.is_dir() else (None, "")


def _manifest(request: ImportRequest, plan: _Plan, videos: tuple[Video, ...]) -> Manifest:
    benchmark = request.benchmark or _benchmark_called(request.name)
    _, crops, dim = plan.videos[0].files.shape
    return Manifest(
        name=request.name,
        benchmark=benchmark,
        metric=request.metric or ("ap_frame" if benchmark == "xd-violence" else "auc_frame"),
        feature_set=request.feature_set or request.name,
        dim=dim,
        crops=crops,
        motion=plan.motion is not None,
        object_classes=plan.object_classes,
        videos=videos,
        missing=plan.missing,
        notes=plan.notes,
    )


def _benchmark_called(name: str) -> Benchmark:
    benchmarks: tuple[Benchmark, ...] = get_args(Benchmark)
    return benchmarks[benchmarks.index(name)] if name in benchmarks else "other"


@contextmanager
def _folder_in_place(target: Path) -> Iterator[Path]:
    """Give a hidden folder beside `target` that becomes `target` at the end, or is removed on an error."""
    hidden, old = (target.with_name(scratch_name(f".{target.name}.{state}")) for state in ("importing", "replaced"))
    for leftover in target.parent.glob(f".{target.name}.importing@*"):
        if is_abandoned(leftover):
            shutil.rmtree(leftover, ignore_errors=True)
    try:
        with writing_to(target, "--data"):
            hidden.mkdir(parents=True)
            yield hidden
            if target.exists():
                target.rename(old)
            hidden.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(hidden, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _write_videos(plan: _Plan, folder: Path, progress: Progress | None) -> Iterator[Video]:
    """Write the packed arrays, a video at a time, and yield the manifest's entries."""
    rows = sum(video.rows for video in plan.videos)
    _, crops, dim = plan.videos[0].files.shape
    with ExitStack() as stack:

        def column(name: str, shape: tuple[int, ...], dtype: DTypeLike, blocks: _Blocks) -> _Column:
            return stack.enter_context(NpyWriter(folder / f"{name}.npy", (rows, *shape), dtype)), blocks

        columns = [column("features", (crops, dim), np.float16, _feature_blocks)]
        if plan.motion is not None:
            columns.append(column("motion", (), np.float32, partial(motion_blocks, plan.motion)))
        if plan.objects is not None:
            classes = (plan.object_classes,)
            columns.append(column("objects", classes, np.float16, partial(object_blocks, plan.objects)))

        first_row = 0
        for done, video in enumerate(plan.videos, start=1):
            yield _entry(video, first_row, rows_sha256(_write_rows(video, columns)))
            first_row += video.rows
            if progress is not None:
                progress(done, len(plan.videos))


def _write_rows(video: PlannedVideo, columns: list[_Column]) -> Iterator[NDArray[Any]]:
    """Write a video's rows to each column, and yield the blocks written."""
    for writer, blocks in columns:
        for block in blocks(video):
            writer.write(block)
            yield block


def _feature_blocks(video: PlannedVideo) -> Iterator[NDArray[np.float16]]:
    """Yield a video's features in blocks of rows, (rows, crops, dim)."""
    arrays = list(zip(video.files.arrays(), video.files.files, strict=True))
    _, crops, dim = video.files.shape
    step = max(1, _BLOCK_VALUES // (crops * dim))
    for start in range(0, video.rows, step):
        parts = [finite(array[start : start + step], np.float16, path) for array, path in arrays]
        yield np.concatenate(parts, axis=1)


def _entry(video: PlannedVideo, first_row: int, sha256: str) -> Video:
    return Video(
        name=video.name,
        split=video.annotation.split,
        label=1 if video.annotation.label else 0,
        classes=video.annotation.classes,
        first_row=first_row,
        rows=video.rows,
        unit=video.unit,
        frames=video.frames,
        intervals=video.intervals,
        sha256=sha256,
    )
