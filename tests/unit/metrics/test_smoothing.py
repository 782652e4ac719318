import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.smoothing import moving_mean


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40), st.integers(0, 6))
def test_a_moving_mean_is_that_of_a_plain_loop(scores: list[float], half: int) -> None:
    found = moving_mean(np.array(scores, np.float32), 2 * half + 1)
    assert found.dtype == np.float32
    for place in range(len(scores)):
        window = scores[max(0, place - half) : place + half + 1]
        assert found[place] == pytest.approx(sum(window) / len(window), abs=1e-6)
    assert min(scores) <= found.min() <= found.max() <= max(scores)
    if half == 0:
        assert found.tolist() == scores
