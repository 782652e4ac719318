"""Makes small feature packs on disk, in any layout and annotation form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.video_names import split_crop
from benchmark.importing.feature_files.layouts import FeatureFolder
from benchmark.importing.feature_files.search import find_arrays
from benchmark.importing.matching import match_features
from benchmark.terms import Layout

DIM = 6


@dataclass(frozen=True)
class Spec:
    """A video to be made; intervals are [start, end), 0-based, whatever the form that they are written in."""

    name: str
    split: str
    label: int
    rows: int
    frames: int
    intervals: tuple[tuple[int, int], ...] = ()


# One video of each split and label, named as each form wants them.
NAMES = {
    "ucf": ("Normal_Videos001_x264", "Fight.v2__x264", "Normal_Videos_003_x264", "Fight004_x264"),
    "xd": (
        "A.Film.2001__#00-01_00-02_label_A",
        "A.Film.2001__#00-03_00-04_label_B1-0-0",
        "v=x-Y_z__#1_label_A",
        "v=x-Y_z__#2_label_B1-G-0",
    ),
    "shanghaitech": ("01_001", "01_0014", "02_003", "02_0128"),
    "json": ("a", "b.c", "d", "e"),
}


def specs(form: str) -> list[Spec]:
    normal_train, abnormal_train, normal_test, abnormal_test = NAMES[form]
    return [
        Spec(normal_train, "train", 0, rows=5, frames=80),
        Spec(abnormal_train, "train", 1, rows=3, frames=47),
        Spec(normal_test, "test", 0, rows=1, frames=17),
        Spec(abnormal_test, "test", 1, rows=4, frames=60, intervals=((3, 20), (40, 60))),
    ]


def changed(videos: Sequence[Spec], index: int, **changes: object) -> list[Spec]:
    """Return the videos with one of them changed."""
    return [replace(video, **changes) if i == index else video for i, video in enumerate(videos)]  # type: ignore[arg-type]


def write_features(
    folder: Path, videos: Sequence[Spec], layout: str, suffix: str = "", nested: str = "split"
) -> dict[str, NDArray[np.float16]]:
    """Write feature files and return what they hold, (rows, crops, DIM) by name."""
    rng = np.random.default_rng(0)
    made = {}
    for video in videos:
        crops = 1 if layout.startswith("plain") else 3
        array = rng.normal(size=(video.rows, crops, DIM)).astype(np.float16)
        inside = {"split": video.split, "class": f"{video.split}/class{video.label}", "flat": "."}[nested]
        parent = folder / inside
        parent.mkdir(parents=True, exist_ok=True)
        if layout == "crop-files":
            for crop in range(crops):
                np.save(parent / f"{video.name}{suffix}__{crop}.npy", array[:, crop].astype(np.float32))
        else:
            np.save(parent / f"{video.name}{suffix}.npy", array[:, 0] if layout == "plain" else array)
        made[video.name] = array
    return made


def find_features(
    folder: Path,
    layout: Layout | None = None,
    lists: Sequence[Path] = (),
    follow_links: bool = False,
    annotated: Sequence[str] | None = None,
) -> FeatureFolder:
    """Find the feature files below a folder; without annotated names, those of all files are."""
    found = find_arrays(folder, lists, follow_links)
    crops = layout in (None, "crop-files")
    names = {split_crop(each.array.name)[0] if crops else each.array.name for each in found}
    return match_features(folder, found, names if annotated is None else annotated, layout=layout)


def write_annotations(folder: Path, videos: Sequence[Spec], form: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    {"ucf": _ucf, "xd": _xd, "shanghaitech": _shanghaitech, "json": _json}[form](folder, videos)


def write_frames(folder: Path, videos: Sequence[Spec]) -> None:
    lines = ["video,frame_count", *(f"{video.name},{video.frames}" for video in videos)]
    (folder / "frames.csv").write_text("\n".join(lines) + "\n")


def write_pack(folder: Path, form: str = "ucf", layout: str = "plain", videos: Sequence[Spec] | None = None) -> None:
    """Write features, annotations and frame counts into one folder."""
    videos = specs(form) if videos is None else videos
    write_features(folder / "features", videos, layout)
    write_annotations(folder, videos, form)
    write_frames(folder, videos)


def _ucf(folder: Path, videos: Sequence[Spec]) -> None:
    train = [
        f"{'Fighting' if video.label else 'Training_Normal_Videos_Anomaly'}/{video.name}.mp4"
        for video in videos
        if video.split == "train"
    ]
    test = []
    for video in videos:
        if video.split == "test":
            numbers = [number for start, end in video.intervals for number in (start + 1, end)]
            words = [*map(str, numbers), "-1", "-1", "-1", "-1"][:4]
            test.append(f"{video.name}.mp4  {'Fighting' if video.label else 'Normal'}  {'  '.join(words)}  ")
    (folder / "Anomaly_Train.txt").write_text("\n".join(train) + "\n")
    (folder / "Temporal_Anomaly_Annotation.txt").write_text("\r\n".join(test) + "\r\n")


def _xd(folder: Path, videos: Sequence[Spec]) -> None:
    for name, split in (("rgb.list", "train"), ("rgbtest.list", "test")):
        files = [f"/old/{video.name}__{crop}.npy" for video in videos if video.split == split for crop in (0, 1)]
        (folder / name).write_text("\n".join(files) + "\n")
    lines = [
        f"{video.name}.mp4 " + " ".join(f"{start} {end}" for start, end in video.intervals)
        for video in videos
        if video.intervals
    ]
    (folder / "annotations.txt").write_text("\n".join(lines) + "\n")


def _shanghaitech(folder: Path, videos: Sequence[Spec]) -> None:
    (folder / "test_frame_mask").mkdir(exist_ok=True)
    for name, split in (("SH_Train.txt", "train"), ("SH_Test.txt", "test")):
        (folder / name).write_text("".join(f"{video.name}\n" for video in videos if video.split == split))
    for video in videos:
        if video.label:
            mask = np.zeros(video.frames, np.uint8)
            for start, end in video.intervals if video.split == "test" else ((0, 9),):
                mask[start:end] = 1
            np.save(folder / "test_frame_mask" / f"{video.name}.npy", mask)


def _json(folder: Path, videos: Sequence[Spec]) -> None:
    entries: list[dict[str, object]] = []
    for video in videos:
        entry: dict[str, object] = {"name": video.name, "split": video.split, "label": video.label}
        if video.label:
            entry |= {"class": "Fighting", "frames": video.frames, "intervals": video.intervals}
        entries.append(entry)
    (folder / "annotations.json").write_text(json.dumps({"videos": entries}))
