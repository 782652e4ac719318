"""WSAL: network, loss terms and tests on segments against plain float64 evaluations; the authors' names."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.parts import long_videos
from methods.wsal import WSAL, both_sides, neighbour_turns, spread, tail_segments
from tests.unit.methods import bags, plain

OFFICIAL = {
    "fc0.weight": (512, 1024),
    "fc0.bias": (512,),
    "conv.weight": (512, 512, 5),
    "conv.bias": (512,),
    "fc1_1.weight": (128, 512),
    "fc1_1.bias": (128,),
    "fc1_2.weight": (1, 128),
    "fc1_2.bias": (1,),
    "fc2_1.weight": (128, 512),
    "fc2_1.bias": (128,),
    "fc2_2.weight": (128, 128),
    "fc2_2.bias": (128,),
}
"""Names and shapes of the authors' weights."""


@cache
def official_weights(dim=1024, kernel=5, seed=0):
    random, state = np.random.default_rng(seed), {}
    shapes = OFFICIAL | {"fc0.weight": (512, dim), "conv.weight": (512, 512, kernel)}
    for name, shape in shapes.items():
        spread_of = 2 / math.sqrt(np.prod(shape[1:])) if name.endswith("weight") else 0.3
        state[name] = torch.from_numpy(random.standard_normal(shape) * spread_of)
    return state


def plain_heads(state, rows):
    """Semantic scores (T) and dynamic features (T, 128) of one sequence (T, D)."""
    w = {name: value.detach().double().numpy() for name, value in state.items()}

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    hidden, kernel = plain.relu(linear(rows, "fc0")), w["conv.weight"].shape[2]
    g = np.tile(w["conv.bias"], (len(rows), 1))
    for tap in range(kernel):
        # Beyond an end there is the row at that end.
        seen = [min(max(t + tap - kernel // 2, 0), len(rows) - 1) for t in range(len(rows))]
        g += hidden[seen] @ w["conv.weight"][:, :, tap].T
    semantic = linear(plain.relu(linear(g, "fc1_1")), "fc1_2")[:, 0]
    return [plain.sigmoid(z) for z in semantic], list(linear(plain.relu(linear(g, "fc2_1")), "fc2_2"))


def plain_curves(state, crops):
    """Means over the crops (C, T, D) of a video: semantic scores (T), turns (T - 1)."""
    semantic, turns = [], []
    for rows in crops:
        s, v = plain_heads(state, rows)
        semantic.append(s)
        turns.append([1 - plain.cosine(v[t + 1], v[t]) for t in range(len(v) - 1)])
    return [[plain.mean(values) for values in zip(*curves, strict=True)] for curves in (semantic, turns)]


def plain_tail(rows, T=32):
    rows = list(rows)
    while len(rows) % T:
        rows.append(rows[-1])
    size = len(rows) // T
    return np.array([sum(rows[i * size : (i + 1) * size]) / size for i in range(T)])


def plain_spread(values, n):
    """The code's rule for frames, with snippets in place of frames."""
    ratio, out = float(n) / float(len(values)), [None] * n
    for i, value in enumerate(values):
        for t in range(int(i * ratio + 0.5), int((i + 1) * ratio + 0.5)):
            assert out[t] is None
            out[t] = value
    return out


def plain_scores(state, crops, units):
    """Scores of one video (C, n, D), in [0, 1]."""
    rows = np.array([plain_tail(rows) for rows in crops]) if units == "segments" else crops
    semantic, turns = plain_curves(state, rows)
    final = []
    for t in range(len(semantic)):
        sides = [turns[i] for i in (t - 1, t) if 0 <= i < len(turns)]
        final.append(((plain.mean(sides) if sides else 0) + semantic[t]) / 2 / 1.5)
    return plain_spread(final, crops.shape[1]) if units == "segments" else final


def loaded(state, dtype=torch.float64, **config):
    dim, kernel = state["fc0.weight"].shape[1], state["conv.weight"].shape[2]
    method = WSAL(WSAL.Config(kernel=kernel, **config), FeatureSpec(dim, {})).to(dtype)
    method.load_state_dict(WSAL.adopt_weights(state))
    return method.eval()


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 32])
def test_loss_terms(length, kernel):
    state = official_weights(6, kernel)
    method = loaded(state, dropout=0.0, margin=0.7, sparsity=0.3, smoothness=0.2).train()
    halves = [bags.uniform(3, 2, length, 6, seed=seed) for seed in (1, 2)]
    (s_n, d_n), (s_a, d_a) = (zip(*(plain_curves(state, video) for video in half), strict=True) for half in halves)
    expected = {
        "dynamic": plain.mean(
            max(0, 0.7 - (max(a, default=0) - max(n, default=0))) for a, n in zip(d_a, d_n, strict=True)
        ),
        "semantic": plain.mean(
            max(0, 0.7 - ((max(a) - min(a)) - (max(n) - min(n)))) for a, n in zip(s_a, s_n, strict=True)
        ),
        "sparse": 0.3 * sum(plain.mean(sum(row) for row in rows) for rows in (d_a, d_n, s_a, s_n)),
        "smooth": 0.2 * sum(plain.mean(plain.smoothness(row) for row in rows) for rows in (d_a, s_a)),
    }
    expected["loss"] = sum(expected.values())
    terms = {name: term.item() for name, term in method.training_step(bags.pair(*halves)).items()}
    assert terms == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("units", ["segments", "snippets"])
@pytest.mark.parametrize("length", [1, 2, 5, 31, 32, 33, 64, 75])
def test_scores_are_those_of_the_official_network(length, units):
    state, features = official_weights(7), bags.uniform(2, 2, length, 7)
    found = loaded(state, score_units=units).score(torch.from_numpy(features)).numpy(force=True)
    expected = [plain_scores(state, video, units) for video in features]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_scores_at_the_published_width(dtype, tolerance):
    state, features = official_weights(), bags.uniform(2, 40, 1024)
    found = loaded(state, dtype).score(torch.tensor(features, dtype=dtype)[None])[0].numpy(force=True)
    expected = plain_scores(state, features, "segments")
    assert np.std(expected) > 0.02
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_parameters_are_named_and_shaped_as_the_official_ones():
    method = WSAL(WSAL.Config(), FeatureSpec(1024, {}))
    assert {name: tuple(value.shape) for name, value in method.state_dict().items()} == OFFICIAL
    assert bags.parameters(method) == 1_984_001


def test_the_prefix_of_data_parallel_training_is_dropped():
    state = official_weights(7)
    adopted = WSAL.adopt_weights({f"module.{name}": value for name, value in state.items()})
    assert list(adopted) == list(state)
    assert all(adopted[name] is state[name] for name in state)


def test_every_layer_matters_to_the_scores():
    state, features = official_weights(7), bags.uniform(1, 40, 7)
    usual = loaded(state).score(torch.from_numpy(features)[None])
    for name, value in state.items():
        moved = loaded(state | {name: value * 1.5 + 0.1}).score(torch.from_numpy(features)[None])
        assert (moved - usual).abs().max() > 1e-5, name


def test_a_video_that_stands_still_does_not_turn_at_its_ends():
    # Beyond the ends the convolution sees the rows at the ends; with zeros there it would see a change.
    method = loaded(official_weights(7), score_units="snippets")
    semantic, turns = method(torch.from_numpy(bags.uniform(1, 1, 1, 7)).expand(1, 1, 12, 7))
    assert turns.abs().max() < 1e-14
    assert semantic.std() < 1e-14


def test_a_video_of_33_snippets_has_16_segments_of_its_last_snippet():
    x = torch.from_numpy(bags.uniform(1, 33, 4))
    segments = tail_segments(x, 32)
    torch.testing.assert_close(segments[0, 0], x[0, :2].mean(0))
    torch.testing.assert_close(segments[0, 15], x[0, 30:32].mean(0))
    torch.testing.assert_close(segments[0, 16:], x[0, 32].expand(16, 4))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 40))
