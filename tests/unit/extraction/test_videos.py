"""Which videos are found, and what is refused."""

from pathlib import Path

import pytest

from benchmark.extraction.videos import find_videos
from benchmark.system.errors import InputError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_folder_is_searched_with_its_sub_folders(tmp_path: Path) -> None:
    touch(tmp_path, "b.MP4", "Abuse/a.v2.avi", "c/d.webm", "notes.txt", ".hidden/e.mp4", ".f.mp4", ".mp4")
    found = find_videos(tmp_path)
    assert list(found.paths) == ["a.v2", "b", "d"]
    assert found.said == ()
    assert found.paths["a.v2"] == tmp_path / "Abuse" / "a.v2.avi"


def test_a_video_is_itself(tmp_path: Path) -> None:
    assert find_videos(touch(tmp_path, "a.mkv") / "a.mkv").paths == {"a": tmp_path / "a.mkv"}


def test_a_list_names_paths_relative_to_it(tmp_path: Path) -> None:
    touch(tmp_path, "x/b.mp4", "a.mov")
    (tmp_path / "list.txt").write_text(f"x/b.mp4\n\n{tmp_path / 'a.mov'}\nx/b.mp4\n")
    assert find_videos(tmp_path / "list.txt").paths == {"a": tmp_path / "a.mov", "b": tmp_path / "x" / "b.mp4"}


@pytest.mark.parametrize(
    ("files", "source", "message"),
    [
        (["a.mp4", "a.avi"], ".", "^a: two videos have this name, .*a.avi and .*a.mp4; rename one of them"),
        (["x/1.mp4", "y/1.mp4", "x_1.mp4"], ".", "^x_1: two videos have this name, .*x/1.mp4 and .*x_1.mp4; rename"),
        (["a.txt"], ".", r"no video there \(.mp4, .avi, .mkv"),
        (["x/a.jpg"], ".", "no folder of numbered frames; pictures in .*x, fewer than 4$"),
        ([], "none", "none: no such folder, video or list"),
        (["a\nb.mp4"], ".", r"a\\nb.mp4': not a name for a video"),
        (["a .mp4"], ".", "not a name for a video"),
    ],
)
def test_what_is_refused_is_named(files: list[str], source: str, message: str, tmp_path: Path) -> None:
    touch(tmp_path, *files)
    with pytest.raises(InputError, match=message):
        find_videos(tmp_path / source)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.mp4\nb.mp4", r"list.txt:2: there is no .*b.mp4; paths are relative to the list's folder"),
        (".", r"list.txt:1: '.' is no folder of numbered frames; list videos one by one"),
        ("a.npy", r"list.txt:1: 'a.npy' is not the path of a video"),
        ("", "no video there"),
    ],
)
def test_a_wrong_list_is_named_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        find_videos(tmp_path / "list.txt")


def numbered(folder: str, count: int = 5) -> list[str]:
    return [f"{folder}/{number:03d}.jpg" for number in range(count)]


def test_a_folder_of_numbered_pictures_is_a_video(tmp_path: Path) -> None:
    touch(tmp_path, *numbered("01_0014"), *numbered("a/01_0015.mp4"), "01_0014/Thumbs.db", "01_0014/._000.jpg")
    found = find_videos(tmp_path)
    assert found.paths == {"01_0014": tmp_path / "01_0014", "01_0015": tmp_path / "a" / "01_0015.mp4"}
    assert len(found.said) == 1
    assert "is taken for the frames of a video: " in found.said[0]
    assert find_videos(tmp_path / "01_0014").paths == {"01_0014": tmp_path / "01_0014"}
    (tmp_path / "list.txt").write_text("01_0014\n")
    assert find_videos(tmp_path / "list.txt").paths == {"01_0014": tmp_path / "01_0014"}


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        (numbered("."), "beside videos"),
        (["thumbs/v.jpg", "thumbs/w.jpg", "thumbs/1.jpg", "thumbs/2.jpg"], "called as videos are"),
        (numbered("a", 3), "fewer than 4"),
        ([*numbered("a"), "a/cover.jpg"], "cover.jpg is not numbered as the others are"),
        ([*numbered("a"), "a/x_005.jpg"], "x_005.jpg is not numbered as the others are"),
    ],
)
def test_other_pictures_are_passed_over_and_said(pictures: list[str], reason: str, tmp_path: Path) -> None:
    touch(tmp_path, *pictures, "v.mp4", "w.mp4", "1.mp4", "2.mp4")
    found = find_videos(tmp_path)
    assert list(found.paths) == ["1", "2", "v", "w"]
    assert len(found.said) == 1
    assert found.said[0].startswith("Passed over: pictures in ")
    assert reason in found.said[0]
