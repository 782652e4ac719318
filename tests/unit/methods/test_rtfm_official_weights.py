"""RTFM with the weights of its official code: names, scores against an independent evaluation, initialisation."""

import numpy as np
import pytest
import torch

from benchmark.api import FeatureSpec
from methods.rtfm import RTFM
from tests.unit.methods import bags
from tests.unit.methods.plain_rtfm import batch_norm, convolve, dense, relu

PUBLISHED = 2048


def official_weights(dim, seed=0):
    """Random weights and running statistics under the official names, float64; the branches are dim // 4 wide."""
    random, state, width = np.random.default_rng(seed), {}, dim // 4

    def layer(name, *shape, bias=True):
        state[f"{name}.weight"] = random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        if bias:
            state[f"{name}.bias"] = random.uniform(-0.3, 0.3, shape[0])

    def norm(name, channels):
        state[f"{name}.weight"] = random.uniform(0.5, 1.5, channels)
        state[f"{name}.bias"] = random.uniform(-0.3, 0.3, channels)
        state[f"{name}.running_mean"] = random.uniform(0.2, 0.6, channels)
        state[f"{name}.running_var"] = random.uniform(0.2, 0.6, channels)
        state[f"{name}.num_batches_tracked"] = np.array(15000)

    for i in (1, 2, 3):
        layer(f"Aggregate.conv_{i}.0", width, dim, 3)
        norm(f"Aggregate.conv_{i}.2", width)
    layer("Aggregate.conv_4.0", width, dim, 1, bias=False)
    layer("Aggregate.conv_5.0", dim, 4 * width, 3, bias=False)
    norm("Aggregate.conv_5.2", dim)
    for name in ("g", "theta", "phi"):
        layer(f"Aggregate.non_local.{name}", width // 2, width, 1)
    layer("Aggregate.non_local.W.0", width, width // 2, 1)
    norm("Aggregate.non_local.W.1", width)
    layer("fc1", 512, dim)
    layer("fc2", 128, 512)
    layer("fc3", 1, 128)
    return {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}


def official_scores(state, features):
    """Scores of (crops, T, D) by the official network in evaluation mode, one crop at a time, in NumPy."""
    state = {name: value.numpy() for name, value in state.items()}

    def normalise(rows, name):
        return batch_norm([rows], state, name, training=False)[0]

    scores = []
    for rows in features:
        branches = [
            normalise(relu(convolve(rows, state, f"Aggregate.conv_{i}.0", dilation)), f"Aggregate.conv_{i}.2")
            for i, dilation in ((1, 1), (2, 2), (3, 4))
        ]
        narrow = relu(convolve(rows, state, "Aggregate.conv_4.0"))
        g, theta, phi = (convolve(narrow, state, f"Aggregate.non_local.{name}") for name in ("g", "theta", "phi"))
        mixed = np.einsum("tc,sc,sd->td", theta, phi, g) / len(rows)
        non_local = normalise(convolve(mixed, state, "Aggregate.non_local.W.0"), "Aggregate.non_local.W.1") + narrow
        joined = np.concatenate([*branches, non_local], axis=1)
        embedded = normalise(relu(convolve(joined, state, "Aggregate.conv_5.0")), "Aggregate.conv_5.2") + rows
        logits = dense(relu(dense(relu(dense(embedded, state, "fc1")), state, "fc2")), state, "fc3")[:, 0]
        scores.append(1 / (1 + np.exp(-logits)))
    return np.mean(scores, axis=0)


def build(dim, **config):
    return RTFM(RTFM.Config(**config), FeatureSpec(dim, {}))


@pytest.fixture(scope="module")
def published():
    return official_weights(PUBLISHED)


@pytest.fixture
def small():
    return official_weights(16)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_scores_are_those_of_the_official_network_at_the_published_width(published, dtype, tolerance):
    method = build(PUBLISHED).to(dtype)
    method.load_state_dict(RTFM.adopt_weights(published))
    method.eval()
    for length in (1, 3, 5, 32):
        features = np.random.default_rng(length).uniform(-1, 1, (2, length, PUBLISHED))
        with torch.no_grad():
            scores = method.score(torch.tensor(features, dtype=dtype)[None])[0]
        expected = official_scores(published, features)
        # Saturated scores would agree whatever the weights.
        assert (np.abs(expected - 0.5) < 0.45).all()
        np.testing.assert_allclose(scores.numpy(), expected, rtol=0, atol=tolerance)


def test_every_layer_matters_to_the_scores(small):
    features = np.random.default_rng(1).uniform(-1, 1, (1, 9, 16))
    scores = official_scores(small, features)
    method = build(16).double().eval()
    for name, value in small.items():
        if value.is_floating_point():
            changed = small | {name: value * 1.5 + 0.1}
            method.load_state_dict(RTFM.adopt_weights(changed))
            moved = method.score(torch.from_numpy(features)[None])[0].detach().numpy()
            assert np.abs(moved - scores).max() > 1e-6, name
            np.testing.assert_allclose(moved, official_scores(changed, features), rtol=0, atol=1e-9)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_stored_weights_load_with_and_without_the_prefix_of_data_parallel_training(small, prefix, tmp_path):
    torch.save({prefix + name: value for name, value in small.items()}, tmp_path / "rtfm.pkl")
    adopted = RTFM.adopt_weights(torch.load(tmp_path / "rtfm.pkl", weights_only=True))
    method = build(16).double()
    method.load_state_dict(adopted)
    loaded = method.state_dict()
    assert len(adopted) == len(small) == len(loaded)
    assert loaded["temporal.fuse.2.num_batches_tracked"] == 15000
    torch.testing.assert_close(loaded["temporal.non_local.norm.weight"], small["Aggregate.non_local.W.1.weight"])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_own_names_pass(prefix):
    own = build(16).state_dict()
    adopted = RTFM.adopt_weights({prefix + name: value for name, value in own.items()})
    assert list(adopted) == list(own)
    assert all(adopted[name] is own[name] for name in own)


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        ("fc2.bias", "scorer.fc2.bias"),
        ("Aggregate.conv_4.0.weight", "temporal.reduce.0.weight"),
        ("Aggregate.non_local.W.1.running_var", "temporal.non_local.norm.running_var"),
    ],
)
def test_missing_weight_is_named(small, official, ours):
    del small[official]
    with pytest.raises(RuntimeError, match=f'Missing key.*"{ours}"'):
        build(16).load_state_dict(RTFM.adopt_weights(small))