def test_segments_repeat_the_last_row_until_they_divide_the_video(length, T):
    x = bags.uniform(2, length, 3)
    expected = np.array([plain_tail(rows, T) for rows in x])
    np.testing.assert_allclose(tail_segments(torch.from_numpy(x), T).numpy(), expected, rtol=0, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.integers(1, 300), st.just(100_000)))
def test_every_snippet_gets_exactly_one_segment_by_the_rule_of_the_code(n):
    segments = list(range(32))
    expected = plain_spread(segments, n)
    assert None not in expected
    assert spread(torch.tensor(segments)[None], n)[0].tolist() == expected


def test_few_snippets_get_segments_from_all_over_the_video():
    assert spread(torch.arange(32)[None], 5).tolist() == [[3, 9, 15, 22, 28]]


def test_an_end_has_one_turn_and_a_single_segment_none():
    assert both_sides(torch.tensor([[1.0, 2.0, 4.0]])).tolist() == [[1, 1.5, 3, 4]]
    assert both_sides(torch.tensor([[1.0]])).tolist() == [[1, 1]]
    assert both_sides(torch.zeros(1, 0)).tolist() == [[0]]


def test_scores_are_divided_by_the_highest_value_that_they_can_have():
    # The dynamic features of neighbours are opposite, and the semantic score is 1.
    state = {name: torch.zeros(*value.shape, dtype=torch.float64) for name, value in official_weights(2, 1).items()}
    for i in (0, 1):
        state["fc0.weight"][i, i] = state["conv.weight"][i, i, 0] = state["fc2_1.weight"][i, i] = 1
        state["fc2_2.weight"][0, i] = (-1) ** i
    state["fc1_2.bias"][0] = 50
    features = torch.eye(2, dtype=torch.float64).repeat(8, 1)
    assert loaded(state, score_units="snippets").score(features[None, None])[0].tolist() == pytest.approx([1] * 16)


