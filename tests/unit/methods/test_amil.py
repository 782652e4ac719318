"""AMIL: scores and loss against plain loops, the authors' weights, and what attention pooling leaves alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.amil import AMIL, pool
from tests.unit.methods import bags, plain

SCORINGS = ["instance", "attention", "product"]


def build(**config):
    """A small float64 method without dropout, whose attention is far from uniform."""
    method = bags.build(AMIL, **{"width": 9, "attention_width": 5, **config})
    for layer in (method.attention.inner, method.attention.outer, method.classifier):
        layer.weight.data.mul_(4)
    return method


def plain_crop(rows, weights):
    """Hidden layer, attention weights and the probability of one bag (T, D), with the weighted mean written out."""
    hidden = plain.relu(plain.linear(rows, weights, "hidden"))
    inner = np.tanh(plain.linear(hidden, weights, "attention.inner"))
    if "attention.gate.weight" in weights:
        inner = inner * np.vectorize(plain.sigmoid)(plain.linear(hidden, weights, "attention.gate"))
    exponentials = [math.exp(z) for z in plain.linear(inner, weights, "attention.outer")[:, 0]]
    attention = [e / sum(exponentials) for e in exponentials]
    pooled = sum(a * h for a, h in zip(attention, hidden, strict=True))
    return hidden, attention, plain.sigmoid(plain.linear([pooled], weights, "classifier")[0, 0])


def plain_scores(method, videos, scoring):
    """Scores of (videos, crops, T, D), each the mean over crops."""
    weights, scores = plain.arrays(method), []
    for video in videos.numpy():
        crops = []
        for rows in video:
            hidden, attention, p = plain_crop(rows, weights)
            each = [plain.sigmoid(z) for z in plain.linear(hidden, weights, "classifier")[:, 0]]
            crops.append(
                {
                    "instance": each,
                    "attention": [p * a / max(attention) for a in attention],
                    "product": [p * s for s in each],
                }[scoring]
            )
        scores.append([plain.mean(values) for values in zip(*crops, strict=True)])
    return np.array(scores)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (3, 2, 7), (2, 5, 16)])
def test_loss_is_the_cross_entropy_of_the_mean_probability_over_crops(videos, crops, length, gated):
    method, batch = build(gated=gated), bags.batch(videos, crops, length)
    weights, losses = plain.arrays(method), []
    for label, half in enumerate((batch.normal, batch.abnormal)):
        for video in half.features.numpy():
            p = plain.mean(plain_crop(rows, weights)[2] for rows in video)
            p = min(max(p, 1e-5), 1 - 1e-5)
            losses.append(-(label * math.log(p) + (1 - label) * math.log(1 - p)))
    terms = method.training_step(batch)
    assert list(terms) == ["loss", "mil"]
    for term in terms.values():
        assert term.item() == pytest.approx(plain.mean(losses), abs=1e-12)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize(("crops", "length"), [(1, 1), (3, 7), (2, 33)])
def test_scores(crops, length, scoring, gated):
    method, features = build(scoring=scoring, gated=gated), bags.batch(2, crops, length).abnormal.features
    expected = plain_scores(method, features, scoring)
    np.testing.assert_allclose(method.score(features).detach().numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [60.0, -60.0])
def test_a_hopeless_video_costs_no_more_than_the_codes_clamp_and_teaches_nothing(bias):
    method, batch = build(), bags.batch()
    method.classifier.bias.data.fill_(bias)
    loss = method.training_step(batch)["loss"]
    loss.backward()
    assert loss.item() == pytest.approx((-math.log(1e-5) - math.log(1 - 1e-5)) / 2, abs=1e-9)
    assert not any(p.grad.any() for p in method.parameters())


def test_the_clamp_is_of_the_mean_over_crops():
    method, batch = build(), bags.batch(1, 2, 1)
    for half, other in ((batch.normal, -200), (batch.abnormal, 200)):
        half.features[:, 0], half.features[:, 1] = 0.3, other
    weights = plain.arrays(method)
    sure = [
        plain_crop(rows, weights)[2] for half in (batch.normal, batch.abnormal) for rows in half.features[0].numpy()
    ]
    assert max(sure) > 1 - 1e-12 or min(sure) < 1e-12
    normal, abnormal = plain.mean(sure[:2]), plain.mean(sure[2:])
    expected = (-math.log(1 - normal) - math.log(abnormal)) / 2
    assert method.training_step(batch)["loss"].item() == pytest.approx(expected, abs=1e-9)


def of_one_crop(method, features):
    """The logit of a video of one crop (T, D)."""
    instances, attention, _ = method(features[None, None])
    return pool(instances, attention).item()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(2, 4), st.booleans(), st.integers(0, 999))
def test_a_video_scores_as_before_when_its_segments_are_repeated_or_come_in_another_order(length, times, gated, seed):
    method = build(gated=gated)
    features = bags.batch(1, 1, length, seed=seed).normal.features[0, 0]
    usual = of_one_crop(method, features)
    assert of_one_crop(method, features.repeat_interleave(times, 0)) == pytest.approx(usual, abs=1e-12)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    assert of_one_crop(method, features[order]) == pytest.approx(usual, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.booleans(), st.integers(0, 999))
def test_the_logit_of_a_video_lies_between_those_of_its_segments(length, gated, seed):
    method = build(gated=gated)
    features = bags.batch(1, 1, length, seed=seed).normal.features
    instances = method(features)[0]
    assert instances.min() - 1e-12 <= of_one_crop(method, features[0, 0]) <= instances.max() + 1e-12


@pytest.mark.parametrize("gated", [False, True])
def test_a_video_of_one_segment_scores_as_the_segment(gated):
    method, features = build(gated=gated), bags.batch(1, 1, 1).normal.features
    p = plain_crop(features[0, 0].numpy(), plain.arrays(method))[2]
    assert method.score(features).item() == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize("length", [1, 4, 400])
def test_the_highest_score_by_attention_is_the_videos_at_any_length(length):
    method, features = build(scoring="attention"), bags.batch(1, 1, length).normal.features
    p = 1 / (1 + math.exp(-of_one_crop(method, features[0, 0])))
    assert method.score(features).max().item() == pytest.approx(p, abs=1e-12)


def test_what_the_classifier_says_of_a_snippet_depends_on_no_other():
    method, features = build(), bags.batch(1, 2, 9).normal.features
    scores = method.score(features)
    features[:, :, 4:] *= -1
    assert torch.equal(method.score(features)[:, :4], scores[:, :4])


@pytest.mark.parametrize("scoring", SCORINGS)
def test_scores_of_a_long_video(scoring):
    method = build(scoring=scoring, gated=True)
    features = bags.batch(1, 1, 5000).normal.features
    w = plain.arrays(method)
    hidden = np.maximum(features[0, 0].numpy() @ w["hidden.weight"].T + w["hidden.bias"], 0)
    gates = 1 / (1 + np.exp(-(hidden @ w["attention.gate.weight"].T + w["attention.gate.bias"])))
    inner = np.tanh(hidden @ w["attention.inner.weight"].T + w["attention.inner.bias"]) * gates
    weights = np.exp(inner @ w["attention.outer.weight"][0])
    weights /= weights.sum()

    def classify(x):
        return 1 / (1 + np.exp(-(x @ w["classifier.weight"][0] + w["classifier.bias"][0])))

    p, each = classify(weights @ hidden), classify(hidden)
    expected = {"instance": each, "attention": p * weights / weights.max(), "product": p * each}[scoring]
    np.testing.assert_allclose(method.score(features)[0].detach().numpy(), expected, rtol=0, atol=1e-12)


def test_very_large_attention_gives_finite_scores():
    method, features = build(scoring="attention").float(), bags.batch().normal.features.float()
    method.attention.outer.weight.data.mul_(1e4)
    scores = method.score(features)
    assert torch.isfinite(scores).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


OFFICIAL = {"attention": 500, "inner": 128}


def official_weights(dim, gated, last="attention_weights", seed=0):
    """Random weights under the official names and at the official widths, with the convolutions on images."""
    random, state = np.random.default_rng(seed), {}

    def layer(name, *shape):
        state[f"{name}.weight"] = torch.from_numpy(random.standard_normal(shape) / np.sqrt(np.prod(shape[1:])))
        state[f"{name}.bias"] = torch.from_numpy(random.uniform(-0.3, 0.3, shape[0]))

    width, inner = OFFICIAL.values()
    layer("feature_extractor_part1.0", 20, 1, 5, 5)
    layer("feature_extractor_part1.3", 50, 20, 5, 5)
    layer("feature_extractor_part2.0", width, dim)
    if gated:
        layer("attention_V.0", inner, width)
        layer("attention_U.0", inner, width)
        layer(last, 1, inner)
    else:
        layer("attention.0", inner, width)
        layer("attention.2", 1, inner)
    layer("classifier.0", 1, width)
    return state


def official_scores(state, rows, scoring, last):
    """Scores of one crop (T, D) by the official network, bias of the attention's logits included."""
    w = {name: value.numpy() for name, value in state.items()}

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    hidden = np.maximum(dense(rows, "feature_extractor_part2.0"), 0)
    if "attention_U.0.weight" in w:
        logits = dense(np.tanh(dense(hidden, "attention_V.0")) * sigmoid(dense(hidden, "attention_U.0")), last)
    else:
        logits = dense(np.tanh(dense(hidden, "attention.0")), "attention.2")
    weights = np.exp(logits[:, 0]) / np.exp(logits[:, 0]).sum()
    p = sigmoid(dense(weights @ hidden, "classifier.0"))
    each = sigmoid(dense(hidden, "classifier.0"))[:, 0]
    return {"instance": each, "attention": p * weights / weights.max(), "product": p * each}[scoring]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize(
    ("gated", "last", "prefix"),
    [(False, "", ""), (True, "attention_weights", "module."), (True, "attention_w", "")],
)
def test_scores_with_the_authors_weights(gated, last, prefix, scoring, dtype, tolerance):
    state = official_weights(800, gated, last)
    config = AMIL.Config(gated=gated, scoring=scoring, width=500)
    method = AMIL(config, FeatureSpec(800, {})).to(dtype).eval()
    method.load_state_dict(AMIL.adopt_weights({prefix + name: value for name, value in state.items()}))
    for length in (1, 5, 32):
        features = np.random.default_rng(length).uniform(-2, 2, (2, length, 800))
        scores = method.score(torch.tensor(features, dtype=dtype)[None])[0].detach().numpy()
        expected = np.mean([official_scores(state, rows, scoring, last) for rows in features], axis=0)
        # Saturated scores would agree whatever the weights.
        assert (np.abs(expected - 0.5) < 0.499).all()
        np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)


