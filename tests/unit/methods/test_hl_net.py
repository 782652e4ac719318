"""HL-Net with weights under the official names: scores and loss terms against an evaluation in NumPy, and its traps."""

import math

import numpy as np
import pytest
import torch

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods.hl_net import HLNet
from methods.parts import temporal_graphs
from tests.unit.methods import bags, plain_graphs
from tests.unit.methods.plain_graphs import closeness, convolution, dense, graph_convolution, relu, sigmoid, similarity

PUBLISHED = 1152


def official_weights(dim, seed=0):
    """Random weights under all official names, float64."""
    random, state = np.random.default_rng(seed), {}

    def layer(name, *shape):
        state.update({f"{name}.{part}": value for part, value in plain_graphs.random_layer(random, *shape).items()})

    layer("conv1d1", 512, dim, 1)
    layer("conv1d2", 128, 512, 1)
    layer("conv1d3", 32, 128, 5)
    layer("conv1d4", 32, 32, 5)
    for i in range(1, 7):
        inputs = 128 if i % 2 else 32
        state[f"gc{i}.weight"] = random.standard_normal((inputs, 32)) / math.sqrt(inputs)
        if i % 2:
            layer(f"gc{i}.residual", 32, 128, 5)
    for i in (0, 1):
        state[f"simAdj.weight{i}"] = random.standard_normal((dim, 32))
    state["disAdj.sigma"] = np.array([0.1])
    layer("classifier", 1, 96)
    layer("approximator.0", 64, 128, 1)
    layer("approximator.2", 32, 64, 1)
    layer("conv1d_approximator", 1, 32, 5)
    return {name: torch.from_numpy(value) for name, value in state.items()}


def plain_logits(state, x, length=None):
    """Offline and online logits of (T, D), of which `length` rows are a video's own."""
    length = len(x) if length is None else length
    h = relu(convolution(relu(convolution(x, state, "conv1d1")), state, "conv1d2"))
    narrow = relu(convolution(relu(convolution(h, state, "approximator.0")), state, "approximator.2"))
    online = convolution(narrow, state, "conv1d_approximator", before=4)[:, 0]
    branches = []
    for graph, first in (
        (similarity(x, length), 1),
        (plain_graphs.distance(len(x)), 3),
        (closeness(sigmoid(online), length), 5),
    ):
        hidden = relu(graph_convolution(h, graph, state, f"gc{first}"))
        branches.append(relu(graph_convolution(hidden, graph, state, f"gc{first + 1}")))
    return dense(np.concatenate(branches, axis=1), state, "classifier")[:, 0], online


