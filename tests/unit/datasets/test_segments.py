import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.segments import segment_edges, segment_mean


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
@pytest.mark.parametrize(("rows", "T"), [(1, 1), (1, 32), (5, 7), (32, 32), (33, 32), (100, 7), (300, 16), (32, 10)])
def test_segments_equal_a_plain_loop(rows: int, T: int, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(rows * T).normal(size=(rows, *shape)).astype(np.float16)
    expected = []
    for i in range(T):
        first, last = int(i * rows / T), int((i + 1) * rows / T)
        chosen = array[first:last] if last > first else array[first : first + 1]
        expected.append(sum(row.astype(np.float64) for row in chosen) / len(chosen))
    found = segment_mean(array, T)
    assert found.dtype == np.float32
    assert found.shape == (T, *shape)
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-5, atol=1e-6)


@given(rows=st.integers(1, 5000), T=st.integers(1, 300))
def test_edges_cover_every_row_once_and_in_order(rows: int, T: int) -> None:
    edges = segment_edges(rows, T)
    assert edges[0] == 0
    assert edges[-1] == rows
    assert (np.diff(edges) >= 0).all()
    assert np.ptp(np.diff(edges)) <= 1


@given(rows=st.integers(1, 60), T=st.integers(1, 40))
def test_a_mean_lies_within_the_rows_and_a_constant_stays(rows: int, T: int) -> None:
    np.testing.assert_array_equal(segment_mean(np.full((rows, 2), 3.0), T), np.full((T, 2), 3.0))
    ramp = segment_mean(np.arange(rows), T)
    assert (np.diff(ramp) >= 0).all()
    assert ramp[0] >= 0
    assert ramp[-1] <= rows - 1
