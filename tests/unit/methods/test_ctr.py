"""CTR (reconstructed): features, loss terms and the moving centre against plain loops, parameters by hand."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from benchmark.api import FeatureSpec
from methods.ctr import CTR
from tests.unit.methods import bags, plain

SMALL = {"hidden": 7, "attention": 3, "window": 4, "kernel": 3}


def plain_norm(rows, weights):
    out = np.zeros_like(rows)
    for t, row in enumerate(rows):
        deviation = math.sqrt(plain.mean((a - plain.mean(row)) ** 2 for a in row) + 1e-5)
        for d, a in enumerate(row):
            out[t, d] = (a - plain.mean(row)) / deviation * weights["norm.weight"][d] + weights["norm.bias"][d]
    return out


def plain_forward(method, videos):
    """Features (videos, crops, T, hidden) and scores per video, one crop at a time."""
    weights, features, scores = plain.arrays(method), [], []
    for video in videos:
        crops = []
        for rows in video.numpy():
            projected = plain.relu(plain.linear(rows, weights, "project"))
            related = method.relation(torch.tensor(projected)).detach().numpy()
            crops.append(plain.relu(plain_norm(projected + related, weights)))
        logits = [method.classifier(torch.tensor(rows)).detach()[:, 0].tolist() for rows in crops]
        scores.append([plain.mean(plain.sigmoid(z) for z in values) for values in zip(*logits, strict=True)])
        features.append(crops)
    return np.array(features), scores


def unit(x):
    length = plain.norm(x)
    return x / length if length > 1e-8 else 0 * x


def plain_mean(features):
    """Mean vector of (videos, crops, T, D)."""
    rows = features.reshape(-1, features.shape[-1])
    return np.array([plain.mean(rows[:, d].tolist()) for d in range(rows.shape[1])])


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("centre", ["ema", "learned"])
@pytest.mark.parametrize(
    ("length", "top_divisor", "k"), [(1, 16, 1), (7, 16, 1), (16, 16, 2), (33, 16, 3), (10, 4, 3), (3, 1, 3)]
)
def test_loss_terms(length, top_divisor, k, centre, normalise):
    margin = 1.0 if normalise else 4.0
    method = bags.build(
        CTR,
        **SMALL,
        centre=centre,
        normalise=normalise,
        margin=margin,
        compactness_weight=0.3,
        dispersion_weight=0.7,
        top_divisor=top_divisor,
    )
    batch = bags.batch(length=length)
    (normal, normal_scores), (abnormal, abnormal_scores) = (
        plain_forward(method, half.features) for half in (batch.normal, batch.abnormal)
    )
    if normalise:
        normal, abnormal = (np.apply_along_axis(unit, -1, x) for x in (normal, abnormal))
    point = plain_mean(normal) if centre == "ema" else method.centre.detach().numpy()
    point = unit(point) if normalise else point
    push, pull = [], []
    for v, scores in enumerate(abnormal_scores):
        for c in range(2):
            push += [max(0, margin - plain.norm(abnormal[v, c, t] - point)) for t in plain.top(scores, k)]
            pull += [plain.norm(abnormal[v, c, t] - point) ** 2 / 2 for t in plain.top([-s for s in scores], k)]
    expected = {
        "mil": plain.mean(
            plain.cross_entropy(plain.mean(scores[t] for t in plain.top(scores, k)), label)
            for label, half in enumerate((normal_scores, abnormal_scores))
            for scores in half
        ),
        "compact": 0.3 * plain.mean(plain.norm(row - point) ** 2 / 2 for row in normal.reshape(-1, 7)),
        "disperse": 0.7 * (plain.mean(push) + plain.mean(pull)),
    }
    assert sum(push) > 0
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected)


def test_scores_and_embedding_are_means_over_crops():
    method, features = bags.build(CTR, **SMALL), bags.batch().normal.features
    embedded, scores = plain_forward(method, features)
    np.testing.assert_allclose(method.embed(features).detach().numpy(), embedded.mean(1), atol=1e-9)
    np.testing.assert_allclose(method.score(features).detach().numpy(), scores, atol=1e-9)


@pytest.mark.parametrize("position_prior", [True, False])
def test_settings_reach_the_layers(position_prior):
    method = bags.build(CTR, **SMALL, position_prior=position_prior)
    assert method.relation.position_prior == position_prior
    assert method.relation.window == 4
    assert method.relation.query.weight.shape == (3, 7)
    assert method.classifier.weight.shape == (1, 7, 3)


def test_scores_know_the_past_and_not_the_future():
    method, features = bags.build(CTR, **SMALL), bags.batch(length=20).normal.features
    changed = features.clone()
    changed[:, :, 8] += 1
    moved = (method.score(changed) - method.score(features)).abs().amax(0) > 1e-12
    # A window of 4 and a kernel of 3 hand a snippet on to the five after it.
    assert moved.nonzero()[:, 0].tolist() == [8, 9, 10, 11, 12, 13]


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("momentum", [0.9, 0.0, 0.5])
def test_the_centre_is_the_moving_average_of_normal_features(momentum, normalise):
    method = bags.build(CTR, **SMALL, momentum=momentum, normalise=normalise)
    centre = None
    for seed in range(3):
        batch = bags.batch(seed=seed)
        features = plain_forward(method, batch.normal.features)[0]
        mean = plain_mean(np.apply_along_axis(unit, -1, features) if normalise else features)
        centre = mean if centre is None else momentum * centre + (1 - momentum) * mean
        method.training_step(batch)
        np.testing.assert_allclose(method.centre.numpy(), centre, rtol=1e-9)


def test_the_moving_centre_passes_no_gradient_and_is_no_parameter():
    method = bags.build(CTR, **SMALL)
    terms = method.training_step(bags.batch())
    terms["loss"].backward()
    assert not method.centre.requires_grad
    assert "centre" not in dict(method.named_parameters())


def test_the_learned_centre_learns():
    method = bags.build(CTR, **SMALL, centre="learned")
    assert method.centre.any()
    assert "centre_is_set" not in method.state_dict()
    method.training_step(bags.batch())["loss"].backward()
    assert method.centre.grad.any()


@pytest.mark.parametrize("centre", ["ema", "learned"])
def test_scoring_leaves_the_centre_alone(centre):
    method, batch = bags.build(CTR, **SMALL, centre=centre), bags.batch()
    method.training_step(batch)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    for mode in (True, False):
        method.train(mode).score(batch.abnormal.features)
        method.embed(batch.abnormal.features)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


@pytest.mark.parametrize("centre", ["ema", "learned"])
def test_a_loaded_method_goes_on_where_the_saved_one_was(centre, tmp_path):
    saved, fresh = (bags.build(CTR, **SMALL, centre=centre, seed=seed) for seed in (1, 2))
    saved.training_step(bags.batch())
    save_file(saved.state_dict(), tmp_path / "weights.safetensors")
    fresh.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    again = [method.training_step(bags.batch(seed=3)) for method in (saved, fresh)]
    assert torch.equal(again[0]["loss"], again[1]["loss"])
    assert torch.equal(saved.centre, fresh.centre)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("centre", ["ema", "learned"])
def test_batches_of_blank_videos_leave_centre_and_gradients_finite(centre, normalise):
    torch.manual_seed(0)
    method, batch = CTR(CTR.Config(centre=centre, normalise=normalise), FeatureSpec(6, {})).double(), bags.batch()
    for half in (batch.normal, batch.abnormal):
        half.features.zero_()
    method.training_step(batch)["loss"].backward()
    assert torch.isfinite(method.centre).all()
    assert all(p.grad is None or p.grad.abs().max() < 1e6 for p in method.parameters())


def test_what_cannot_be_is_refused_in_one_sentence():
    with pytest.raises(ValidationError, match="unit vectors are at most 2 apart, so normalise needs margin <= 2"):
        CTR.Config(margin=2.5)
    with pytest.raises(ValidationError, match=r"momentum 0\.5 means nothing without centre ema: leave it at 0\.9"):
        CTR.Config(centre="learned", momentum=0.5)
    assert CTR.Config(margin=2.5, normalise=False).margin == 2.5
    for switch in ({"centre": "learned"}, {"normalise": False}):
        with pytest.raises(ValidationError, match="without compactness_weight or dispersion_weight above 0"):
            CTR.Config(compactness_weight=0, dispersion_weight=0, **switch)


@pytest.mark.parametrize("centre", ["ema", "learned"])
def test_parameters_at_the_published_width(centre):
    method = CTR(CTR.Config(centre=centre), FeatureSpec(2048, {}))
    first = 2048 * 512 + 512
    attention = 3 * (512 * 128) + (128 * 512 + 512)
    layer_norm, classifier = 2 * 512, 512 * 7 + 1
    point = 512 if centre == "learned" else 0
    assert bags.parameters(method) == first + attention + layer_norm + classifier + point == 1_316_353 + point
    # Xavier-uniform, zero bias.
    assert method.project.weight.abs().max().item() == pytest.approx((6 / (2048 + 512)) ** 0.5, rel=0.01)
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))