def plain_terms(state, batch, lengths, weight=5.0):
    """The loss terms of a batch of one crop, video by video."""
    terms = {"mil": [], "mil_online": [], "distillation": []}
    longest = max(lengths)
    videos = torch.cat([batch.normal.features, batch.abnormal.features])[:, 0, :longest].numpy()
    for i, (x, length) in enumerate(zip(videos, lengths, strict=True)):
        offline, online = plain_logits(state, x, length)
        for term, logits in (("mil", offline), ("mil_online", online)):
            p = sigmoid(plain_graphs.top_mean(list(logits), length))
            terms[term].append(-math.log(p if i >= len(lengths) // 2 else 1 - p))
        said = [-sigmoid(offline[t]) * math.log(sigmoid(online[t])) for t in range(length)]
        terms["distillation"].append(weight * sum(said) / length)
    means = {name: sum(values) / len(values) for name, values in terms.items()}
    return {"loss": sum(means.values()), **means}


def build(state, dim, dtype=torch.float64, **config):
    method = HLNet(HLNet.Config(dropout=0.0, **config), FeatureSpec(dim, {})).to(dtype)
    method.load_state_dict(HLNet.adopt_weights(state))
    return method


def padded(batch, lengths):
    """A batch of videos of these lengths, normal ones first, filled up by zeros."""
    halves = []
    for half, own in zip((batch.normal, batch.abnormal), torch.tensor(lengths).chunk(2), strict=True):
        for video, length in zip(half.features, own, strict=True):
            video[:, length:] = 0
        halves.append(Bags(half.features, None, None, half.video_ids, lengths=own))
    return PairBatch(*halves)


@pytest.fixture(scope="module")
def small():
    return official_weights(6)


@pytest.fixture(scope="module")
def published():
    return official_weights(PUBLISHED)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_scores_are_those_of_the_official_network_at_the_published_size(published, dtype, tolerance):
    state = plain_graphs.numpy_state(published)
    offline, online = build(published, PUBLISHED, dtype).eval(), build(published, PUBLISHED, dtype, score_by="online")
    for length in (1, 2, 17):
        features = np.random.default_rng(length).uniform(-0.5, 1, (2, length, PUBLISHED))
        features[:, ::3] = features[:, :1] + 0.3 * features[:, ::3]  # some segments alike, others not
        expected = np.mean([sigmoid(plain_logits(state, crop)) for crop in features], axis=0)
        assert (np.abs(expected - 0.5) < 0.45).all()  # saturated scores would agree whatever the weights
        for method, scores in zip((offline, online.eval()), expected, strict=True):
            with torch.no_grad():
                found = method.score(torch.tensor(features, dtype=dtype)[None])[0]
            np.testing.assert_allclose(found.numpy(), scores, rtol=0, atol=tolerance)


@pytest.mark.parametrize("length", [1, 7, 33])
def test_loss_terms(small, length):
    batch, method = bags.batch(videos=2, crops=1, length=length), build(small, 6)
    expected = plain_terms(plain_graphs.numpy_state(small), batch, [length] * 4)
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-11)
    assert list(terms) == ["loss", "mil", "mil_online", "distillation"]


@pytest.mark.parametrize("lengths", [(20, 20, 20, 20), (3, 17, 1, 16), (35, 32, 31, 5)])
def test_loss_terms_of_videos_that_are_filled_up(small, lengths):
    batch, method = padded(bags.batch(videos=2, crops=1, length=36), lengths), build(small, 6)
    expected = plain_terms(plain_graphs.numpy_state(small), batch, list(lengths))
    assert {k: v.item() for k, v in method.training_step(batch).items()} == pytest.approx(expected, abs=1e-11)


def test_a_batch_is_cut_to_its_longest_video(small):
    method, lengths = build(small, 6), (9, 12, 4, 7)
    batch = padded(bags.batch(videos=2, crops=1, length=20), lengths)
    cut = [
        Bags(half.features[:, :, :12], None, None, half.video_ids, lengths=half.lengths)
        for half in (batch.normal, batch.abnormal)
    ]
    terms = method.training_step(batch)
    assert terms == method.training_step(PairBatch(*cut))
    # Rows of zeros that are left behind a video do act on it.
    x = batch.normal.features[:, 0]
    assert not torch.allclose(method.heads(x)[0][:, :9], method.heads(x[:, :12])[0][:, :9])


def test_what_fills_a_video_up_acts_through_distance_and_convolutions_alone(small):
    method = build(small, 6)
    x, lengths = bags.batch(videos=1, crops=1, length=14).normal.features[:, 0], torch.tensor([8])
    other = x.clone()
    other[:, 8:] *= -3
    for module in (method.gc1, method.gc3, method.gc5):  # what is near crosses the border of a video
        torch.nn.init.zeros_(module.residual.weight)
    (first, _, features, _), (second, _, changed, _) = method.heads(x, lengths), method.heads(other, lengths)
    alike, near, like = (features[:, :8] - changed[:, :8]).abs().chunk(3, dim=-1)
    assert near.max() > 1e-3
    torch.testing.assert_close(alike, torch.zeros_like(alike))
    torch.testing.assert_close(like, torch.zeros_like(like))
    assert not torch.allclose(first[:, :8], second[:, :8])
    without = method.heads(other)[2][:, :8] - method.heads(x)[2][:, :8]
    assert all(part.abs().max() > 1e-3 for part in without.chunk(3, dim=-1))


def test_the_online_head_looks_back_only_and_over_five_segments(small):
    x = bags.batch(videos=1, crops=1, length=15).normal.features[:, 0]
    later = x.clone()
    later[:, 6] += 1
    method = build(small, 6)
    (offline, online, *_), (offline_later, online_later, *_) = method.heads(x), method.heads(later)
    moved = (online != online_later)[0].nonzero()[:, 0].tolist()
    assert moved == [6, 7, 8, 9, 10]
    assert (offline != offline_later).all()


def test_what_passes_no_gradient(small):
    def reached(term, parameter):
        method = build(small, 6)
        method.training_step(bags.batch(crops=1))[term].backward()
        gradient = dict(method.named_parameters())[parameter].grad
        return gradient is not None and bool(gradient.any())

    # The offline head is a target, and online scores are given where they make a graph.
    assert not reached("distillation", "classifier.weight")
    assert not reached("mil", "conv1d_approximator.weight")
    assert reached("mil", "gc6.weight")
    assert reached("mil_online", "conv1d1.weight")
    assert reached("distillation", "conv1d1.weight")


def test_crops_are_samples_of_their_own(small):
    method, batch = build(small, 6), bags.batch(videos=2, crops=3)
    apart = [
        Bags(half.features.flatten(0, 1)[:, None], None, None, tuple("abcdef"))
        for half in (batch.normal, batch.abnormal)
    ]
    terms, expected = method.training_step(batch), method.training_step(PairBatch(*apart))
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({k: v.item() for k, v in expected.items()})
    scores = torch.stack([method.score(batch.normal.features[:, [crop]]) for crop in range(3)])
    torch.testing.assert_close(method.score(batch.normal.features), scores.mean(0))


@pytest.mark.parametrize(("score_by", "width"), [("offline", 96), ("online", 32)])
def test_embedding_is_what_the_scoring_head_sees(small, score_by, width):
    method, features = build(small, 6, score_by=score_by), bags.batch().normal.features
    assert method.embed(features).shape == (2, 10, width)
    rows = method.embed(features[:, :1])[0]
    last = method.classifier if score_by == "offline" else method.conv1d_approximator
    torch.testing.assert_close(last(rows)[:, 0].sigmoid(), method.score(features[:1, :1])[0])


@torch.no_grad()
def test_long_videos_are_scored_in_blocks_to_the_same_scores(small, monkeypatch):
    method = build(small, 6).eval()
    features = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 1, 5000, 6)))
    scores = []
    for block in (5000 * 5000, 5000 * 300):
        monkeypatch.setattr(temporal_graphs, "BLOCK", block)
        scores.append(method.score(features))
    torch.testing.assert_close(*scores, rtol=0, atol=1e-13)


