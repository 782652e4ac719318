"""IFS-VAD: network, similarity and loss terms against plain float64 evaluations; the authors' names."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.ifs_vad import IFSVAD, Reference, shift
from methods.parts import long_videos
from methods.parts.layers import unit_vectors
from tests.unit.methods import bags, plain

EXTENTS = {"local_mlp_block1": 4, "local_mlp_block2": 32, "local_mlp_block3": 4, "local_mlp_block4": 32}
"""Over how many segments the channels of an official layer spread."""


def official_weights(dim, seed=0):
    """Random weights under the official names, float64, with the offsets that the official code stores."""
    random, state = np.random.default_rng(seed), {"w": np.array([1.3, 0.7])}

    def layer(name, *shape):
        state[f"{name}.weight"] = random.standard_normal(shape) / math.sqrt(shape[1])
        state[f"{name}.bias"] = random.uniform(-0.3, 0.3, shape[0])

    state["mlp_blocks.ln.weight"] = random.uniform(0.5, 1.5, dim)
    state["mlp_blocks.ln.bias"] = random.uniform(-0.3, 0.3, dim)
    for name, extent in EXTENTS.items():
        inner, out = (dim, 2 * dim) if name[-1] in "12" else (2 * dim, dim)
        layer(f"mlp_blocks.{name}", out, inner, 1, 1)
        offset = np.zeros((1, 2 * inner, 1, 1))
        offset[0, ::2, 0, 0] = [plain_offset(c, extent) for c in range(inner)]
        state[f"mlp_blocks.{name}.offset"] = offset
    layer("fc1", 512, dim)
    layer("fc2", 128, 512)
    layer("fc3", 1, 128)
    return {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}


def plain_offset(channel, extent):
    return (channel + extent // 2) % extent - extent // 2


def plain_shift(rows, extent):
    out = np.zeros_like(rows)
    for t in range(len(rows)):
        for c in range(rows.shape[1]):
            seen = t + plain_offset(c, extent)
            if 0 <= seen < len(rows):
                out[t, c] = rows[seen, c]
    return out


def plain_features(state, rows):
    """F (T, D) of one sequence (T, D)."""

    def shifted(x, name):
        weight, bias = state[f"mlp_blocks.{name}.weight"].numpy()[:, :, 0, 0], state[f"mlp_blocks.{name}.bias"].numpy()
        return plain_shift(x, EXTENTS[name]) @ weight.T + bias

    def norm(x):
        centred = x - x.mean(1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
        return scaled * state["mlp_blocks.ln.weight"].numpy() + state["mlp_blocks.ln.bias"].numpy()

    z = norm(rows)
    u = shifted(z, "local_mlp_block1") + shifted(z, "local_mlp_block2")
    u = u * (1 + np.vectorize(math.erf)(u / math.sqrt(2))) / 2
    u = shifted(u, "local_mlp_block3") + shifted(u, "local_mlp_block4")
    return norm(u * rows + rows)


def plain_logits(state, features):
    """The scorer's logits (T) of F (T, D)."""

    def linear(x, name):
        return x @ state[f"{name}.weight"].numpy().T + state[f"{name}.bias"].numpy()

    return linear(plain.relu(linear(plain.relu(linear(features, "fc1")), "fc2")), "fc3")[:, 0]


def plain_similarity(features, reference):
    """Minus the mean plus the unbiased variance of each segment's cosines with all segments of a reference."""
    out = []
    for row in features:
        cosines = [plain.cosine(row, other) for other in reference]
        centre = plain.mean(cosines)
        squares = sum((c - centre) ** 2 for c in cosines)
        out.append(-centre + (squares / (len(cosines) - 1) if len(cosines) > 1 else 0))
    return out


