"""Labels that methods make of training videos: segments, smoothing, stretching, the weighted cross-entropy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.datasets.segments import segment_mean
from methods.parts.pseudo_labels import (
    BagShape,
    VideoTable,
    box_filter,
    masked_mean,
    own_segments,
    segment_means,
    stretch,
    weighted_cross_entropy,
)
from tests.unit.methods import plain, staged_videos


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 40))
def test_segments_are_those_that_the_engine_makes_of_a_video(rows, count):
    array = np.random.default_rng(rows).random((rows, 3)).astype(np.float32)
    ours = segment_means(torch.from_numpy(array), count)
    np.testing.assert_allclose(ours.numpy(), segment_mean(array, count), rtol=0, atol=1e-6)
    labels = segment_means(torch.from_numpy(array[:, 0]), count)
    assert torch.allclose(labels, ours[:, 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("reach", [0, 1, 2, 5])
@pytest.mark.parametrize("length", [1, 2, 3, 8, 31])
def test_the_box_filter_repeats_the_outermost_values(length, reach):
    values = np.random.default_rng(length).random(length)
    expected = [
        plain.mean(values[min(max(t + d, 0), length - 1)] for d in range(-reach, reach + 1)) for t in range(length)
    ]
    np.testing.assert_allclose(box_filter(torch.from_numpy(values), reach).numpy(), expected, rtol=0, atol=1e-12)


def test_twice_a_box_of_five_is_a_triangle_of_nine_inside():
    values = torch.zeros(21, dtype=torch.float64)
    values[10] = 25
    assert box_filter(box_filter(values, 2), 2)[5:16].tolist() == pytest.approx([0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_stretched_values_keep_their_order_and_reach_both_ends_or_stay_if_they_are_all_the_same(values):
    found = stretch(torch.tensor(values, dtype=torch.float64))
    if max(values) - min(values) > 1e-6:
        assert (found.min(), found.max()) == (0, 1)
        assert all(found[i] <= found[j] for i, v in enumerate(values) for j, w in enumerate(values) if v <= w)
    else:
        assert found.tolist() == values


def test_rounding_is_not_stretched_into_labels():
    smoothed = box_filter(box_filter(torch.full((40,), 0.3), 2), 2)
    assert torch.allclose(stretch(smoothed), torch.tensor(0.3))
    assert stretch(torch.tensor([-2.5])).item() == 0
    assert stretch(torch.tensor([3.0])).item() == 1


def test_the_weighted_cross_entropy():
    logits, labels = torch.tensor([-1.2, 0.3, 2.0], dtype=torch.float64), torch.tensor([0.0, 0.4, 1.0]).double()
    found = weighted_cross_entropy(logits, labels, 1.2, 0.8).tolist()
    for z, y, value in zip(logits.tolist(), labels.tolist(), found, strict=True):
        s = plain.sigmoid(z)
        assert value == pytest.approx(-1.2 * y * math.log(s) - 0.8 * (1 - y) * math.log(1 - s), abs=1e-12)


def test_a_saturated_score_is_charged_what_it_costs():
    errors = weighted_cross_entropy(torch.tensor([60.0, -200.0]), torch.tensor([0.0, 1.0]))
    assert errors.tolist() == pytest.approx([60, 200])


def test_labels_are_found_by_the_videos_names_normal_ones_first():
    batch = staged_videos.batch(videos=2)
    names = ["abnormal1", "normal1", "abnormal0", "other", "normal0"]
    table = VideoTable(names, {"labels": torch.arange(5.0)[:, None]})
    assert table["labels"][table.rows(batch)].flatten().tolist() == [4, 1, 2, 0]


def test_own_segments_and_the_shape_of_bags():
    batch = staged_videos.batch(videos=2, length=5)
    assert own_segments(batch).all()
    assert BagShape.of(batch).own(3) == 5
    filled = staged_videos.filled_up(batch, [3, 5])
    assert own_segments(filled).sum(1).tolist() == [3, 5, 3, 5]
    assert [BagShape.of(filled).own(rows) for rows in (3, 5, 9)] == [3, 5, 5]


def test_the_mean_of_no_chosen_value_is_zero():
    values, chosen = torch.tensor([[1.0, 2.0], [3.0, torch.inf]]), torch.tensor([[True, True], [False, False]])
    assert masked_mean(values, chosen).tolist() == [1.5, 0]
