"""Which videos are found, and what is refused."""

from pathlib import Path

import pytest

from benchmark.extraction.videos import find_videos
from benchmark.system.errors import InputError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_a_folder_is_searched_with_its_sub_folders(tmp_path: Path) -> None:
    touch(tmp_path, "b.MP4", "Abuse/a.v2.avi", "c/d.webm", "notes.txt", ".hidden/e.mp4", ".f.mp4", ".mp4")
    found = find_videos(tmp_path)
    assert list(found) == ["a.v2", "b", "d"]
    assert found["a.v2"] == tmp_path / "Abuse" / "a.v2.avi"


def test_a_video_is_itself(tmp_path: Path) -> None:
    assert find_videos(touch(tmp_path, "a.mkv") / "a.mkv") == {"a": tmp_path / "a.mkv"}


def test_a_list_names_paths_relative_to_it(tmp_path: Path) -> None:
    touch(tmp_path, "x/b.mp4", "a.mov")
    (tmp_path / "list.txt").write_text(f"x/b.mp4\n\n{tmp_path / 'a.mov'}\n")
    assert find_videos(tmp_path / "list.txt") == {"a": tmp_path / "a.mov", "b": tmp_path / "x" / "b.mp4"}


@pytest.mark.parametrize(
    ("files", "source", "message"),
    [
        (["a.mp4", "x/a.avi"], ".", "^a: two videos have this name, .*a.mp4 and .*a.avi; rename or leave out one"),
        (["a.txt"], ".", r"no video there \(.mp4, .avi, .mkv"),
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
        ("a.npy", r"list.txt:1: 'a.npy' is not the path of a video"),
        ("", "no video there"),
    ],
)
def test_a_wrong_list_is_named_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        find_videos(tmp_path / "list.txt")


def test_frames_in_place_of_videos_are_named_with_the_call_that_makes_a_video(tmp_path: Path) -> None:
    (tmp_path / "01_0014").mkdir()
    for k in range(3):
        (tmp_path / "01_0014" / f"{k:03d}.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"3 frames as pictures: .*number 0 -i .*/01_0014/%03d\.jpg 01_0014\.mp4"):
        find_videos(tmp_path)