def plain_scores(state, crops, reference_crops=None):
    """Scores (T) of a video (C, T, D), compared with itself or with another video."""
    logits, similarities = [], []
    for rows, others in zip(crops, crops if reference_crops is None else reference_crops, strict=True):
        features = plain_features(state, rows)
        logits.append(plain_logits(state, features))
        similarities.append(plain_similarity(features, plain_features(state, others)))
    w1, w2 = state["w"].tolist()
    joined = w1 * np.mean(logits, axis=0) + w2 * np.mean(similarities, axis=0)
    return [plain.sigmoid(z) for z in joined]


def loaded(state, dtype=torch.float64, **config):
    dim = len(state["mlp_blocks.ln.bias"])
    method = IFSVAD(IFSVAD.Config(**config), FeatureSpec(dim, {})).to(dtype)
    method.load_state_dict(IFSVAD.adopt_weights(state))
    return method.eval()


@pytest.mark.parametrize(("length", "dim"), [(1, 6), (3, 6), (9, 6), (9, 16), (40, 6)])
def test_loss_terms(length, dim):
    state = official_weights(dim)
    method = loaded(state, dropout=0.0, sparsity=0.3, smoothness=0.2).train()
    normal, abnormal = (bags.uniform(3, 2, length, dim, seed=seed) for seed in (1, 2))
    scores = [plain_scores(state, video) for video in normal]
    scores += [plain_scores(state, video, other) for video, other in zip(abnormal, normal, strict=True)]
    tops = [plain.mean(sorted(row)[-5:]) for row in scores]
    flat = [s for row in scores for s in row]
    expected = {
        "mil": plain.mean(plain.cross_entropy(p, label=i >= 3) for i, p in enumerate(tops)),
        "sparse": 0.3 * plain.norm(flat),
        "smooth": 0.2 * plain.smoothness(flat),
    }
    expected["loss"] = sum(expected.values())
    terms = {name: term.item() for name, term in method.training_step(bags.pair(normal, abnormal)).items()}
    assert terms == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dim", [7, 40])
@pytest.mark.parametrize("length", [1, 2, 5, 33, 70])
def test_scores_are_those_of_the_official_network(length, dim):
    state, features = official_weights(dim), bags.uniform(2, 2, length, dim)
    found = loaded(state).score(torch.from_numpy(features)).numpy(force=True)
    np.testing.assert_allclose(found, [plain_scores(state, video) for video in features], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_scores_at_the_published_width(dtype, tolerance):
    state, features = official_weights(512), bags.uniform(1, 20, 512)
    found = loaded(state, dtype).score(torch.tensor(features, dtype=dtype)[None])[0].numpy(force=True)
    expected = plain_scores(state, features)
    assert np.std(expected) > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_parameters_at_the_published_width():
    mixer = 2 * 512 + 2 * (1024 * 512 + 1024) + 2 * (512 * 1024 + 512)
    scorer = (512 * 512 + 512) + (512 * 128 + 128) + (128 + 1)
    assert bags.parameters(IFSVAD(IFSVAD.Config(), FeatureSpec(512, {}))) == mixer + scorer + 2 == 2_429_699


@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_weights_lose_their_offsets_and_own_names_pass(prefix):
    state = official_weights(6)
    adopted = IFSVAD.adopt_weights({prefix + name: value for name, value in state.items()})
    own = IFSVAD(IFSVAD.Config(), FeatureSpec(6, {})).state_dict()
    assert {name: value.shape for name, value in adopted.items()} == {name: v.shape for name, v in own.items()}
    assert adopted["fc1.weight"] is state["fc1.weight"]
    again = IFSVAD.adopt_weights({prefix + name: value for name, value in own.items()})
    assert all(again[name] is own[name] for name in own)


def test_every_layer_matters_to_the_scores():
    state, features = official_weights(7), torch.from_numpy(bags.uniform(1, 1, 40, 7))
    usual = loaded(state).score(features)
    for name, value in state.items():
        if not name.endswith(".offset"):
            moved = loaded(state | {name: value * 1.5 + 0.1}).score(features)
            assert (moved - usual).abs().max() > 1e-5, name


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(1, 9))
def test_each_channel_sees_one_other_time(sequences, length, channels, extent):
    x = bags.uniform(sequences, length, channels)
    expected = [plain_shift(rows, extent) for rows in x]
    assert np.array_equal(shift(torch.from_numpy(x), extent).numpy(), expected)