def test_own_names_pass_and_unknown_ones_are_named():
    method = build(gated=True)
    own = method.state_dict()
    adopted = AMIL.adopt_weights({f"module.{name}": value for name, value in own.items()})
    assert list(adopted) == list(own)
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"attention\.4\.weight"'):
        method.load_state_dict(AMIL.adopt_weights(own | {"attention.4.weight": torch.zeros(1)}))
    del own["attention.inner.bias"]
    with pytest.raises(RuntimeError, match=r'Missing key.*"attention\.inner\.bias"'):
        method.load_state_dict(AMIL.adopt_weights(own))


def test_parameters_are_the_codes_but_for_the_bias_that_cancels():
    of_attention = 500 * 128 + 128
    for gated in (False, True):
        method = AMIL(AMIL.Config(gated=gated, width=500), FeatureSpec(1024, {}))
        theirs = (1024 * 500 + 500) + (1 + gated) * of_attention + (128 + 1) + (500 + 1)
        assert bags.parameters(method) == theirs - 1


def test_layers_start_as_pytorch_makes_them():
    torch.manual_seed(0)
    method = AMIL(AMIL.Config(gated=True), FeatureSpec(256, {}))
    layers = [layer for layer in method.modules() if isinstance(layer, torch.nn.Linear)]
    assert len(layers) == 5
    for layer in layers:
        bound = layer.in_features**-0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.1)
        assert layer.weight.abs().max() <= bound
        assert layer.bias is None or 0 < layer.bias.abs().max() <= bound


def test_embedding_is_the_first_layer():
    method, features = build(), bags.batch().normal.features
    torch.testing.assert_close(method.embed(features), method.hidden(features).relu().mean(1))


def test_attention_and_classifier_see_the_same_dropped_units_and_none_are_dropped_in_evaluation():
    method = AMIL(AMIL.Config(dropout=0.5), FeatureSpec(32, {})).double()
    features = torch.rand(2, 1, 40, 32, dtype=torch.float64)
    instances, attention, hidden = method.train()(features)
    torch.testing.assert_close(instances, method.classifier(hidden)[..., 0])
    torch.testing.assert_close(attention, method.attention(hidden))
    before = method.hidden(features).relu()
    kept = hidden != 0
    assert kept[before > 0].double().mean().item() == pytest.approx(0.5, abs=0.03)
    torch.testing.assert_close(hidden[kept], 2 * before[kept])
    torch.testing.assert_close(method.eval()(features)[2], before)
