"""Files that grow row by row are those that NumPy would have written."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from benchmark.extraction.one_video import growing


@given(
    st.sampled_from([np.float16, np.float32]).flatmap(
        lambda dtype: array_shapes(min_dims=1, max_dims=3, max_side=12).flatmap(lambda shape: arrays(dtype, shape))
    )
)
def test_the_bytes_are_those_of_save(array: NDArray[np.floating]) -> None:
    with tempfile.TemporaryDirectory() as folder, io.BytesIO() as expected:
        path = Path(folder) / "a.npy"
        with growing(path) as rows:
            for row in array:
                rows.append(np.asarray(row))
        np.save(expected, array)
        assert path.read_bytes() == expected.getvalue()


def test_nothing_is_left_of_an_error(tmp_path: Path) -> None:
    def write() -> None:
        with growing(tmp_path / "a.npy") as rows:
            rows.append(np.zeros(3, np.float32))
            rows.append(np.zeros(3))

    with pytest.raises(ValueError, match="row of float64"):
        write()
    assert list(tmp_path.iterdir()) == []
