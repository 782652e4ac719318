"""Videos of one name are told apart by folders, as imports do it, and taken once where they are the same."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.extraction.video_naming import find_video, name_videos
from tests.unit.extraction.makers import moving, write_frames


def write(folder: Path, *names: str, content: str | None = None) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or str(path))
    return paths


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["training_videos/01.avi", "testing_videos/01.avi", "testing_videos/02.avi"], "training testing testing"),
        (["train/01.avi", "test/01.avi", "test/02.avi"], "training testing testing"),
        (["avenue/training/frames/01.avi", "avenue/testing/frames/01.avi"], "training testing"),
    ],
)
def test_a_split_that_tells_all_apart_stands_before_all_names(files: list[str], names: str, tmp_path: Path) -> None:
    found = name_videos(write(tmp_path, *files))
    expected = {f"{split}_{Path(file).stem}": tmp_path / file for split, file in zip(names.split(), files, strict=True)}
    assert found.paths == expected
    assert "01.avi is training_01." in found.said[-1]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["train/normal/001.mp4", "train/abnormal/001.mp4"], ["normal_001", "abnormal_001"]),
        (["train/odd/1.mp4", "train/fine/1.mp4", "test/odd/1.mp4"], ["train_odd_1", "train_fine_1", "test_odd_1"]),
        (["train/a.mp4", "test/b.mp4"], ["a", "b"]),
        (["x/1.mp4", "y/1.mp4", "y/2.mp4"], ["x_1", "y_1", "2"]),
        (["Ab/Le\u0301on.mp4", "L\u00e9on.avi"], ["Ab_L\u00e9on", "L\u00e9on"]),
    ],
)
def test_else_only_shared_names_have_the_folders_that_are_needed(
    files: list[str], names: list[str], tmp_path: Path
) -> None:
    found = name_videos(write(tmp_path / "train", *files))
    assert found.paths == {name: tmp_path / "train" / file for name, file in zip(names, files, strict=True)}
    assert len(found.said) == (names != ["a", "b"])


def test_copies_are_taken_once_unless_their_split_differs(tmp_path: Path) -> None:
    copies = write(tmp_path, "old/a.avi", "new/a.avi", content="same")
    found = name_videos(copies)
    assert found.paths == {"a": copies[0]}
    assert found.said == (f"Videos that are there twice, byte for byte, are taken once; left out: {copies[1]}.",)
    assert list(name_videos(write(tmp_path, "train/b.avi", "test/b.avi", content="same")).paths) == [
        "testing_b",
        "training_b",
    ]


def test_copies_of_frames_are_taken_once(tmp_path: Path) -> None:
    frames = moving(4, size=(8, 8))
    same = [write_frames(tmp_path / place / "v", frames) for place in ("x", "y")]
    assert name_videos(same).paths == {"v": same[0]}
    write_frames(tmp_path / "y" / "v", frames[::-1])
    assert list(name_videos(same).paths) == ["x_v", "y_v"]


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["a/frames", "b.mp4/frames"], ["a", "b"]),
        (["training/01/rgb", "testing/01/rgb"], ["training_01", "testing_01"]),
        (["a/frames", "a/b/Images", "c"], ["a", "b", "c"]),
        (["a/frames"], ["a"]),
        (["train/cam", "test/cam"], ["training_cam", "testing_cam"]),
        (["train/01", "test/01"], ["training_01", "testing_01"]),
        (["x/v1", "y/v1"], ["x_v1", "y_v1"]),
    ],
)
def test_folders_called_frames_are_named_by_those_above(folders: list[str], names: list[str], tmp_path: Path) -> None:
    paths = [write_frames(tmp_path / folder, moving(4, size=(8, 8))[place:]) for place, folder in enumerate(folders)]
    assert name_videos(paths).paths == dict(zip(names, paths, strict=True))


def test_a_video_is_taken_rather_than_its_frames(tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames" / "v", moving(4, size=(8, 8)))
    (video,) = write(tmp_path, "videos/v.avi")
    found = name_videos([frames, video])
    assert found.paths == {"v": video}
    assert found.said == (f"Frames of videos that are there as files, too, are passed over: {frames}.",)


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("training_videos/01.avi", "training_01"),
        ("/home/avenue/testing_videos/01.avi", "testing_01"),
        ("/home/train_sets/avenue/testing_videos/01.avi", None),
        ("test/01", "testing_01"),
        ("training_01.mp4", "training_01"),
        ("/x/normal/7.mp4", "normal_7"),
        ("odd/a.mp4", "a"),
        ("01.avi", None),
        ("odd/7.mp4", None),
    ],
)
def test_entries_of_lists_mean_videos_by_the_same_rules(entry: str, name: str | None) -> None:
    assert find_video(entry, ["training_01", "testing_01", "normal_7", "fight_7", "a"]) == name


@given(st.sets(st.tuples(*[st.sampled_from(["train", "test", "a", "b"])] * 3), min_size=1, max_size=8))
def test_a_path_in_a_list_never_means_another_video(places: set[tuple[str, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.extraction.video_naming._copies", lambda paths: ())  # there are no files to compare
        paths = [Path("/videos", *place).with_suffix(".mp4") for place in sorted(places)]
        found = name_videos(paths).paths
    assert sorted(found.values()) == paths
    assert all(find_video(str(path), found) in (name, None) for name, path in found.items())
    assert all(find_video(name, found) == name for name in found)
