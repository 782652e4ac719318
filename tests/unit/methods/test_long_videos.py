"""Windows of long videos: the same as the whole, whatever fits at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.parts import long_videos


def neighbours(reach):
    """A network that sees `reach` rows on both sides, the edges repeated beyond the ends of what it is given."""

    def network(x):
        padded = torch.cat([x[:, :1].expand(-1, reach, -1), x, x[:, -1:].expand(-1, reach, -1)], dim=1)
        weights = torch.arange(1.0, 2 * reach + 2, dtype=x.dtype)
        return (padded.unfold(1, 2 * reach + 1, 1) * weights).sum(-1).sin()

    return network


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 4), st.integers(1, 60))
def test_windows_give_what_whole_sequences_give(sequences, length, reach, rows):
    torch.manual_seed(0)
    x, network = torch.rand(sequences, length, 3, dtype=torch.float64), neighbours(reach)
    seen = []

    def watched(part):
        seen.append(part.shape[0] * part.shape[1])
        return network(part)

    found = long_videos.in_windows(watched, x, reach, long_videos.ELEMENTS // rows)
    torch.testing.assert_close(found, network(x), rtol=0, atol=1e-14)
    at_once = long_videos.rows_at_once(long_videos.ELEMENTS // rows)
    assert max(seen) <= at_once + 2 * reach


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 20), st.integers(1, 60))
def test_sequences_go_whole_and_as_many_at_once_as_fit(sequences, length, rows):
    x, seen = torch.rand(sequences, length, 3), []

    def watched(part):
        seen.append(len(part))
        return part.cumsum(1)

    found = long_videos.by_sequences(watched, x, long_videos.ELEMENTS // rows)
    assert torch.equal(found, x.cumsum(1))
    fits = max(1, long_videos.rows_at_once(long_videos.ELEMENTS // rows) // length)
    assert max(seen) == min(fits, sequences)
    assert sum(seen) == sequences


def test_too_small_a_reach_shows_at_the_borders_of_windows():
    x, network = torch.rand(1, 40, 3, dtype=torch.float64), neighbours(2)
    found = long_videos.in_windows(network, x, 1, long_videos.ELEMENTS // 10)
    assert not torch.allclose(found, network(x))


@pytest.mark.parametrize(("width", "rows"), [(1, 2_097_152), (1024, 2048), (10**9, 1)])
def test_rows_at_once_make_one_layer_of_8_mb(width, rows):
    assert long_videos.rows_at_once(width) == rows
