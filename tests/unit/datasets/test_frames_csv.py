from pathlib import Path

import pytest

from benchmark.datasets.frames_csv import read_frame_counts, write_frame_counts
from benchmark.importing.annotations import AnnotatedVideo, note_on_counts
from benchmark.system.errors import InputError

HEADERS = ("video,frame_count", "name,frames", "Video,N_Frames", "filename,num_frames", "video_path,frame_count")


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_headers_are_read_as_people_write_them(tmp_path: Path, header: str, sign: str) -> None:
    path = tmp_path / "frames.csv"
    path.write_text(f"{header}\nFight/a.mp4,17\nb,3\n".replace(",", sign))
    assert read_frame_counts(path) == {"a": 17, "b": 3}


def test_other_columns_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "frames.csv"
    path.write_text("fps,frames,video\n25,17,a\n30,3,b\n")
    assert read_frame_counts(path) == {"a": 17, "b": 3}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("film,length\na,3\n", ":1: the first line names no columns that are read"),
        ("video,frames,num_frames\na,3,4\n", ":1: the first line names no columns that are read"),
        ("video,frame_count,fps\na,3\n", ":2: malformed line"),
        ("a,3,25\n", ":1: malformed line"),
        ("a,3\nb,2.5\n", ":2: malformed line"),
        ("video,frame_count\na/x.mp4,3\na/x.avi,3\n", "x: this video is twice"),
    ],
)
def test_what_is_not_read_is_refused_by_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "frames.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        read_frame_counts(tmp_path / "frames.csv")
    assert line in str(caught.value)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    counts = {"a": 17, "b,c": 3, "12": 5}
    write_frame_counts(tmp_path / "frames.csv", counts)
    assert read_frame_counts(tmp_path / "frames.csv") == counts


def test_counts_that_are_of_no_annotated_video_are_said() -> None:
    videos = {name: AnnotatedVideo(name, "test", 0) for name in "ab"}
    note = "Frame counts from frames.csv."
    assert note_on_counts({"a": 1, "b": 2, "c": 3}, note, videos) == note
    said = note_on_counts({"A": 1, "b": 2}, note, videos)
    assert said.startswith("WARNING: Frame counts from frames.csv, but 1 of its 2 names are of no annotated video (A)")
    assert said.endswith("and 1 annotated test videos have no count there (a).")
