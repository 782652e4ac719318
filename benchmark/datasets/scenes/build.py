"""Writing simulated domains to disk as datasets."""

from __future__ import annotations

import shutil
import uuid
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmark.datasets.arrays import NpyWriter, rows_sha256
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest, Video, read_manifest, write_manifest
from benchmark.datasets.scenes.domains import DOMAINS, Domain
from benchmark.datasets.scenes.generator import (
    CROPS,
    DIM,
    OBJECT_CLASSES,
    SCENES_VERSION,
    Rendering,
    Script,
    render,
    scripts,
)
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.system.files import writing_to

SCENES: tuple[str, ...] = tuple(DOMAINS)
"""Names of the simulated datasets."""

_FAMILY = f"scenes-{DIM}-v"
FEATURE_SET = f"{_FAMILY}{SCENES_VERSION}"
"""Feature set of all scenes. It carries the version: scenes of two versions share no feature space."""


def ensure_scenes(name: str, root: Path, progress: Progress = lambda done, total: None) -> Dataset:
    """Open a simulated dataset below a data root; make it first if missing, of another version, or damaged.

    Raises
    ------
    InputError
        As `make_scenes`.
    """
    return _existing(root / _domain(name).name) or Dataset(make_scenes(name, root, progress))


def make_scenes(name: str, root: Path, progress: Progress = lambda done, total: None) -> Path:
    """Make a simulated dataset below a data root and return its folder.

    The folder appears complete or not at all. If another process made it in the meantime, that one stays:
    both are the same, byte for byte.

    Parameters
    ----------
    name
        One of `SCENES`.
    root
        The data root, made if it is missing.
    progress
        Called with (videos done, videos) after each video.

    Raises
    ------
    InputError
        If there is no such domain, the root cannot be written to, or a folder of that name holds other data.
    """
    domain = _domain(name)
    _existing(root / name)  # refuses to replace a folder that is not ours, before any work
    made = root / f".{name}-{uuid.uuid4().hex}"
    try:
        with writing_to(root, "--data"):
            made.mkdir(parents=True)
            write_scenes(domain, made, progress)
            return _install(made, root / name)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_scenes(domain: Domain, folder: Path, progress: Progress = lambda done, total: None) -> None:
    """Write the dataset of any domain, also a smaller variant of a built-in one, into an existing folder."""
    plan = list(scripts(domain))
    rows = sum(script.motions.size for script in plan)
    videos: list[Video] = []
    first_row = 0
    with (
        NpyWriter(folder / "features.npy", (rows, CROPS, DIM), np.float16) as features,
        NpyWriter(folder / "motion.npy", (rows,), np.float32) as motion,
        NpyWriter(folder / "objects.npy", (rows, OBJECT_CLASSES), np.float16) as objects,
    ):
        for script in plan:
            rendering = render(domain, script)
            features.write(rendering.features)
            motion.write(rendering.motion)
            objects.write(rendering.objects)
            videos.append(_video(script, rendering, first_row))
            first_row += script.motions.size
            progress(len(videos), len(plan))
    manifest = Manifest(
        name=domain.name,
        benchmark=domain.benchmark,
        metric=domain.metric,
        feature_set=FEATURE_SET,
        dim=DIM,
        crops=CROPS,
        motion=True,
        object_classes=OBJECT_CLASSES,
        videos=tuple(videos),
        notes=(f"Simulated, version {SCENES_VERSION}: no result on it compares with a published one.",),
    )
    write_manifest(manifest, folder)


def _video(script: Script, rendering: Rendering, first_row: int) -> Video:
    return Video(
        name=script.name,
        split=script.split,
        label=script.label,
        classes=script.classes,
        first_row=first_row,
        rows=script.motions.size,
        frames=script.frames,
        # Where a training video is abnormal is what no method may know.
        intervals=script.intervals if script.split == "test" else (),
        sha256=rows_sha256((rendering.features, rendering.motion, rendering.objects)),
    )


def _domain(name: str) -> Domain:
    if name not in DOMAINS:
        raise InputError(f"{name}: no such simulated dataset; there are {', '.join(SCENES)}")
    return DOMAINS[name]


def _existing(folder: Path) -> Dataset | None:
    """Open a simulated dataset of this version; None if there is none or it is to be made again."""
    if not folder.exists():
        return None
    feature_set = read_manifest(folder).feature_set
    if not feature_set.startswith(_FAMILY):
        raise InputError(f"{folder}: holds a dataset that was not simulated ({feature_set}); import it by another name")
    try:
        return Dataset(folder) if feature_set == FEATURE_SET else None
    except InputError:
        return None


def _install(made: Path, folder: Path) -> Path:
    """Move a finished folder into place, out of the way of an older or damaged one."""
    while _existing(folder) is None:
        try:
            return made.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            old = made.with_name(f"{made.name}-old")
            with suppress(FileNotFoundError):
                folder.rename(old)
            shutil.rmtree(old, ignore_errors=True)
    return folder
