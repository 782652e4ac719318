"""What a method is given of a video's stored features, against plain loops."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from benchmark.datasets.input_stage import input_rows, input_segments
from benchmark.terms import Training

Rows = list[list[float]]
"""Of one crop: (rows, dim)."""

VIDEOS = arrays(
    np.float16,
    st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 4)),
    elements=st.integers(-32, 32).map(lambda n: n / 4),  # float32 adds them exactly: a sum is zero where it should be
)
SETTINGS = st.builds(Training, segments=st.integers(1, 6), crops=st.none() | st.integers(1, 4))


def unit(row: list[float]) -> list[float]:
    norm = math.sqrt(math.fsum(x * x for x in row))
    return [x / norm if norm else 0.0 for x in row]


def mean(rows: Rows) -> list[float]:
    return [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]


def averaged(rows: Rows, segments: int) -> Rows:
    edges = [i * len(rows) // segments for i in range(segments + 1)]
    return [mean(rows[a : max(b, a + 1)]) for a, b in pairwise(edges)]


def crops_of(video: NDArray[np.float16], training: Training) -> list[Rows]:
    return [video[:, crop].astype(np.float64).tolist() for crop in range(video.shape[1])][: training.crops]


@given(VIDEOS, SETTINGS)
def test_segments_are_made_of_unit_snippets_made_unit_or_left(video: NDArray[np.float16], settings: Training) -> None:
    crops, T = crops_of(video, settings), settings.segments
    expected = {
        "none": [averaged(rows, T) for rows in crops],
        "snippets": [averaged([unit(row) for row in rows], T) for rows in crops],
        "segments": [[unit(segment) for segment in averaged(rows, T)] for rows in crops],
    }
    for stage, wanted in expected.items():
        segments = input_segments(video, settings.model_copy(update={"unit_features": stage}))
        assert segments.dtype == np.float32
        np.testing.assert_allclose(segments, wanted, atol=1e-6)


@given(VIDEOS, SETTINGS)
def test_rows_that_are_scored_one_by_one_are_unit_or_left(video: NDArray[np.float16], settings: Training) -> None:
    crops = crops_of(video, settings)
    made = [[unit(row) for row in rows] for rows in crops]
    for stage, wanted in {"none": crops, "snippets": made, "segments": made}.items():
        rows = input_rows(video, settings.model_copy(update={"unit_features": stage}))
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, wanted, atol=1e-6)


@pytest.mark.parametrize("stage", ["snippets", "segments"])
def test_zero_stays_zero_and_the_smallest_number_gets_unit_length(stage: str) -> None:
    video = np.array([[[0.0, 0.0]], [[0.0, 2.0**-24]]], np.float16)
    settings = Training(segments=2, unit_features=stage)
    for given_ in (input_rows(video, settings), input_segments(video, settings)):
        assert given_.tolist() == [[[0.0, 0.0], [0.0, 1.0]]]


def test_the_order_of_mean_and_division_counts() -> None:
    video = np.array([[[30.0, 0.0]], [[0.0, 10.0]]], np.float16)
    segment = {
        stage: input_segments(video, Training(segments=1, unit_features=stage))[0, 0].tolist()
        for stage in ("none", "snippets", "segments")
    }
    assert segment["none"] == [15.0, 5.0]
    assert segment["snippets"] == [0.5, 0.5]
    assert segment["segments"] == pytest.approx([3 / math.sqrt(10), 1 / math.sqrt(10)])
