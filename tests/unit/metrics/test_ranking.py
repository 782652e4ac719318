"""Ranking: the order itself, whatever the scores, and counts of frames above a row."""

import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.metrics.ranking import SortedFrames, descending

# Neighbours that differ in their last bits, both zeros, both signs, and the ends of the scale.
CLOSE = [0.5, np.nextafter(0.5, 1), np.nextafter(0.5, 0), 0.0, -0.0, 5e-324, -5e-324, -0.5, np.nextafter(-0.5, -1)]
FAR = [1.7e308, -1.7e308]
SCORES = arrays(np.float64, st.integers(0, 40), elements=st.sampled_from(CLOSE + FAR) | st.floats(0, 1, width=32))


@given(SCORES)
def test_order_is_a_permutation_that_descends(scores: np.ndarray) -> None:
    order = descending(scores)
    assert sorted(order.tolist()) == list(range(len(scores)))
    np.testing.assert_array_equal(scores[order], np.sort(scores)[::-1])


def test_scores_that_differ_beyond_the_key_are_sorted_in_full() -> None:
    rng = np.random.default_rng(0)
    scores = 0.5 + rng.permutation(3000) * np.spacing(0.5)
    assert len(np.unique(scores)) == len(scores)
    np.testing.assert_array_equal(scores[descending(scores)], np.sort(scores)[::-1])


def test_views_and_narrow_scores_are_ranked_too() -> None:
    scores = np.random.default_rng(0).random(200).astype(np.float32)[::2]
    np.testing.assert_array_equal(scores[descending(scores)], np.sort(scores)[::-1])


@given(SCORES)
def test_frames_above_are_those_counted_one_by_one(scores: np.ndarray) -> None:
    rng = np.random.default_rng(len(scores))
    positive, negative = rng.integers(0, 17, (2, len(scores)))
    frames = SortedFrames.sort(scores, positive, negative)
    expected = [
        sum(n * (2 if other > own else 1 if other == own else 0) for other, n in zip(scores, negative, strict=True))
        for own in frames.scores
    ]
    assert frames.twice_above(frames.negative).tolist() == expected
    points = frames.points()
    assert (points.positives, points.negatives) == (positive.sum(), negative.sum())
    assert points.twice_lost() == sum(p * e for p, e in zip(frames.positive, expected, strict=True))


FAULTS = """
import resource
import numpy as np
from benchmark.metrics.ranking import SortedFrames
scores, frames = np.random.default_rng(0).random(72_000), np.full(72_000, 8)
faults = []
for _ in range(12):
    points = SortedFrames.sort(scores, frames, frames).points()
    points.roc_auc(), points.average_precision()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(faults[-1] - faults[1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the allocator of glibc")
def test_a_fresh_process_maps_the_memory_of_a_metric_once() -> None:
    """Without care, each of the ten calls would map some hundred pages anew, in half of its time."""
    said = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(said.stdout) < 100
