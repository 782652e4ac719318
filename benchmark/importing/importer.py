"""Importing a dataset: from published files to the packed store, several videos at a time."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from benchmark.datasets.catalog import check_name, list_datasets
from benchmark.datasets.feature_sets import FeatureSet, check_stated, find_feature_set, find_stride, identity_notes
from benchmark.datasets.manifest import Manifest, Video, write_manifest
from benchmark.datasets.official import OFFICIAL, official_notes, rate_note
from benchmark.datasets.same_features import check_identity, with_norm_notes
from benchmark.importing.annotations import (
    find_annotations,
    find_frame_counts,
    note_on_counts,
    read_annotations,
)
from benchmark.importing.feature_files.search import features_home, find_arrays
from benchmark.importing.feature_files.side_files import (
    check_one_modality,
    check_one_video_each,
    without_side_arrays,
)
from benchmark.importing.feature_files.video_features import read_axes
from benchmark.importing.import_plan import PlannedVideo, frames_of, missing_note, notes_on, plan_videos
from benchmark.importing.matching import match_features, read_missing
from benchmark.importing.packing import Column, PackedVideo, dataset_columns, pack, packed_bytes
from benchmark.importing.placing import folder_in_place, recover, unfinished
from benchmark.importing.pseudo_label_files import PseudoLabelFiles, VideoRows, find_pseudo_labels
from benchmark.importing.request import ImportRequest
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.system.machine import usable_cores
from benchmark.terms import SCENES_PREFIX, SNIPPET_FRAMES, PseudoLabel

_WORKERS = 8


@dataclass(frozen=True)
class _Plan:
    """What is to be written: videos, their pseudo-label files, and what goes into the manifest."""

    videos: list[PlannedVideo]
    labels: dict[PseudoLabel, PseudoLabelFiles]
    feature_set: str
    identity: FeatureSet | None
    stride: int
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def import_dataset(
    request: ImportRequest, root: Path, progress: Progress = lambda done, total: None, workers: int | None = None
) -> Manifest:
    """Import a dataset into ``root/name``.

    Everything that names, headers and annotations can tell is checked before anything is written. The
    dataset is written under a hidden name and renamed when it is complete. An error leaves nothing behind;
    what an interrupted or killed import has written is used by the next one of the same input.

    Parameters
    ----------
    progress
        Called with (bytes of features read, as float16, and in all) after each video.
    workers
        Number of videos that are read side by side; None: one per core, at most 8.

    Raises
    ------
    InputError
        If the input is wrong in any way, a dataset of that name exists, or `root` cannot be written to or has
        no room for it.
    """
    check_name(request.name)
    if request.name.startswith(SCENES_PREFIX):
        raise InputError(f"{request.name}: {SCENES_PREFIX}* are the simulated datasets; choose another name")
    target = root / request.name
    recover(target)
    if target.exists() and not request.replace:
        raise InputError(f"{target}: this dataset exists already; choose another name, or replace it with --replace")
    if target.exists() and not (target / "manifest.json").is_file():
        raise InputError(f"{target}: not a dataset, so it is not replaced; choose another name")
    plan = _plan(request)
    others = [entry.manifest for entry in list_datasets(root) if entry.manifest and entry.name != request.name]
    check_identity(request.name, plan.feature_set, plan.identity, others)
    columns = dataset_columns(plan.videos, list(plan.labels.values()))
    _check_room(target, columns, plan.videos)
    with folder_in_place(target, "importing", keep=True) as folder:
        rows = {video.name: video.rows for video in plan.videos}
        amounts = {video.name: math.prod(video.files.shape) * columns[0].dtype.itemsize for video in plan.videos}
        readers = workers or min(_WORKERS, usable_cores())
        packed = pack(folder, columns, rows, amounts, _fingerprint(plan, columns), readers, progress)
        manifest = with_norm_notes(_manifest(request, plan, packed), others)
        write_manifest(manifest, folder)
    return manifest


def _plan(request: ImportRequest) -> _Plan:
    folder = features_home(request.features, request.follow_links)
    places = _places(folder)
    found, side_notes = without_side_arrays(find_arrays(folder, request.lists, request.follow_links))
    check_one_modality(folder, found)
    given = request.annotations or places[0]
    main = find_annotations(given, request.of_benchmark).main
    annotations = read_annotations(main, found, request.lists, request.of_benchmark, request.split_seed)
    check_one_video_each(found, annotations.videos)
    missing = read_missing(request.missing, annotations.videos)
    layout = None if request.layout == "auto" else request.layout
    features = match_features(folder, found, annotations.videos, missing, layout)
    counts, counts_note = find_frame_counts((main.parent, given, *places))
    feature_set, identity = find_feature_set(request.feature_set, places[0], request.name)
    stride = find_stride(request.stride, identity)
    frames = frames_of((annotations.videos[name] for name in features.videos), counts)
    read = read_axes(features, frames, stride)
    annotations = annotations.completed({name: video.shape[0] for name, video in read.videos.items()}, counts)
    frames = frames_of((annotations.videos[name] for name in features.videos), counts)
    unit = None if request.train_unit == "auto" else request.train_unit
    videos = plan_videos(read.videos, annotations, frames, unit, request.train_segments, request.tail, stride)
    labels, label_notes = _pseudo_labels(request, places, videos, stride)
    _, crops, dim = videos[0].files.shape
    if identity is not None:
        identity = identity.model_copy(update={"stride": stride})
        check_stated(identity, dim, crops)
    named = request.feature_set is not None
    notes = [
        *read.notes,
        *side_notes,
        annotations.form,
        *annotations.notes,
        rate_note(request.of_benchmark, request.fps),
        *official_notes(request.of_benchmark, annotations.videos.values(), missing),
        note_on_counts(counts, counts_note, annotations.videos),
        "" if stride == SNIPPET_FRAMES else f"A row stands for {stride} frames.",
        *features.notes,
        *notes_on(videos, stride),
    ]
    notes += [*label_notes, missing_note(missing, annotations) if missing else ""]
    notes += identity_notes(feature_set, identity, named, dim, crops)
    said = tuple(note for note in notes if note)
    fitting = identity if identity is not None and identity.dim == dim else None
    return _Plan(videos, labels, feature_set, fitting, stride, tuple(sorted(missing)), said)


def _places(features: Path) -> tuple[Path, Path]:
    """Return where what belongs to the features may lie: beside a folder called `features`, else in the folder."""
    if features.is_file():
        features = features.absolute().parent
    inside, beside = features, features.absolute().parent
    return (beside, inside) if features.name == "features" else (inside, beside)


def _pseudo_labels(
    request: ImportRequest, places: Sequence[Path], videos: Sequence[PlannedVideo], stride: int
) -> tuple[dict[PseudoLabel, PseudoLabelFiles], list[str]]:
    rows = [
        VideoRows(v.name, v.rows, v.files.shape[0] if v.averaged else None, v.frames, v.unit == "segments", stride)
        for v in videos
    ]
    labels: dict[PseudoLabel, PseudoLabelFiles] = {}
    notes = []
    folders: dict[PseudoLabel, Path | None] = {"motion": request.motion, "objects": request.objects}
    for what, given in folders.items():
        found, note = find_pseudo_labels(what, given, places, rows, request.follow_links)
        notes.append(note)
        if found is not None:
            labels[what] = found
            notes.append(found.said)
    return labels, notes


def _check_room(target: Path, columns: Sequence[Column], videos: Sequence[PlannedVideo]) -> None:
    needed = packed_bytes(columns, sum(video.rows for video in videos))
    hidden = unfinished(target, "importing")
    written = sum(file.stat().st_blocks * 512 for file in hidden.iterdir()) if hidden.is_dir() else 0
    there = next(folder for folder in target.absolute().parents if folder.exists())
    free = shutil.disk_usage(there).free + written
    if needed > free:
        smaller = ""
        if any(video.unit == "snippets" and video.annotation.split == "train" for video in videos):
            smaller = ", or store training videos as segments with --train-segments 32"
        raise InputError(
            f"{target.parent}: {needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free; "
            f"choose another folder with --data{smaller}"
        )


def _fingerprint(plan: _Plan, columns: Sequence[Column]) -> str:
    """Hash all that decides the packed bytes: the source files as they are now, and what is made of them."""
    digest = hashlib.sha256()
    for video in plan.videos:
        for path in (*video.files.paths, *(labels.files[video.name].path for labels in plan.labels.values())):
            stat = path.stat()
            digest.update(f"{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}|".encode(errors="surrogateescape"))
        digest.update(f"{video.name}|{video.rows}|{video.files.shape}\n".encode())
    digest.update(repr([(c.name, c.shape, c.dtype.str) for c in columns]).encode())
    return digest.hexdigest()


def _manifest(request: ImportRequest, plan: _Plan, packed: Mapping[str, PackedVideo]) -> Manifest:
    _, crops, dim = plan.videos[0].files.shape
    norms = np.percentile([video.norm for video in packed.values()], (0, 50, 100))
    content = hashlib.sha256("".join(f"{v.name} {v.features_sha256}\n" for v in packed.values()).encode())
    return Manifest(
        name=request.name,
        benchmark=request.of_benchmark,
        metric=request.metric or ("ap_frame" if request.of_benchmark == "xd-violence" else "auc_frame"),
        feature_set=plan.feature_set,
        identity=plan.identity,
        dim=dim,
        crops=crops,
        stride=plan.stride,
        fps=request.fps or (official.fps if (official := OFFICIAL.get(request.of_benchmark)) else None),
        content=content.hexdigest(),
        norms=(float(norms[0]), float(norms[1]), float(norms[2])),
        motion="motion" in plan.labels,
        object_classes=plan.labels["objects"].columns if "objects" in plan.labels else 0,
        videos=tuple(_entries(plan.videos, packed)),
        missing=plan.missing,
        notes=plan.notes,
    )


def _entries(videos: Sequence[PlannedVideo], packed: Mapping[str, PackedVideo]) -> Iterator[Video]:
    first_rows = accumulate((video.rows for video in videos), initial=0)
    for video, first_row in zip(videos, first_rows, strict=False):
        yield Video(
            name=video.name,
            split=video.annotation.split,
            label=1 if video.annotation.label else 0,
            classes=video.annotation.classes,
            first_row=first_row,
            rows=video.rows,
            unit=video.unit,
            frames=video.frames,
            intervals=video.intervals,
            sha256=packed[video.name].sha256,
        )
