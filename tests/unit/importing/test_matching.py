import shutil
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.importing.feature_files.layouts import FeatureFolder
from benchmark.importing.feature_files.search import find_arrays
from benchmark.importing.matching import clip_intervals, match_features, read_missing
from benchmark.importing.strides import are_segments, fits, is_short
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines


def _save(folder: Path, *names: str, rows: int = 3) -> Path:
    for number, name in enumerate(names):
        path = folder / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.full((rows, 6), number, np.float16))
    return folder


def _match(folder: Path, annotated: list[str], missing: Collection[str] = ()) -> FeatureFolder:
    return match_features(folder, find_arrays(folder), annotated, missing)


def _refused(folder: Path, annotated: list[str], missing: Collection[str] = ()) -> str:
    with pytest.raises(InputError) as caught:
        _match(folder, annotated, missing)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_features_without_annotation_show_the_name_that_is_most_like_theirs(tmp_path: Path) -> None:
    _save(tmp_path, "Normal_Videos920_x264", "Abuse001_x264")
    message = _refused(tmp_path, ["Abuse001_x264", "Normal_Videos_920_x264", "Arson001_x264"])
    assert "Normal_Videos920_x264.npy: features without annotation, 1 of 2 files" in message
    assert "the features have Normal_Videos920_x264, the annotation Normal_Videos_920_x264" in message
    assert "remove" not in message
    assert "no annotated name is like it, such as zzz" in _refused(_save(tmp_path / "x", "other"), ["zzz"])


def test_a_video_there_twice_is_counted_and_nothing_is_to_be_deleted(tmp_path: Path) -> None:
    _save(tmp_path, "train/odd/1", "test/odd/1", "train/odd/2", "test/odd/2", "x/3")
    message = _refused(tmp_path, ["1", "2", "3"])
    assert message.startswith("1: this video is there twice")
    assert "and 1 more such pairs" in message
    assert "annotate each with its folder" in message
    assert "keep" not in message
    told_apart = ["train_odd_1", "test_odd_1", "train_odd_2", "test_odd_2", "3"]
    assert _match(tmp_path, told_apart).videos.keys() == set(told_apart)


def test_files_of_equal_content_are_taken_once_and_said(tmp_path: Path) -> None:
    _save(tmp_path, "Abuse/a", "b")
    for name in ("event/a", "other/a"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(tmp_path / "Abuse" / "a.npy", tmp_path / f"{name}.npy")
    found = _match(tmp_path, ["a", "b"])
    assert [path.parent.name for path in found.videos["a"].paths] == ["Abuse"]
    assert found.notes[0].startswith("2 files are there twice with equal content and taken once")


def test_missing_crops_are_named_with_another_reading(tmp_path: Path) -> None:
    _save(tmp_path, "lobby_1", "lobby_2", "gate_1", "Fire_3")
    message = _refused(tmp_path, ["lobby", "gate", "Fire"])
    assert message.startswith("Fire (and 2 more): crop 1 is missing")
    assert "annotate the files by their names if they are videos" in message


def test_crops_lie_in_folders_of_one_split(tmp_path: Path) -> None:
    _save(tmp_path, "train/a__0", "test/a__1")
    assert _refused(tmp_path, ["a"]).startswith("a: its crops lie in several of the train and test folders")


def test_missing_videos_are_listed_by_name_or_path_and_counted(tmp_path: Path) -> None:
    folder = _save(tmp_path / "features", "a_i3d", "b_i3d")
    annotated = ["a", "b", "odd_1", "L\u00e9on"]
    assert "odd_1 (and 1 more): annotated, but no features" in _refused(folder, annotated)
    assert "(2 of 4 videos)" in _refused(folder, annotated)
    (tmp_path / "missing.txt").write_text("train/odd/1.mp4\nLe\u0301on.npy\n")
    missing = read_missing(tmp_path / "missing.txt", annotated)
    assert missing == {"odd_1", "L\u00e9on"}
    assert _match(folder, annotated, missing).videos.keys() == {"a", "b"}
    assert "Leon: listed with --missing but not annotated, as" not in _refused(folder, annotated, {"zzzz"})
    assert "odd_2: listed with --missing but not annotated, as odd_1 is" in _refused(folder, annotated, {"odd_2"})
    assert "b: listed with --missing but has features" in _refused(folder, annotated, {"b", *missing})


def test_lines_keep_their_numbers_and_need_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n\r\n  b  \n")
    assert read_lines(path) == [(1, "a"), (3, "b")]
    path.write_bytes(b"\x80\x04\x95")
    with pytest.raises(InputError, match=r"list\.txt:1: not a text file"):
        read_lines(path)
    with pytest.raises(InputError, match=r"absent\.txt: cannot be read"):
        read_lines(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    ("frames", "fitting", "short"), [(160, {9, 10}, 9), (161, {9, 10, 11}, 9), (15, {0, 1}, None), (16, {0, 1}, 0)]
)
def test_rows_may_be_floor_ceiling_or_one_short(frames: int, fitting: set[int], short: int | None) -> None:
    assert {rows for rows in range(50) if fits(rows, frames)} == fitting
    assert [rows for rows in range(50) if is_short(rows, frames)] == ([] if short is None else [short])


@pytest.mark.parametrize(
    ("rows", "frames", "segmented"),
    [
        ([32, 32, 32], [900, 512, 80], True),
        ([32, 32, 32], [512, 510, 900], False),
        ([8, 8], [900, None], True),
        ([32, 32], [None, None], True),
        ([8, 8], [None, None], False),
        ([32, 31], [900, 900], False),
        ([], [], False),
    ],
)
def test_equal_rows_against_the_frame_counts_are_segments(
    rows: list[int], frames: list[int | None], segmented: bool
) -> None:
    assert are_segments(rows, frames) is segmented


@given(st.data())
def test_clipped_intervals_are_the_same_frames_disjoint_ascending_and_inside(data: st.DataObject) -> None:
    frames = data.draw(st.integers(1, 60))
    starts = data.draw(st.lists(st.integers(0, frames - 1), max_size=5))
    intervals = [(start, data.draw(st.integers(start + 1, frames + 16))) for start in starts]
    found, clipped = clip_intervals("v", intervals, frames)
    inside = {frame for start, end in intervals for frame in range(start, min(end, frames))}
    assert {frame for start, end in found for frame in range(start, end)} == inside
    assert sum(end - start for start, end in found) == len(inside)
    assert list(found) == sorted(found)
    assert clipped == max([0, *(end - frames for _, end in intervals)])


@pytest.mark.parametrize(("interval", "reason"), [((40, 41), "starts at frame 40"), ((3, 57), "ends at frame 57")])
def test_an_interval_beyond_the_video_names_it(interval: tuple[int, int], reason: str) -> None:
    with pytest.raises(InputError, match=f"Abuse001: .*{reason}.*; correct either"):
        clip_intervals("Abuse001", [interval], 40)