def test_channels_look_two_back_to_one_ahead_and_at_nothing_outside_of_the_video():
    x = torch.arange(1.0, 6)[None, :, None].expand(1, 5, 5)
    expected = [[1, 2, 3, 4, 5], [2, 3, 4, 5, 0], [0, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert shift(x, 4)[0].T.tolist() == expected


def test_an_abnormal_video_is_compared_with_the_normal_one_of_its_row():
    state = official_weights(6)
    method = loaded(state, dropout=0.0, smoothness=1.0, sparsity=1.0).train()
    normal, abnormal = bags.uniform(2, 1, 9, 6), bags.uniform(2, 1, 9, 6, seed=1)
    pairs = {
        "usual": (normal, abnormal),
        "both": (normal[[1, 0]], abnormal[[1, 0]]),
        "other": (normal, abnormal[[1, 0]]),
    }
    found = {name: method.training_step(bags.pair(*halves))["mil"].item() for name, halves in pairs.items()}
    assert found["both"] == pytest.approx(found["usual"], abs=1e-12)
    assert abs(found["other"] - found["usual"]) > 1e-6


def test_sparsity_and_smoothness_concern_both_classes_and_borders_of_videos():
    method = loaded(official_weights(6), smoothness=1.0, sparsity=1.0, dropout=0.0).train()
    normal, abnormal = bags.uniform(2, 1, 9, 6), bags.uniform(2, 1, 9, 6, seed=1)
    usual = method.training_step(bags.pair(normal, abnormal))
    assert method.training_step(bags.pair(3 * normal, abnormal))["sparse"] != usual["sparse"]
    single = method.training_step(bags.pair(normal[:, :, :1], abnormal[:, :, :1]))
    assert single["smooth"] > 0


def naive(units, reference):
    cosines = units @ reference.mT
    return cosines.var(-1) - cosines.mean(-1)


@pytest.mark.parametrize(("length", "dim"), [(2, 9), (9, 9), (30, 9)])
def test_similarity_and_its_gradients_are_those_of_all_pairs(length, dim):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(2, n, dim, dtype=torch.float64, generator=generator, requires_grad=True) for n in (7, length))
    weights = torch.randn(2, 7, dtype=torch.float64, generator=generator)
    found = Reference(unit_vectors(y)).similarity(unit_vectors(x))
    expected = naive(unit_vectors(x), unit_vectors(y))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
    pairs = [torch.autograd.grad((q * weights).sum(), (x, y)) for q in (found, expected)]
    for ours, plainly in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, plainly, rtol=0, atol=1e-13)


@pytest.mark.parametrize("length", [6, 25])
def test_variance_keeps_its_digits_where_all_cosines_are_near_one(length):
    generator = torch.Generator().manual_seed(0)
    units = unit_vectors(1 + 1e-5 * torch.randn(length, 8, dtype=torch.float64, generator=generator))
    rows = [[Fraction(value) for value in row] for row in units.tolist()]
    for row, found in zip(rows, Reference(units).variance(units).tolist(), strict=True):
        cosines = [sum(a * b for a, b in zip(row, other, strict=True)) for other in rows]
        centre = sum(cosines) / length
        exact = float(sum((c - centre) ** 2 for c in cosines) / (length - 1))
        # The mean square less the squared mean would be off by 1e-16, which is more than the variance itself.
        assert exact < 1e-18
        assert found == pytest.approx(exact, rel=1e-4, abs=0)


def test_a_single_segment_has_no_variance():
    units = unit_vectors(torch.randn(3, 1, 6))
    assert Reference(units).variance(units).tolist() == [[0], [0], [0]]


