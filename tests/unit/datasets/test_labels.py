from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.labels import find_intervals, snippet_labels, unscored_frames
from benchmark.datasets.manifest import Video


def _video(rows: int, frames: int | None, intervals: tuple[tuple[int, int], ...] = (), **fields: object) -> Video:
    return Video.model_validate(
        {
            "name": "v",
            "split": "test",
            "label": int(bool(intervals)),
            "first_row": 0,
            "rows": rows,
            "frames": frames,
            "intervals": intervals,
            "sha256": "",
            **fields,
        }
    )


@given(st.data())
def test_counts_equal_those_of_expanded_frame_labels(data: st.DataObject) -> None:
    frames = data.draw(st.integers(1, 200))
    rows = data.draw(st.sampled_from(sorted({max(1, frames // 16 + shift) for shift in (-1, 0, 1)})))
    edges = sorted(data.draw(st.sets(st.integers(0, frames), max_size=8)))
    intervals = tuple(zip(edges[::2], edges[1::2], strict=False))
    labels = np.zeros(frames, int)
    for start, end in intervals:
        labels[start:end] = 1

    video = _video(rows, frames, intervals)
    positive, negative = snippet_labels(video, 16)

    for k in range(rows):
        inside = labels[16 * k : 16 * k + 16]
        assert positive[k] == inside.sum()
        assert negative[k] == len(inside) - inside.sum()
    assert positive.shape == negative.shape == (rows,)
    assert positive.sum() + negative.sum() + unscored_frames(video, 16) == frames


def test_a_normal_video_has_only_negative_frames() -> None:
    positive, negative = snippet_labels(_video(rows=2, frames=30), 16)
    assert positive.tolist() == [0, 0]
    assert negative.tolist() == [16, 14]


@pytest.mark.parametrize("video", [_video(2, None), _video(2, 32, unit="segments")])
def test_a_video_without_frame_labels_is_refused(video: Video) -> None:
    with pytest.raises(ValueError, match="v has no frame labels"):
        snippet_labels(video, 16)


@given(st.lists(st.tuples(st.integers(0, 16), st.sampled_from([16, 16, 16, 5])), min_size=1, max_size=12))
def test_intervals_that_are_found_give_the_counts_back(snippets: list[tuple[int, int]]) -> None:
    positive = np.array([min(p, size) for p, size in snippets])
    negative = np.array([size for _, size in snippets]) - positive
    found = find_intervals(positive, negative)
    labels = np.zeros(int((positive + negative).sum()), int)
    for start, end in found:
        assert not labels[start:end].any()
        labels[start:end] = 1
    ends = np.cumsum(positive + negative)
    assert [int(part.sum()) for part in np.split(labels, ends[:-1])] == positive.tolist()
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(st.integers(40, 400), st.data())
def test_an_interval_longer_than_a_snippet_is_found_exactly(frames: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, frames - 33))
    end = data.draw(st.integers(start + 33, frames))
    positive, negative = snippet_labels(_video(-(-frames // 16), frames, ((start, end),)), 16)
    assert find_intervals(positive, negative) == [(start, end)]
