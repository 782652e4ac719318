"""Names through all doors of an import: annotations, lists, features, frame counts, motion and scores."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.manifest import Manifest
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.training.elsewhere.score_files import read_scores

NAMES = ("train/normal/L\u00e9on.2", "train/odd/L\u00e9on.2", "test/normal/L\u00e9on.2", "test/odd/L\u00e9on.2")
STORED = {name.replace("/", "_") for name in NAMES}


def _write(folder: Path, name: str, array: np.ndarray) -> None:
    path = folder / f"{unicodedata.normalize('NFD', name)}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def _import(tmp_path: Path, renamed: Callable[[str], str]) -> Manifest:
    """Import four videos that only their folders tell apart, each with features of its own value."""
    videos: list[dict[str, object]] = []
    for value, name in enumerate(NAMES):
        split, kind, _ = name.split("/")
        test = {"intervals": [[3, 9]] if kind == "odd" else []} if split == "test" else {}
        videos.append({"name": f"{name}.mp4", "split": split, "label": int(kind == "odd"), **test})
        _write(tmp_path / "features", renamed(name), np.full((4, 6), value, np.float32))
        _write(tmp_path / "motion", f"m_{name}", np.full(4, 0.5, np.float32))
    (tmp_path / "labels.json").write_text(json.dumps({"videos": videos}))
    counts = "".join(f"{unicodedata.normalize('NFD', name)}.mp4,{60 + i}\n" for i, name in enumerate(NAMES))
    (tmp_path / "frames.csv").write_text(f"video,frame_count\n{counts}")
    request = ImportRequest("own", tmp_path / "features", tmp_path / "labels.json", motion=tmp_path / "motion")
    return import_dataset(request, tmp_path / "data")


@pytest.mark.parametrize("renamed", [str, lambda name: f"deep/{name}_i3d", lambda name: f"{name}/features"])
def test_folders_tell_videos_apart_at_every_door(tmp_path: Path, renamed: Callable[[str], str]) -> None:
    manifest = _import(tmp_path, renamed)
    assert {video.name for video in manifest.videos} == STORED
    frames = {video.name: video.frames for video in manifest.videos}
    assert [frames[name.replace("/", "_")] for name in NAMES] == [60, 61, 62, 63]
    stored = np.load(tmp_path / "data" / "own" / "features.npy")
    values = {video.name: int(stored[video.first_row].reshape(-1)[0]) for video in manifest.videos}
    assert [values[name.replace("/", "_")] for name in NAMES] == [0, 1, 2, 3]
    assert any(note.startswith("Of motion: ") and "`m_`" in note for note in manifest.notes)


def test_scores_may_carry_what_all_of_them_carry(tmp_path: Path) -> None:
    manifest = _import(tmp_path, str)
    for video in manifest.split("test"):
        _write(tmp_path / "scores", f"{video.name}_pred", np.zeros(4))
    scores, units, said = read_scores(tmp_path / "scores", manifest)
    assert set(scores) == {video.name for video in manifest.split("test")}
    assert units == {"snippet": 2}
    assert "`_pred` after" in said


def test_names_of_xd_violence_may_have_blanks(tmp_path: Path) -> None:
    train, test = (
        ("Kick Ass 2__#1_label_A", "Kick Ass 2__#2_label_G"),
        ("Fast 5__#1_label_A", "Fast 5__#2_label_B6-0-0"),
    )
    for name in (*train, *test):
        _write(tmp_path / "features" / ("train" if name in train else "test"), name, np.zeros((4, 6), np.float32))
    (tmp_path / "annotations.txt").write_text(f"{test[1]} 3 9\n")
    manifest = import_dataset(ImportRequest("xd-violence", tmp_path / "features", tmp_path), tmp_path / "data")
    assert {video.name: video.intervals for video in manifest.split("test")} == {test[0]: (), test[1]: ((3, 9),)}