@pytest.mark.parametrize("extra", ["Aggregate.conv_6.0.weight", "Aggregate.non_local.W.bias", "fc4.bias", "module.fc1"])
def test_unknown_weight_is_named_as_it_is_written(small, extra):
    with pytest.raises(RuntimeError, match=f'Unexpected key.*"{extra}"'):
        build(16).load_state_dict(RTFM.adopt_weights(small | {extra: torch.zeros(1)}))


def test_layers_start_as_the_official_ones_do():
    torch.manual_seed(0)
    method = build(512)
    layers = dict(method.named_modules())
    drawn = {name for name, layer in layers.items() if isinstance(layer, torch.nn.Conv1d | torch.nn.Linear)}
    assert len(drawn) == 3 + 1 + 4 + 1 + 3
    for name in drawn:
        weight, bias = layers[name].weight, layers[name].bias
        taps = weight[0, 0].numel()
        bound = (6 / (taps * (weight.shape[0] + weight.shape[1]))) ** 0.5
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.1 if weight.numel() < 1000 else 0.01)
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1 if weight.numel() < 1000 else 0.02)
        assert (bias is None) == (name in {"temporal.reduce.0", "temporal.fuse.0"})
        assert bias is None or not bias.any()
    norms = {name: layer for name, layer in layers.items() if isinstance(layer, torch.nn.BatchNorm1d)}
    assert len(norms) == 5
    for name, norm in norms.items():
        # Zero in the non-local block alone: it starts as the identity.
        assert norm.weight.eq(float(name != "temporal.non_local.norm")).all()
        assert not norm.bias.any()
        assert (norm.eps, norm.momentum) == (1e-5, 0.1)


def test_evaluation_mode_neither_drops_out_nor_updates_statistics():
    method, features = build(16).eval(), bags.batch(dim=16).normal.features.float()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    assert torch.equal(method.score(features), method.score(features))
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