def test_official_names_and_sizes(published):
    assert len(published) == 31
    assert sum(value.numel() for value in published.values()) == 842_883
    adopted = HLNet.adopt_weights({f"module.{name}": value for name, value in published.items()})
    unused = (32 * 128 * 5 + 32) + (32 * 32 * 5 + 32) + 2 * PUBLISHED * 32 + 1
    assert bags.parameters(HLNet(HLNet.Config(), FeatureSpec(PUBLISHED, {}))) == 842_883 - unused == 743_490
    assert {name: value.shape for name, value in adopted.items()} == {
        name: value.shape for name, value in HLNet(HLNet.Config(), FeatureSpec(PUBLISHED, {})).state_dict().items()
    }
    with pytest.raises(RuntimeError, match=r"Unexpected key.*gc7\.weight"):
        build(published | {"gc7.weight": torch.zeros(1)}, PUBLISHED)


def test_the_online_head_learns_at_half_the_rate():
    method = HLNet(HLNet.Config(), FeatureSpec(6, {}))
    factors = method.rate_factors()
    slow = {name for name, _ in method.named_parameters() if name.startswith(tuple(factors))}
    assert slow == {
        f"{layer}.{part}"
        for layer in ("approximator.0", "approximator.2", "conv1d_approximator")
        for part in ("weight", "bias")
    }
    assert set(factors.values()) == {0.5}


def test_initialisation_is_xavier_with_the_biases_of_pytorch():
    torch.manual_seed(0)
    state = HLNet(HLNet.Config(), FeatureSpec(64, {})).state_dict()
    for name, bound in (
        ("conv1d1.weight", (6 / (64 + 512)) ** 0.5),
        ("gc1.weight", (6 / (128 + 32)) ** 0.5),
        ("gc1.residual.weight", (6 / (5 * (128 + 32))) ** 0.5),
        ("conv1d2.bias", 1 / 512**0.5),
        ("gc3.residual.bias", 1 / (5 * 128) ** 0.5),
    ):
        assert state[name].abs().max().item() == pytest.approx(bound, rel=0.1), name


def test_dropout_is_after_both_first_layers_and_every_graph_layer():
    method = HLNet(HLNet.Config(), FeatureSpec(6, {})).double().train()
    shapes = []
    method.dropout.register_forward_hook(lambda _, __, output: shapes.append(output.shape[-1]))
    method.training_step(bags.batch(crops=1, length=5))
    assert shapes == [512, 128] + [32] * 6
    assert method.dropout.p == 0.6
