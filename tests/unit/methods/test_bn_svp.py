"""BN-SVP: scores and loss against plain loops, each choice of segments, and what scoring knows nothing of."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.bn_svp import BNSVP, find_candidates, with_self
from methods.parts.temporal_graphs import affinity_graph, distance_graph
from tests.unit.methods import bags, plain
from tests.unit.methods.plain_scenes import plain_greedy, plain_halves, plain_partition, quantile

SELECTIONS = ["per-state", "greedy", "above-percentile"]


def build(**config):
    """A small float64 method whose scores differ within a video, and whose length scales differ."""
    method = bags.build(BNSVP, **config)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in method.recurrent.named_parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (1 if "weight" in name else 0.3) / 3)
        method.raw_length_scale.copy_(torch.randn(6, generator=generator))
        method.classifier.weight.mul_(4)
        method.norm.weight.uniform_(0.5, 1.5, generator=generator)
        if hasattr(method.norm, "running_mean"):
            method.norm.running_mean.uniform_(-0.2, 0.2, generator=generator)
            method.norm.running_var.uniform_(0.02, 0.5, generator=generator)
    return method


def plain_normalised(affinity):
    """D^-1/2 (A + I) D^-1/2, entry by entry."""
    size = len(affinity)
    with_self = [[affinity[i][j] + (i == j) for j in range(size)] for i in range(size)]
    degrees = [sum(row) for row in with_self]
    return np.array([[with_self[i][j] / math.sqrt(degrees[i] * degrees[j]) for j in range(size)] for i in range(size)])


def plain_graphs(x, scales):
    def affinity(a, b):
        return math.exp(-0.5 * sum(((p - q) / s) ** 2 for p, q, s in zip(a, b, scales, strict=True)))

    alike = [[affinity(a, b) for b in x] for a in x]
    close = [[math.exp(-abs(i - j)) for j in range(len(x))] for i in range(len(x))]
    return plain_normalised(alike), plain_normalised(close)


def plain_recurrent(x, w):
    """Five layers in one direction, gate by gate in PyTorch's order: input, forget, cell, output."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    for layer in range(5):
        weights = [w[f"recurrent.{name}_l{layer}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h = c = np.zeros(32)
        out = []
        for row in x:
            i, f, g, o = np.split(weights[0] @ row + weights[1] @ h + weights[2] + weights[3], 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            out.append(h)
        x = out
    return np.array(x)


def plain_recurrent_output(x, w):
    """Graph layers, each a linear layer with its bias and then the graph, their sum, ReLU, recurrent layers."""
    alike, close = plain_graphs(x, [math.log1p(math.exp(r)) for r in w["raw_length_scale"]])
    near = x @ w["near.weight"].T + w["near.bias"]
    hidden = alike @ (x @ w["similar.weight"].T + w["similar.bias"]) + close @ near
    return plain_recurrent(plain.relu(hidden), w)


def plain_scores(method, videos, statistics=None):
    """Scores of (videos, crops, T, D), the mean over crops; batch statistics where none are given are the stored."""
    w, scores = plain.arrays(method), []
    for video in videos.numpy():
        crops = []
        for x in video:
            out = plain_recurrent_output(x, w)
            if "norm.running_mean" in w:
                mean, variance = statistics or (w["norm.running_mean"], w["norm.running_var"])
            else:
                mean, variance = out.mean(1, keepdims=True), out.var(1, keepdims=True)
            normed = (out - mean) / np.sqrt(variance + 1e-5) * w["norm.weight"] + w["norm.bias"]
            crops.append([plain.sigmoid(z) for z in normed @ w["classifier.weight"][0] + w["classifier.bias"][0]])
        scores.append([plain.mean(values) for values in zip(*crops, strict=True)])
    return scores


def batch_statistics(method, batch):
    """Mean and variance of each unit over all segments, crops and videos of a batch."""
    rows = torch.cat([batch.normal.features, batch.abnormal.features]).flatten(0, 1).numpy()
    out = np.concatenate([plain_recurrent_output(x, plain.arrays(method)) for x in rows])
    return out.mean(0), out.var(0)


def plain_represent(scores, rows, config):
    """What stands for a video of segments (T, D) by its scores."""
    lowest = quantile(scores, config.percentile)
    candidates = [t for t, s in enumerate(scores) if s >= lowest]
    if config.selection == "above-percentile":
        return plain.mean(scores[t] for t in candidates)
    states = min(10, max(1, len(rows) // config.segments_per_state))
    path = plain_partition(rows, states, config.stickiness, config.rounds)
    there = sorted({path[t] for t in candidates})
    if config.selection == "per-state":
        return plain.mean(max(scores[t] for t in candidates if path[t] == state) for state in there)
    chosen = plain_greedy(path, plain_halves(rows, path), scores, candidates, len(there))
    return plain.mean(scores[t] for t in chosen)


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize(("crops", "length"), [(1, 1), (3, 7), (2, 19)])
def test_scores(crops, length, norm):
    method, features = build(norm=norm).eval(), bags.batch(2, crops, length).abnormal.features
    expected = plain_scores(method, features)
    assert length == 1 or np.ptp(expected) > 0.05
    np.testing.assert_allclose(method.score(features).detach().numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize(
    ("videos", "crops", "length", "settings"),
    [(1, 1, 1, {}), (3, 2, 13, {"stickiness": 0.2}), (2, 1, 16, {"percentile": 0.6, "segments_per_state": 2})],
)
def test_loss_is_the_hinge_of_all_pairs(videos, crops, length, settings, selection, norm):
    method, batch = build(selection=selection, norm=norm, **settings), bags.batch(videos, crops, length)
    statistics = batch_statistics(method, batch) if norm == "batch" else None
    normal, abnormal = (plain_scores(method, half.features, statistics) for half in (batch.normal, batch.abnormal))
    rows = batch.abnormal.features.mean(1).numpy()
    stand = [plain_represent(scores, own, method.config) for scores, own in zip(abnormal, rows, strict=True)]
    expected = sum(max(0, 1 - value + max(scores)) for value in stand for scores in normal) / videos
    terms = method.training_step(batch)
    assert list(terms) == ["loss", "hinge"]
    for term in terms.values():
        assert term.item() == pytest.approx(expected, abs=1e-10)


def test_the_three_choices_differ():
    batch = bags.batch(3, 1, 24)
    losses = [build(selection=each, stickiness=0.2).training_step(batch)["loss"].item() for each in SELECTIONS]
    assert len({round(loss, 6) for loss in losses}) == 3


def with_states(method, states):
    """A method that knows the states of videos v0, v1 … already, and bags with their names."""
    half = bags.batch(len(states), 1, len(states[0])).abnormal
    method._states = {(name, len(own)): 2 * torch.tensor(own) for name, own in zip(half.video_ids, states, strict=True)}
    return half


PER_STATE = build()
ABOVE = build(selection="above-percentile")


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 10), st.floats(0, 1), st.integers(0, 999))
def test_with_one_state_the_highest_score_stands_for_a_video_and_with_as_many_as_segments_all_candidates(
    length, percentile, seed
):
    scores = torch.from_numpy(np.random.default_rng(seed).random((2, length)))
    for method in (PER_STATE, ABOVE):
        method.config = method.config.model_copy(update={"percentile": percentile})
    one = PER_STATE.represent(scores, with_states(PER_STATE, [[4] * length] * 2))
    torch.testing.assert_close(one, scores.amax(1))
    half = with_states(PER_STATE, [list(range(length))] * 2)
    torch.testing.assert_close(PER_STATE.represent(scores, half), ABOVE.represent(scores, half))


def test_segments_of_one_state_count_once_though_the_code_counts_each():
    scores = torch.tensor([[0.9, 0.8, 0.7, 0.1, 0.2]], dtype=torch.float64)
    method = build(percentile=0.5)
    half = with_states(method, [[0, 0, 1, 1, 2]])
    assert method.represent(scores, half).item() == pytest.approx((0.9 + 0.7) / 2)
    assert build(percentile=0.5, selection="above-percentile").represent(scores, half).item() == pytest.approx(0.8)


def test_only_what_stands_for_a_video_learns():
    scores = torch.tensor([[0.9, 0.8, 0.7, 0.1, 0.2]], dtype=torch.float64, requires_grad=True)
    method = build(percentile=0.0)
    method.represent(scores, with_states(method, [[0, 0, 1, 1, 2]])).sum().backward()
    assert scores.grad.tolist() == [pytest.approx([1 / 3, 0, 1 / 3, 0, 1 / 3])]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.floats(0, 1), st.booleans(), st.integers(0, 999))
def test_candidates_score_no_less_than_the_percentile(length, percentile, ties, seed):
    scores = np.random.default_rng(seed).random((3, length))
    scores = scores.round(1) if ties else scores
    found = find_candidates(torch.from_numpy(scores), percentile)
    assert found.any(1).all()
    for row, own in zip(scores, found.tolist(), strict=True):
        lowest = quantile(row.tolist(), percentile)
        assert all(chosen == (s >= lowest) or abs(s - lowest) < 1e-12 for s, chosen in zip(row, own, strict=True))


def test_of_equal_scores_all_are_candidates_also_in_bfloat16():
    assert find_candidates(torch.full((1, 7), 0.3, dtype=torch.bfloat16), 0.35).all()
    found = find_candidates(torch.tensor([[0.25, 0.5, 0.75]], dtype=torch.bfloat16), 0.5)
    assert found.tolist() == [[False, True, True]]


def test_the_states_of_a_video_are_found_once_and_scores_know_nothing_of_them():
    method, first, other = build(stickiness=0.2).eval(), bags.batch(3, 2, 20), bags.batch(3, 2, 20, seed=9)
    scores = method.score(first.normal.features)
    found = method.states_of(first.abnormal)
    assert torch.equal(method.states_of(other.abnormal), found)
    assert not torch.equal(build(stickiness=0.2).states_of(other.abnormal), found)
    renamed = replace(other.abnormal, video_ids=("w0", "w1", "v2"))
    assert torch.equal(method.states_of(renamed)[2], found[2])
    assert not torch.equal(method.states_of(renamed)[:2], found[:2])
    assert torch.equal(method.score(first.normal.features), scores)
    assert not any("state" in name for name in method.state_dict())


def test_the_codes_own_reading_finds_no_states():
    method = build(selection="above-percentile")
    method.training_step(bags.batch())
    assert method._states == {}


@pytest.mark.parametrize(("length", "states"), [(1, 1), (2, 1), (3, 1), (8, 2), (30, 10), (32, 10), (90, 10)])
def test_a_video_has_a_third_as_many_states_as_segments_and_ten_at_most(length, states):
    half = bags.batch(1, 1, length).abnormal
    half.features[0, 0] = torch.arange(length)[:, None] ** 2.0  # each far from the next
    assert (build(stickiness=0.0).states_of(half) // 2).max() < states
    assert (build(stickiness=0.0).states_of(half) // 2).unique().numel() >= states / 2


def test_batch_statistics_are_of_the_units_over_all_segments_and_of_one_pass():
    method, batch = build(), bags.batch(2, 3, 9)
    with torch.no_grad():
        method.norm.running_mean.zero_()
        method.norm.running_var.zero_()
    mean, variance = batch_statistics(method, batch)
    method.training_step(batch)
    assert method.norm.num_batches_tracked == 1
    np.testing.assert_allclose(method.norm.running_mean.numpy(), 0.1 * mean, atol=1e-12)
    rows = 2 * 2 * 3 * 9
    np.testing.assert_allclose(method.norm.running_var.numpy(), 0.1 * variance * rows / (rows - 1), atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_a_normalised_graph_leaves_the_root_of_its_degrees_as_it_is_and_nothing_grows(length):
    x = bags.batch(2, 1, length).normal.features[:, 0]
    for graph in (affinity_graph(x, torch.full((6,), 0.7).double()), lambda y: distance_graph(y, 1.0)):
        ones = torch.ones(2, length, 1, dtype=torch.float64)
        root = (graph(ones) + ones).sqrt()
        applied = with_self(graph, x)
        torch.testing.assert_close(applied(root), root)
        matrix = applied(torch.eye(length, dtype=torch.float64).expand(2, -1, -1))
        torch.testing.assert_close(matrix, matrix.mT)
        assert torch.linalg.eigvalsh(matrix).abs().max() <= 1 + 1e-12


def test_features_far_from_zero_do_not_blur_the_affinities():
    x = bags.batch(1, 1, 9).normal.features[:, 0]
    exact = affinity_graph(x, torch.ones(6).double())(torch.eye(9, dtype=torch.float64)[None])
    shifted = affinity_graph((x + 500).float(), torch.ones(6))(torch.eye(9)[None])
    torch.testing.assert_close(shifted.double(), exact, rtol=0, atol=1e-3)


def test_a_long_video_in_blocks_scores_as_it_does_whole(monkeypatch):
    method, features = build().eval(), bags.batch(2, 3, 400).normal.features
    whole = method.score(features).detach()
    with torch.no_grad():
        monkeypatch.setattr("methods.parts.temporal_graphs.BLOCK", 30 * 400)
        monkeypatch.setattr("methods.parts.temporal_graphs.BAND", 50)
        monkeypatch.setattr("methods.parts.long_videos.ELEMENTS", 1)
        torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)


def test_length_scales_start_at_log_two_and_layers_as_pytorch_makes_them():
    torch.manual_seed(0)
    method = BNSVP(BNSVP.Config(), FeatureSpec(256, {}))
    assert torch.nn.functional.softplus(method.raw_length_scale).unique().item() == pytest.approx(math.log(2))
    for layer in (method.similar, method.near, method.classifier):
        assert layer.weight.abs().max().item() == pytest.approx(layer.in_features**-0.5, rel=0.1)
    for weights in method.recurrent.parameters():
        assert weights.abs().max().item() == pytest.approx(32**-0.5, rel=0.1)


def test_parameters_are_the_codes_used_ones():
    gates = 4 * 32 * (128 + 32 + 2) + 4 * 4 * 32 * (32 + 32 + 2)
    theirs = 2 * (1024 * 128 + 128) + 1024 + gates + 2 * 32 + (32 + 1)
    assert bags.parameters(BNSVP(BNSVP.Config(), FeatureSpec(1024, {}))) == theirs


def test_embedding_is_the_normalised_recurrent_output_mean_over_crops():
    method, features = build().eval(), bags.batch().normal.features
    embedded = method.embed(features)
    assert embedded.shape == (2, 10, 32)
    torch.testing.assert_close(embedded[1], method.network(features[1]).mean(0))


def test_dropout_follows_the_graph_layers_and_is_off_in_evaluation():
    torch.manual_seed(0)
    method = BNSVP(BNSVP.Config(dropout=0.5), FeatureSpec(6, {})).double()
    seen = []
    method.recurrent.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    features = bags.batch(2, 1, 40).normal.features
    method.train()(features)
    method.eval()(features)
    dropped, whole = seen
    assert (dropped[whole > 0] == 0).double().mean().item() == pytest.approx(0.5, abs=0.05)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], 2 * whole[kept])
