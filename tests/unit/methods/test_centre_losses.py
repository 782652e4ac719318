"""Losses about a centre, of features or of scores, against plain float64 loops."""

import numpy as np
import pytest
import torch

from methods.parts import losses
from tests.unit.methods import plain

B, C, T, K, D = 3, 2, 7, 2, 4


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def plain_compactness(features, centre):
    return plain.mean(0.5 * plain.norm(row - centre) ** 2 for row in features.reshape(-1, len(centre)))


def test_compactness_is_half_the_mean_squared_distance(rng):
    features, centre = rng.standard_normal((B, C, T, D)), rng.standard_normal(D)
    value = losses.compactness(torch.tensor(features), torch.tensor(centre)).item()
    assert value == pytest.approx(plain_compactness(features, centre))


@pytest.mark.parametrize("margin", [0.1, 3.0, 50.0])
def test_dispersion_pushes_the_top_and_pulls_the_bottom(rng, margin):
    top, bottom = rng.standard_normal((2, B, C, K, D))
    centre = rng.standard_normal(D)
    push = plain.mean(max(0, margin - plain.norm(row - centre)) for row in top.reshape(-1, D))
    value = losses.dispersion(*(torch.tensor(x) for x in (top, bottom, centre)), margin).item()
    assert value == pytest.approx(push + plain_compactness(bottom, centre))


@pytest.mark.parametrize("offset", [0.0, 1e-30, 1e-9, 0.5])
def test_gradient_of_dispersion_is_at_most_one_however_near_the_centre(offset):
    centre = torch.ones(D, requires_grad=True)
    top = (torch.ones(1, D) + offset * torch.eye(D)[:1]).requires_grad_()
    losses.dispersion(top, torch.ones(1, D), centre, 1.0).backward()
    for gradient in (top.grad, centre.grad):
        assert torch.isfinite(gradient).all()
        assert torch.linalg.vector_norm(gradient) <= 1 + 1e-6


def test_dispersion_leaves_features_beyond_the_margin_alone():
    top = torch.tensor([[3.0, 0.0], [0.5, 0.0]], requires_grad=True)
    losses.dispersion(top, torch.zeros(1, 2), torch.zeros(2), 1.0).backward()
    # Gradient descent lengthens the second; the first is far enough.
    assert top.grad.tolist() == [[0.0, 0.0], [-0.5, 0.0]]


@pytest.mark.parametrize("unbiased", [True, False])
def test_score_variance(rng, unbiased):
    scores = rng.random((B, T))
    expected = [sum((s - plain.mean(row)) ** 2 for s in row.tolist()) / (T - 1 if unbiased else T) for row in scores]
    assert losses.score_variance(torch.tensor(scores), unbiased).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("unbiased", [True, False])
def test_a_single_score_has_no_variance_and_no_gradient(unbiased):
    score = torch.tensor([[0.3]], requires_grad=True)
    value = losses.score_variance(score, unbiased)
    value.sum().backward()
    assert value.tolist() == [0.0]
    assert score.grad.tolist() == [[0.0]]
