"""Adding pseudo-labels, class vectors or the frame rate to a dataset that has been imported."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmark.datasets.arrays import NpyWriter, rows_sha256
from benchmark.datasets.classes import class_names
from benchmark.datasets.dataset import VECTORS, Dataset
from benchmark.datasets.manifest import Manifest, read_manifest, write_manifest
from benchmark.importing.class_vectors import read_class_vectors
from benchmark.importing.packing import label_column
from benchmark.importing.placing import folder_in_place
from benchmark.importing.pseudo_label_files import VideoRows, open_pseudo_labels
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.terms import PseudoLabel


def add_class_vectors(dataset: Dataset, path: Path, replace: bool = False) -> Manifest:
    """Add a vector for each class of a dataset's training videos; see `read_class_vectors`.

    Raises
    ------
    InputError
        If the file does not fit, no class is known, the dataset has vectors already, or it cannot be written to.
    """
    m = dataset.manifest
    if m.class_vectors and not replace:
        raise InputError(f"{m.name}: this dataset has class vectors already; replace them with --replace")
    classes = class_names(m)
    if len(classes) < 2:
        raise InputError(
            f"{m.name}: no class of its training videos is known; import it with annotations that say them"
        )
    vectors = read_class_vectors(path, classes)
    manifest = m.model_copy(
        update={
            "class_vectors": classes,
            "class_vectors_sha256": rows_sha256([vectors]),
            "notes": (*m.notes, f"Class vectors added from {path}."),
        }
    )
    with folder_in_place(dataset.path, "amending") as folder:
        _link_arrays(dataset.path, folder, without={VECTORS})
        np.save(folder / VECTORS, vectors, allow_pickle=False)
        _write_unless_changed(manifest, folder, dataset)
    return manifest


def state_rate(dataset: Dataset, fps: float) -> Manifest:
    """State the frame rate of a dataset, in place of what was stated or assumed; no run depends on it.

    Raises
    ------
    InputError
        If the dataset cannot be written to.
    """
    m = dataset.manifest
    manifest = m.model_copy(update={"fps": fps, "notes": (*m.notes, f"Frame rate stated: {fps:g} per second.")})
    with folder_in_place(dataset.path, "amending") as folder:
        _link_arrays(dataset.path, folder, without=())
        _write_unless_changed(manifest, folder, dataset)
    return manifest


def add_pseudo_labels(
    dataset: Dataset,
    folders: Mapping[PseudoLabel, Path],
    replace: bool = False,
    follow_links: bool = False,
    progress: Progress = lambda done, total: None,
) -> Manifest:
    """Add motion intensities, object scores or both to a dataset.

    What stays is linked into a new folder, which takes the place of the old one by a rename: at every moment
    the dataset is the old one or the new one.

    Parameters
    ----------
    folders
        Pseudo-label -> folder with one file per video. For training videos that are stored as segments, files
        may have a row per snippet; they are averaged by the same edges.
    replace
        Whether to replace a pseudo-label that the dataset has already.
    follow_links
        Whether links may lead out of these folders.
    progress
        Called with (videos done, videos) after each video.

    Raises
    ------
    InputError
        If files do not fit, the dataset has such a pseudo-label already, its stored rows are damaged, or it
        cannot be written to.
    """
    m = dataset.manifest
    has = {"motion": m.motion, "objects": bool(m.object_classes)}
    for what in folders:
        if has[what] and not replace:
            raise InputError(f"{m.name}: this dataset has {what} already; replace it with --replace")
    rows = [VideoRows(v.name, v.rows, None, v.frames, v.unit == "segments", m.stride) for v in m.videos]
    labels = [open_pseudo_labels(what, folder, rows, follow_links) for what, folder in folders.items()]
    new = {column.name: column for column in map(label_column, labels)}
    with folder_in_place(dataset.path, "amending") as folder, ExitStack() as stack:
        _link_arrays(dataset.path, folder, without={f"{what}.npy" for what in folders})
        total = sum(video.rows for video in m.videos)
        writers = {
            name: stack.enter_context(NpyWriter(folder / f"{name}.npy", (total, *column.shape), column.dtype))
            for name, column in new.items()
        }
        videos = []
        for video in m.videos:
            stored = dataset.arrays(video)
            if rows_sha256(stored.values()) != video.sha256:
                raise InputError(f"{m.name}: {video.name} is not as it was imported; import the dataset again")
            for name, writer in writers.items():
                (stored[name],) = new[name].blocks(video.name)
                writer.write(stored[name])
            ordered = (stored[name] for name in ("features", "motion", "objects") if name in stored)
            videos.append(video.model_copy(update={"sha256": rows_sha256(ordered)}))
            progress(len(videos), len(m.videos))
        columns = {found.what: found.columns for found in labels}
        added = [f"{what.capitalize()} added from {place}." for what, place in folders.items()]
        said = (*added, *(found.said for found in labels if found.said))
        manifest = m.model_copy(
            update={
                "motion": m.motion or "motion" in columns,
                "object_classes": columns.get("objects", m.object_classes),
                "videos": tuple(videos),
                "notes": (*m.notes, *said),
            }
        )
        _write_unless_changed(manifest, folder, dataset)
    return manifest


def _write_unless_changed(manifest: Manifest, folder: Path, dataset: Dataset) -> None:
    """Write an amended manifest, unless another command has amended the dataset meanwhile."""
    if read_manifest(dataset.path) != dataset.manifest:
        raise InputError(f"{dataset.name}: the dataset has been changed meanwhile; repeat the command")
    write_manifest(manifest, folder)


def _link_arrays(old: Path, new: Path, without: Collection[str]) -> None:
    for path in old.glob("*.npy"):
        if path.name not in without:
            _link(path, new / path.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
