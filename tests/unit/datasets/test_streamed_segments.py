import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.segments import segment_mean, streamed_segment_mean


@given(st.integers(1, 70), st.integers(1, 40), st.integers(1, 80), st.integers(0, 10))
def test_streamed_segments_are_those_of_the_whole_video(rows: int, T: int, step: int, seed: int) -> None:
    array = np.random.default_rng(seed).normal(size=(rows, 2, 3)).astype(np.float32)
    blocks = (array[start : start + step] for start in range(0, rows, step))
    np.testing.assert_allclose(streamed_segment_mean(blocks, rows, T), segment_mean(array, T), rtol=1e-5, atol=1e-6)


def test_a_video_that_ends_early_is_not_averaged() -> None:
    with pytest.raises(ValueError, match="3 rows in place of 4"):
        streamed_segment_mean([np.zeros((3, 1, 2))], 4, 2)
