"""Windows of videos that a network should not see as a whole: against a plain loop over them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.parts import long_videos
from methods.parts.windows import by_windows, mean_over_crops_in_windows


def network(x):
    """What it gives for a row depends on all rows of the sequence, and on their order."""
    return torch.stack([x.cumsum(1).sum(-1), (x - x.mean(1, keepdim=True)).square().sum(-1)], dim=-1)


def plain_windows(rows, window):
    """Each row's mean over the windows that it is in."""
    starts = list(range(0, len(rows) - window + 1, window))
    if starts[-1] + window < len(rows):
        starts.append(len(rows) - window)
    found = [[] for _ in rows]
    for start in starts:
        for at, given_ in enumerate(network(rows[None, start : start + window])[0].numpy()):
            found[start + at].append(given_)
    return np.array([np.mean(values, axis=0) for values in found])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 25), st.integers(1, 27))
def test_windows_are_those_of_a_plain_loop(sequences, length, window):
    x = torch.from_numpy(np.random.default_rng(length).uniform(-1, 1, (sequences, length, 3)))
    made = by_windows(network, x, window)
    for rows, found in zip(x, made, strict=True):
        np.testing.assert_allclose(found, plain_windows(rows, min(window, length)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("window", [None, 7, 8])
def test_what_is_no_longer_than_a_window_is_seen_as_it_is(window):
    x, seen = torch.rand(2, 7, 3), []
    by_windows(lambda part: seen.append(part) or network(part), x, window)
    assert len(seen) == 1
    assert torch.equal(seen[0], x)


def test_the_mean_over_crops_is_of_a_few_windows_at_a_time(monkeypatch):
    monkeypatch.setattr(long_videos, "ELEMENTS", 100)
    features, seen = torch.rand(2, 3, 11, 4, dtype=torch.float64), []

    def watched(part):
        seen.append(tuple(part.shape[:2]))
        return network(part)

    found = mean_over_crops_in_windows(watched, features, window=5, width=10)
    assert set(seen) == {(2, 5)}
    for video, scores in zip(features, found, strict=True):
        expected = np.mean([plain_windows(rows, 5) for rows in video], axis=0)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
