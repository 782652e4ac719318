"""Every loss against plain float64 loops on random input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.parts import losses
from tests.unit.methods import plain

B, C, T, K, D = 3, 2, 7, 3, 5


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_hinge_paired_compares_video_i_with_video_i(rng):
    normal, abnormal = rng.random(B), rng.random(B)
    expected = plain.mean(max(0, 1 - abnormal[i] + normal[i]) for i in range(B))
    assert losses.hinge_paired(torch.tensor(normal), torch.tensor(abnormal)).item() == pytest.approx(expected)


def test_hinge_all_pairs_sums_over_abnormal_and_averages_over_normal(rng):
    normal, abnormal = 3 * rng.random(B), 3 * rng.random(B)
    expected = sum(max(0, 1 - a + n) for a in abnormal for n in normal) / B
    value = losses.hinge_all_pairs(torch.tensor(normal), torch.tensor(abnormal)).item()
    assert value == pytest.approx(expected)


def test_smoothness_per_video_and_across_videos(rng):
    scores = rng.random((B, T))
    per_video = losses.smoothness(torch.tensor(scores))
    assert per_video.tolist() == pytest.approx([plain.smoothness(row) for row in scores])
    flat = losses.flat_smoothness(torch.tensor(scores)).item()
    assert flat == pytest.approx(plain.smoothness(scores.ravel()))
    assert flat > per_video.sum().item()


@pytest.mark.parametrize("mean_first", [False, True])
def test_bag_cross_entropy(rng, mean_first):
    logits = 3 * rng.standard_normal((2 * B, K))
    total = []
    for v, row in enumerate(logits):
        scores = [plain.sigmoid(z) for z in row]
        scores = [plain.mean(scores)] if mean_first else scores
        total += [plain.cross_entropy(s, v >= B) for s in scores]
    value = losses.bag_cross_entropy(torch.tensor(logits), mean_first).item()
    assert value == pytest.approx(plain.mean(total))


def test_bag_cross_entropy_of_a_saturated_score_keeps_its_gradient():
    logits = torch.tensor([[60.0], [60.0]], requires_grad=True)
    losses.bag_cross_entropy(logits, mean_first=True).backward()
    assert logits.grad[0, 0] == pytest.approx(0.5)


@given(st.lists(st.lists(st.floats(-8, 8), min_size=3, max_size=3), min_size=2, max_size=2))
def test_cross_entropy_of_the_mean_never_exceeds_that_of_each(rows):
    logits = torch.tensor(rows, dtype=torch.float64)
    of_mean, of_each = (losses.bag_cross_entropy(logits, mean_first).item() for mean_first in (True, False))
    assert of_mean <= of_each + 1e-9


def test_magnitude_squared_takes_the_norm_of_the_mean(rng):
    normal, abnormal = rng.standard_normal((2, C, B, K, D))
    expected = plain.mean(
        (abs(4 - plain.norm(abnormal[c, b].mean(0))) + plain.norm(normal[c, b].mean(0))) ** 2
        for c in range(C)
        for b in range(B)
    )
    value = losses.magnitude_squared(torch.tensor(normal), torch.tensor(abnormal), 4.0).item()
    assert value == pytest.approx(expected)


def test_magnitude_hinge_takes_the_mean_of_the_norms(rng):
    normal, abnormal = rng.standard_normal((2, C, B, K, D))
    sizes = [
        [plain.mean(plain.norm(row) for row in x[c, b]) for c in range(C) for b in range(B)] for x in (normal, abnormal)
    ]
    for margin in (0.1, 4.0):
        expected = plain.mean(max(0, margin - a + n) for n, a in zip(*sizes, strict=True))
        value = losses.magnitude_hinge(torch.tensor(normal), torch.tensor(abnormal), margin).item()
        assert value == pytest.approx(expected)


@pytest.mark.parametrize("diagonal", [True, False])
def test_cohesion_is_the_mean_cosine(rng, diagonal):
    features = rng.standard_normal((B, T, D))
    expected = [plain.cohesion(rows, diagonal) for rows in features]
    assert losses.cohesion(torch.tensor(features), diagonal).tolist() == pytest.approx(expected)


def test_cohesion_of_one_segment_is_one(rng):
    one = torch.tensor(rng.standard_normal((1, D)))
    assert losses.cohesion(one, diagonal=True).item() == pytest.approx(1)
    assert losses.cohesion(one, diagonal=False).item() == 1


@given(st.integers(0, 10_000))
def test_cohesion_lies_between_zero_and_one_and_ignores_lengths(seed):
    features = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    value = losses.cohesion(features)
    assert -1e-12 <= value <= 1 + 1e-12
    scaled = features * torch.tensor([[0.1], [2.0], [30.0], [5.0]], dtype=torch.float64)
    assert losses.cohesion(scaled) == pytest.approx(value)


def test_a_zero_vector_has_cosine_zero_and_no_gradient():
    zero, other = torch.zeros(D, requires_grad=True), torch.ones(D, requires_grad=True)
    value = losses.cosine(zero, other)
    value.backward()
    assert value == 0
    assert zero.grad.tolist() == [0] * D
    assert torch.isfinite(other.grad).all()


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("pairs", ["paired", "all-pairs"])
@pytest.mark.parametrize("scope", ["video", "batch"])
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.5])
def test_relative_distance(rng, pairs, scope, diagonal, margin):
    normal = rng.standard_normal((B, C, T, D)) + 1
    normal_top, abnormal_top = rng.standard_normal((2, B, C, K, D)) + 0.3
    expected = []
    for c in range(C):
        all_rows = [normal[b, c, t] for b in range(B) for t in range(T)]
        for n in range(B):
            within = plain.cohesion(all_rows if scope == "batch" else normal[n, c], diagonal)
            for a in range(B) if pairs == "all-pairs" else [n]:
                between = plain.cosine(normal_top[n, c].mean(0), abnormal_top[a, c].mean(0))
                expected.append(plain.distance(within, between, margin))
    value = losses.relative_distance(
        *(torch.tensor(x) for x in (normal, normal_top, abnormal_top)), margin, pairs, scope, diagonal
    )
    assert value.item() == pytest.approx(plain.mean(expected))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("detach", [True, False])
def test_reconstruction_error(rng, reduction, detach):
    rebuilt, target = rng.standard_normal((2, B, C, K, D))
    per_row = [
        sum(abs(rebuilt[b, c, k, d] - target[b, c, k, d]) for d in range(D))
        for b in range(B)
        for c in range(C)
        for k in range(K)
    ]
    expected = plain.mean(per_row) / (D if reduction == "mean" else 1)
    wanted = torch.tensor(target, requires_grad=True)
    made = torch.tensor(rebuilt, requires_grad=True)
    value = losses.reconstruction_error(made, wanted, reduction, detach)
    value.backward()
    assert value.item() == pytest.approx(expected)
    assert made.grad is not None
    assert (wanted.grad is None) == detach


def test_add_total_sums_the_terms_as_given():
    terms = {"a": torch.tensor(1.5), "b": torch.tensor(2.0)}
    assert losses.add_total(terms) == {"loss": torch.tensor(3.5), **terms}