def test_crops_are_averaged_ahead_of_the_sigmoid():
    state, features = official_weights(6), torch.from_numpy(5 * bags.uniform(1, 2, 9, 6))
    method = loaded(state)
    together = method.score(features).logit()
    each = torch.stack([method.score(features[:, [crop]]) for crop in (0, 1)])
    torch.testing.assert_close(together, each.logit().mean(0))
    assert (together - each.mean(0).logit()).abs().max() > 1e-4


def test_segments_of_zeros_have_no_similarity_and_finite_gradients():
    method = IFSVAD(IFSVAD.Config(), FeatureSpec(6, {})).double()
    batch = bags.pair(np.zeros((2, 1, 9, 6)), np.zeros((2, 1, 9, 6)))
    terms = method.training_step(batch)
    terms["loss"].backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().max() < 1e3 for p in method.parameters())
    units = unit_vectors(torch.zeros(1, 9, 6))
    assert not Reference(units).similarity(units).any()


def test_dropout_is_in_the_scorer_and_in_training_only():
    torch.manual_seed(0)
    method, shares = IFSVAD(IFSVAD.Config(), FeatureSpec(64, {})), {}
    for name in ("fc1", "fc2", "fc3"):
        getattr(method, name).register_forward_pre_hook(
            lambda _, given, name=name: shares.update({name: (given[0] > 0).float().mean().item()})
        )
    batch = bags.pair(*(bags.uniform(4, 1, 60, 64, seed=seed).astype(np.float32) for seed in (1, 2)))
    method.eval().training_step(batch)
    usual = dict(shares)
    method.train().training_step(batch)
    assert shares["fc1"] == usual["fc1"]
    for name in ("fc2", "fc3"):
        assert 0.3 < usual[name] < 0.7
        assert shares[name] == pytest.approx(0.3 * usual[name], rel=0.25)


def test_layers_start_as_torchs_do():
    torch.manual_seed(0)
    method = IFSVAD(IFSVAD.Config(), FeatureSpec(100, {}))
    layers = [layer for layer in method.modules() if isinstance(layer, torch.nn.Linear)]
    assert len(layers) == 4 + 3
    for layer in layers:
        bound = layer.weight.shape[1] ** -0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.05)
        assert 0 < layer.bias.abs().max().item() <= bound
    assert method.w.tolist() == [1, 1]
    assert method.mixer.norm.weight.eq(1).all()
    assert method.mixer.norm.eps == 1e-5


@pytest.mark.parametrize("dim", [6, 40])
def test_long_videos_are_scored_as_in_one_piece(dim, monkeypatch):
    method, features = loaded(official_weights(dim)), torch.from_numpy(bags.uniform(1, 2, 5000, dim))
    with torch.no_grad():
        found, embedded = method.score(features), method.embed(features)
        monkeypatch.setattr(long_videos, "ELEMENTS", 10**12)
        monkeypatch.setattr(Reference, "block", 10**12)
        torch.testing.assert_close(found, method.score(features), rtol=0, atol=1e-12)
        torch.testing.assert_close(embedded, method.embed(features), rtol=0, atol=1e-12)
        units = unit_vectors(method.mixer(features.flatten(0, 1)))
        plainly = method._weigh(method._logit(method.embed(features[:, [0]])).squeeze(-1), naive(units, units)[:1])
    torch.testing.assert_close(method.score(features[:, [0]]), plainly.sigmoid(), rtol=0, atol=1e-12)


def test_mixed_precision_gives_finite_terms():
    method = IFSVAD(IFSVAD.Config(), FeatureSpec(6, {}))
    batch = bags.pair(*(bags.uniform(2, 1, 9, 6, seed=seed).astype(np.float32) for seed in (1, 2)))
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.training_step(batch)
    terms["loss"].backward()
    assert all(term.isfinite() for term in terms.values())
