"""MIST generator: scores and loss terms against plain loops, the authors' weights, parameters by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.mist import MIST
from tests.unit.methods import bags, plain


def network(rows, weights):
    """Scores of (T, D), in NumPy: linear, ReLU, linear, linear, sigmoid; nothing after the second layer."""

    def dense(x, name):
        return x @ weights[f"regressor.{name}.weight"].T + weights[f"regressor.{name}.bias"]

    hidden = dense(np.where((first := dense(rows, "0")) > 0, first, 0), "3")
    return 1 / (1 + np.exp(-dense(hidden, "5")[:, 0]))


def plain_scores(method, videos):
    """Scores of (videos, crops, T, D), the mean over crops."""
    weights = plain.arrays(method)
    return [np.mean([network(rows, weights) for rows in video], axis=0).tolist() for video in videos.numpy()]


@pytest.mark.parametrize(
    ("videos", "crops", "length", "k"), [(1, 1, 1, 1), (2, 3, 31, 1), (3, 1, 63, 1), (3, 2, 64, 2), (2, 1, 224, 7)]
)
def test_loss_terms(videos, crops, length, k):
    method, batch = bags.build(MIST, smoothness=0.3, sparsity=0.2), bags.batch(videos, crops, length)
    normal, abnormal = (plain_scores(method, half.features) for half in (batch.normal, batch.abnormal))
    highest = [[plain.mean(sorted(row)[-k:]) for row in half] for half in (normal, abnormal)]
    hinge = sum(max(0, 1 - a + n) for a in highest[1] for n in highest[0]) / videos**2
    steps = [(row[t + 1] - row[t]) ** 2 for row in abnormal for t in range(length - 1)]
    expected = {
        "hinge": hinge,
        "smooth": 0.3 * (plain.mean(steps) if steps else 0),
        "sparse": 0.2 * plain.mean(s for row in abnormal for s in row),
    }
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert next(iter(terms)) == "loss"
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(method.score(batch.abnormal.features).detach().numpy(), abnormal, rtol=0, atol=1e-12)


def test_smoothness_is_off_as_in_the_code_and_the_plain_mean_of_abnormal_scores_counts_a_hundredth():
    method, batch = bags.build(MIST), bags.batch()
    terms = method.training_step(batch)
    assert terms["smooth"] == 0
    assert terms["sparse"].item() == pytest.approx(0.01 * method.score(batch.abnormal.features).mean().item())


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 130), st.integers(0, 999))
def test_the_highest_scores_count_wherever_they_lie(length, seed):
    method, batch = bags.build(MIST), bags.batch(length=length, seed=seed)
    usual = method.training_step(batch)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    for half in (batch.normal, batch.abnormal):
        half.features.copy_(half.features[:, :, order])
    mixed = method.training_step(batch)
    for term in ("hinge", "sparse"):
        assert mixed[term].item() == pytest.approx(usual[term].item(), abs=1e-12)


def test_a_snippets_score_depends_on_no_other_so_nothing_is_smoothed_or_stretched():
    method, features = bags.build(MIST), bags.batch(length=5000).normal.features
    scores = method.score(features)
    torch.testing.assert_close(method.score(features[:, :, 40:41])[:, 0], scores[:, 40], rtol=0, atol=1e-12)
    assert scores.min() > 0
    assert scores.max() < 1


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_scores_with_the_authors_weights(prefix, dtype, tolerance):
    random, state = np.random.default_rng(0), {}
    for name, out, size in (("0", 512, 1024), ("3", 32, 512), ("5", 1, 32)):
        state[f"regressor.{name}.weight"] = torch.from_numpy(random.standard_normal((out, size)) / np.sqrt(size))
        state[f"regressor.{name}.bias"] = torch.from_numpy(random.uniform(-0.3, 0.3, out))
    method = MIST(MIST.Config(), FeatureSpec(1024, {})).to(dtype).eval()
    method.load_state_dict(MIST.adopt_weights({prefix + name: value for name, value in state.items()}))
    features = random.uniform(-2, 2, (3, 17, 1024))
    expected = np.mean([network(rows, {k: v.numpy() for k, v in state.items()}) for rows in features], axis=0)
    assert (np.abs(expected - 0.5) < 0.45).all()
    scores = method.score(torch.tensor(features, dtype=dtype)[None])[0].detach().numpy()
    np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)


def test_own_names_pass_and_unknown_ones_are_named():
    method = bags.build(MIST)
    own = method.state_dict()
    assert list(MIST.adopt_weights(own)) == list(own)
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"regressor\.7\.weight"'):
        method.load_state_dict(MIST.adopt_weights(own | {"regressor.7.weight": torch.zeros(1)}))


def test_embedding_is_the_second_layer():
    method, features = bags.build(MIST), bags.batch().normal.features
    hidden = method.regressor[0](features).relu()
    torch.testing.assert_close(method.embed(features), method.regressor[3](hidden).mean(1))
    assert method.embed(features).min() < 0


def test_dropout_follows_the_first_two_layers_in_training_only():
    method, features = MIST(MIST.Config(), FeatureSpec(16, {})), torch.rand(1, 1, 400, 16)
    seen = {}
    method.regressor[3].register_forward_hook(lambda _, given, __: seen.update(first=given[0]))
    method.regressor[5].register_forward_hook(lambda _, given, __: seen.update(second=given[0]))
    method.train().score(features)
    kept = method.regressor[0](features).relu() > 0
    assert (seen["first"][kept] != 0).float().mean().item() == pytest.approx(0.4, abs=0.02)
    assert (seen["second"] != 0).float().mean().item() == pytest.approx(0.4, abs=0.03)
    method.eval().score(features)
    torch.testing.assert_close(seen["first"], method.regressor[0](features).relu())
    assert (seen["second"] != 0).all()


def test_parameters_at_the_published_widths_and_their_first_values():
    torch.manual_seed(0)
    for dim, expected in ((1024, 541_249), (4096, 2_114_113)):
        method = MIST(MIST.Config(), FeatureSpec(dim, {}))
        assert bags.parameters(method) == (dim * 512 + 512) + (512 * 32 + 32) + (32 + 1) == expected
    # Kaiming-normal of the inputs, zero bias.
    for layer, tolerance in ((method.regressor[0], 0.01), (method.regressor[3], 0.02)):
        assert layer.weight.std().item() == pytest.approx((2 / layer.in_features) ** 0.5, rel=tolerance)
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))
