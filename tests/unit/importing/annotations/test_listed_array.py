"""Two lists and one array of the test videos' frames, imported whole."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.manifest import Manifest
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.fuzz.harness import compare
from tests.fuzz.listed_arrays import GENERATOR

ROWS = {"Assault_1": 5, "hall_1": 6, "Assault_2": 7, "hall_2": 4, "Fire_3": 6}
TRAIN, TEST = ("Assault_1", "hall_1"), ("Assault_2", "hall_2", "Fire_3")
FOLDERS = {"Assault": "abnormal", "Fire": "abnormal", "hall": "normal"}


def _part(name: str, frames: int) -> np.ndarray:
    labels = np.zeros(frames)
    if not name.startswith("hall"):
        labels[20:50] = 1
    return labels


def _pack(
    root: Path,
    order: tuple[str, ...] = TEST,
    lists: tuple[str, str] = ("own.list", "own-test.list"),
    folders: bool = True,
) -> Path:
    for split, names, file in (("training", TRAIN, lists[0]), ("testing", order, lists[1])):
        lines = []
        for name in names:
            inside = f"SET-{FOLDERS[name.split('_')[0]]}-{split}" if folders else "set"
            (root / "features" / inside).mkdir(parents=True, exist_ok=True)
            np.save(root / "features" / inside / f"{name}_i3d.npy", np.ones((ROWS[name], 2, 6), np.float16))
            lines.append(f"/data/anomaly/{inside}/{name}_i3d.npy")
        (root / "list").mkdir(exist_ok=True)
        (root / "list" / file).write_text("\n".join(lines) + "\n")
    np.save(root / "list" / "gt-own.npy", np.concatenate([_part(name, 16 * ROWS[name]) for name in TEST]))
    return root


def _import(root: Path, annotations: str = "list", lists: tuple[str, ...] = ()) -> Manifest:
    request = ImportRequest(
        "own", root / "features", root / annotations, lists=tuple(root / "list" / name for name in lists), replace=True
    )
    return import_dataset(request, root / "data")


def _refused(root: Path, annotations: str = "list", lists: tuple[str, ...] = ()) -> str:
    with pytest.raises(InputError) as caught:
        _import(root, annotations, lists)
    assert "\n" not in str(caught.value)
    assert not list((root / "data").glob("*"))
    return str(caught.value)


def test_the_folder_of_lists_and_array_or_the_array_with_its_lists_is_read(tmp_path: Path) -> None:
    _pack(tmp_path)
    for manifest in (_import(tmp_path), _import(tmp_path, "list/gt-own.npy", ("own.list", "own-test.list"))):
        videos = {video.name: video for video in manifest.videos}
        assert {name: (video.split, video.label) for name, video in videos.items()} == {
            "Assault_1": ("train", 1),
            "hall_1": ("train", 0),
            "Assault_2": ("test", 1),
            "hall_2": ("test", 0),
            "Fire_3": ("test", 1),
        }
        assert {name: videos[name].frames for name in TEST} == {name: 16 * ROWS[name] for name in TEST}
        assert {name: videos[name].intervals for name in TEST} == {
            "Assault_2": ((20, 50),),
            "hall_2": (),
            "Fire_3": ((20, 50),),
        }
        notes = " ".join(manifest.notes)
        assert "frames of the test videos from gt-own.npy, in the order of own-test.list" in notes
        assert "gt-own.npy is divided so: 16 x the snippets of each" in notes
        assert "agrees with the labels of 3 of 3 test videos" in notes
        assert "Taken as normal by name, folder or list: 1 training videos (hall_1)" in notes
        assert "Taken as training list, as no word of its name is `test`: own.list" in notes


def test_lists_of_text_are_not_taken_for_a_training_file_of_ucf_crime(tmp_path: Path) -> None:
    _pack(tmp_path, lists=("own-train.txt", "own-test.txt"))
    assert {video.name: video.label for video in _import(tmp_path).videos}["Fire_3"] == 1


def test_lists_and_arrays_are_read_as_meant_or_refused() -> None:
    assert compare(GENERATOR, 100)["as meant"] > 100 / 5


def test_another_order_is_refused_by_the_video(tmp_path: Path) -> None:
    message = _refused(_pack(tmp_path, order=("Assault_2", "Fire_3", "hall_2")))
    assert message.startswith("hall_2: normal by ")
    assert "abnormal by its 64 frames in the array" in message


def test_labels_that_nothing_says_are_not_guessed_from_the_order(tmp_path: Path) -> None:
    _pack(tmp_path, folders=False)
    assert _refused(tmp_path).startswith("Assault_1: nothing says whether this training video is normal")
    (tmp_path / "list" / "own.list").write_text("Assault_1_i3d.npy 1\nhall_1_i3d.npy 0\n")
    manifest = _import(tmp_path)
    assert {video.name: video.label for video in manifest.split("train")} == {"Assault_1": 1, "hall_1": 0}
    assert any("nothing but the sum of its lengths says" in note for note in manifest.notes)


def test_a_list_and_a_folder_that_contradict_each_other_are_both_named(tmp_path: Path) -> None:
    _pack(tmp_path)
    (tmp_path / "list" / "own.list").write_text("x/Assault_1_i3d.npy 0\ny/hall_1_i3d.npy 0\n")
    message = _refused(tmp_path)
    assert message.startswith("Assault_1: normal by the list")
    assert "abnormal by its folder SET-abnormal-training" in message


def test_training_videos_of_one_label_are_refused(tmp_path: Path) -> None:
    _pack(tmp_path, folders=False)
    (tmp_path / "list" / "own.list").write_text("Assault_1_i3d.npy 1\nhall_1_i3d.npy 1\n")
    assert "all training videos would be abnormal" in _refused(tmp_path)
    (tmp_path / "list" / "own.list").write_text("Assault_1_i3d.npy 7\n")
    assert "own.list:1: 7 behind the file is neither 0 (normal) nor 1 (abnormal)" in _refused(tmp_path)


def test_frame_counts_divide_an_array_of_true_lengths(tmp_path: Path) -> None:
    _pack(tmp_path)
    counts = {name: 16 * rows + 5 for name, rows in ROWS.items()}
    np.save(tmp_path / "list" / "gt-own.npy", np.concatenate([_part(name, counts[name]) for name in TEST]))
    message = _refused(tmp_path)
    assert "287 frames, but the 3 listed test videos have others (16 x the snippets of each: 272)" in message
    (tmp_path / "list" / "frames.csv").write_text("".join(f"{name},{count}\n" for name, count in counts.items()))
    manifest = _import(tmp_path)
    assert {video.name: video.frames for video in manifest.split("test")} == {name: counts[name] for name in TEST}
    assert any("is divided so: by their frame counts" in note for note in manifest.notes)


def test_an_array_without_a_test_list_or_beside_another_is_refused(tmp_path: Path) -> None:
    _pack(tmp_path, lists=("a.list", "latest.list"))
    assert "needs the list of the test videos" in _refused(tmp_path, "list/gt-own.npy", ("a.list", "latest.list"))
    assert "no annotations recognised" in _refused(tmp_path)
    _pack(tmp_path)
    np.save(tmp_path / "list" / "gt2.npy", np.zeros(5))
    assert "several arrays of ground truth there (gt-own.npy, gt2.npy)" in _refused(tmp_path)


def test_names_of_the_benchmarks_say_labels_and_classes(tmp_path: Path) -> None:
    names = {"train": ("Abuse001_x264", "Normal_Videos001_x264"), "test": ("Abuse028_x264", "Normal_Videos_003_x264")}
    (tmp_path / "features").mkdir()
    for split, of in names.items():
        for name in of:
            np.save(tmp_path / "features" / f"{name}_i3d.npy", np.ones((4, 2, 6), np.float16))
        (tmp_path / f"ucf-{split}.list").write_text("".join(f"G:\\UCF\\{name}_i3d.npy\n" for name in of))
    np.save(tmp_path / "gt-ucf.npy", np.r_[np.zeros(60), np.ones(4), np.zeros(64)])
    manifest = _import(tmp_path, ".")
    assert {video.name: video.classes for video in manifest.videos} == {
        "Abuse001_x264": ("Abuse",),
        "Normal_Videos001_x264": (),
        "Abuse028_x264": ("Abuse",),
        "Normal_Videos_003_x264": (),
    }
