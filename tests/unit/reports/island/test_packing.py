"""What travels in a page: every number comes out as it went in, scores to the nearest of 256 levels."""

import base64
import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.island.packing import bytes_of, levels_of, pack, rounded


def test_what_is_packed_is_unpacked_and_equal_contents_are_equal_texts() -> None:
    content = {"name": "Überfall </script>", "values": [0.25, None, 3]}
    assert json.loads(gzip.decompress(base64.b64decode(pack(content)))) == content
    assert pack(content) == pack(dict(content))
    assert "<" not in pack(content)


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack([float("nan")])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_levels_lie_within_half_a_step_and_keep_the_order(values: list[float]) -> None:
    scores = np.array(values)
    levels = levels_of(scores)
    if np.ptp(scores):
        assert levels[scores.argmin()] == 0
        assert levels[scores.argmax()] == 255
    else:
        assert not levels.any()
    for one, level in zip(values, levels.tolist(), strict=True):
        scaled = (one - scores.min()) / (np.ptp(scores) or 1.0)
        assert abs(255 * scaled - level) <= 0.5 + 1e-9
    assert (np.diff(levels[np.argsort(scores)].astype(int)) >= 0).all()
    assert base64.b64decode(bytes_of(levels)) == bytes(levels.tolist())


def test_numbers_are_rounded_and_what_is_not_finite_is_left_out() -> None:
    assert rounded(np.array([0.123456, np.nan, -0.00001, np.inf])) == [0.1235, None, 0.0, None]
