import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.importing.alignment import are_segments, clip_intervals, fits, is_short
from benchmark.system.errors import InputError


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