def test_turns_are_torchs_cosines_and_short_vectors_pass_no_gradient():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1e-9, 0.0], [1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    turns = neighbour_turns(x)
    assert turns.tolist() == pytest.approx([1, 1, 0.9], abs=1e-15)
    turns.sum().backward()
    assert x.grad.abs().max() < 1
    assert not x.grad[1:3].any()


def test_gradients_are_those_of_plain_cosines_elsewhere():
    x = torch.randn(2, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(neighbour_turns, x)


def test_smoothness_concerns_abnormal_videos_only():
    method = loaded(official_weights(6), smoothness=1.0)
    normal, abnormal = bags.uniform(2, 1, 9, 6), bags.uniform(2, 1, 9, 6, seed=1)
    before = method.training_step(bags.pair(normal, abnormal))
    after = method.training_step(bags.pair(3 * normal, abnormal))
    assert before["smooth"] == after["smooth"] != 0
    assert before["sparse"] != after["sparse"]


def test_a_single_segment_teaches_the_semantic_head_alone():
    method = WSAL(WSAL.Config(dropout=0.0), FeatureSpec(6, {})).double()
    method.training_step(bags.batch(length=1))["loss"].backward()
    reached = {name for name, p in method.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {name for name in OFFICIAL if not name.startswith("fc2_")}


def test_dropout_is_behind_each_activation_and_in_training_only():
    torch.manual_seed(0)
    method, shares = WSAL(WSAL.Config(), FeatureSpec(64, {})), {}
    for name in ("fc1_1", "fc1_2", "fc2_2"):
        getattr(method, name).register_forward_pre_hook(
            lambda _, given, name=name: shares.update({name: (given[0] > 0).float().mean().item()})
        )
    features = torch.rand(8, 1, 100, 64)
    method.eval()(features)
    usual = dict(shares)
    method.train()(features)
    # What the convolution gives has neither an activation nor dropout.
    assert 0.3 < shares["fc1_1"] < 0.7
    for name in ("fc1_2", "fc2_2"):
        assert 0.3 < usual[name] < 0.7
        assert shares[name] == pytest.approx(0.2 * usual[name], rel=0.25)
    method.conv.weight.data.zero_()
    method.conv.weight.data[:, :, 2] = torch.eye(512)
    method.conv.bias.data.zero_()
    method(features)
    hidden = (method.fc0(features) > 0).float().mean().item()
    assert shares["fc1_1"] == pytest.approx(0.2 * hidden, rel=0.05)


def test_layers_start_as_torchs_do():
    torch.manual_seed(0)
    for layer in WSAL(WSAL.Config(), FeatureSpec(300, {})).children():
        if hasattr(layer, "weight"):
            bound = layer.weight[0].numel() ** -0.5
            assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.05)
            assert 0 < layer.bias.abs().max().item() <= bound


@pytest.mark.parametrize("units", ["segments", "snippets"])
def test_long_videos_are_scored_as_in_one_piece(units, monkeypatch):
    method = loaded(official_weights(5), score_units=units)
    features = torch.from_numpy(bags.uniform(1, 1, 5000, 5))
    with torch.no_grad():
        found = method.score(features)
        monkeypatch.setattr(long_videos, "ELEMENTS", 10**12)
        torch.testing.assert_close(found, method.score(features), rtol=0, atol=1e-13)


def test_embedding_is_what_both_heads_see():
    method, features = loaded(official_weights(6), score_units="snippets"), torch.from_numpy(bags.uniform(2, 1, 9, 6))
    semantic = method.fc1_2(method.fc1_1(method.embed(features)).relu()).sigmoid().squeeze(-1)
    torch.testing.assert_close(semantic, method(features)[0])
    segments = loaded(official_weights(6)).embed(torch.from_numpy(bags.uniform(2, 1, 64, 6)))
    torch.testing.assert_close(segments[:, ::2], segments[:, 1::2])


def test_mixed_precision_gives_finite_terms():
    method = WSAL(WSAL.Config(), FeatureSpec(6, {}))
    batch = bags.pair(*(bags.uniform(2, 1, 9, 6, seed=seed).astype(np.float32) for seed in (1, 2)))
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.training_step(batch)
    terms["loss"].backward()
    assert all(term.isfinite() for term in terms.values())
