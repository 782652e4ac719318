from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.video_names import split_crop, video_name
from benchmark.importing.matching import clip_intervals, match_names
from benchmark.importing.strides import are_segments, fits, is_short
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines

HOCKEY = "Hockey.Splice.001__#00-00-00_00-00-10_label_B1-0-0"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("Abuse/Abuse001_x264.mp4", "Abuse001_x264"),
        (r"G:\UCF\Abuse001_x264.MP4", "Abuse001_x264"),
        (HOCKEY, HOCKEY),
        (f"{HOCKEY}.mp4", HOCKEY),
        ("01_0014", "01_0014"),
    ],
)
def test_a_name_is_an_entry_without_folders_and_ending(entry: str, name: str) -> None:
    assert video_name(entry) == name


def test_only_a_number_at_the_end_is_a_crop() -> None:
    assert split_crop(f"{HOCKEY}__1") == (HOCKEY, 1)
    assert split_crop(HOCKEY) == (HOCKEY, None)
    assert split_crop("01_001") == ("01_001", None)


_WORDS = st.text(alphabet="ab01_-.#", min_size=1, max_size=6)


@given(st.sets(_WORDS, min_size=1), st.sampled_from(["", "_i3d", "_effnet", ".v2__rgb"]))
def test_files_match_by_name_with_or_without_a_common_suffix(names: set[str], suffix: str) -> None:
    matching = match_names([name + suffix for name in names], names)
    assert matching.stems == {name: name + suffix for name in names}
    assert matching.suffix == suffix
    assert matching.unknown == ()


def test_a_stem_without_the_common_suffix_or_annotation_is_unknown() -> None:
    matching = match_names(["a_i3d", "b_i3d", "c", "d_i3d"], ["a", "b", "c"])
    assert matching.stems == {"a": "a_i3d", "b": "b_i3d"}
    assert matching.unknown == ("c", "d_i3d")
    # A longer number is another name, not a suffix.
    assert match_names(["01_00145"], ["01_0014"]).unknown == ("01_00145",)


def test_lines_keep_their_numbers_and_need_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n\r\n  b  \n")
    assert read_lines(path) == [(1, "a"), (3, "b")]
    path.write_bytes(b"\x80\x04\x95")
    with pytest.raises(InputError, match=r"list\.txt: not a text file"):
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
