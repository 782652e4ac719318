"""WSTR (reconstructed): scores and loss terms against plain loops, what places do, and videos of any length."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from benchmark.api import FeatureSpec
from methods import wstr
from methods.parts import long_videos
from methods.wstr import WSTR, sinusoid
from tests.unit.methods import bags, plain
from tests.unit.methods.plain_graphs import dense
from tests.unit.methods.windowed import check_windows_of_eight

SMALL = {"width": 6, "layers": 2, "heads": 3, "mlp_ratio": 2}
POSITIONS = ["sinusoid", "relative", "none"]


def build(position="sinusoid", **config):
    """A small float64 method without dropout, whose attention is far from uniform and whose norms do something."""
    config = {**SMALL, **({"reach": 3} if position == "relative" else {}), **config}
    method = bags.build(WSTR, position=position, **config)
    for name, parameter in method.named_parameters():
        if "norm.weight" in name:
            parameter.data.uniform_(0.5, 1.5)
        elif "qkv.weight" in name or "table" in name:
            parameter.data.normal_()
    return method


@cache
def ready(position):
    """A built method that is only scored with."""
    return build(position).eval().requires_grad_(False)


def plain_norm(rows, weights, name):
    out = np.zeros_like(rows)
    for t, row in enumerate(rows):
        deviation = math.sqrt(plain.mean((a - plain.mean(row)) ** 2 for a in row) + 1e-5)
        for d, a in enumerate(row):
            out[t, d] = (a - plain.mean(row)) / deviation * weights[f"{name}.weight"][d] + weights[f"{name}.bias"][d]
    return out


def plain_attention(rows, weights, name, heads, reach):
    """Queries, keys and values are the thirds of one layer, heads the parts of a third."""
    width, size = rows.shape[1], rows.shape[1] // heads
    made = dense(rows, weights, f"{name}.qkv")
    out = np.zeros_like(rows)
    for head in range(heads):
        first = head * size
        for i in range(len(rows)):
            logits = []
            for j in range(len(rows)):
                query = made[i, first : first + size]
                key = made[j, width + first : width + first + size]
                logit = sum(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(size)
                if reach is not None:
                    logit += weights[f"{name}.bias.table"][head, min(max(j - i, -reach), reach) + reach]
                logits.append(logit)
            exponentials = [math.exp(z - max(logits)) for z in logits]
            for j, e in enumerate(exponentials):
                value = made[j, 2 * width + first : 2 * width + first + size]
                out[i, first : first + size] += e / sum(exponentials) * value
    return dense(out, weights, f"{name}.output")


def plain_place(t, d, width):
    angle = t / 10_000 ** (2 * (d // 2) / width)
    return math.cos(angle) if d % 2 else math.sin(angle)


def gelu(x):
    return np.vectorize(lambda a: a * (1 + math.erf(a / math.sqrt(2))) / 2)(x)


def plain_crop(method, rows):
    """What the scorer sees and the scores of one crop (T, D)."""
    weights, config = plain.arrays(method), method.config
    x = plain.relu(dense(rows, weights, "project.0"))
    x = plain.relu(dense(x, weights, "project.2"))
    if config.position == "sinusoid":
        x = x + [[plain_place(t, d, config.width) for d in range(config.width)] for t in range(len(x))]
    reach = config.reach if config.position == "relative" else None
    for i in range(config.layers):
        block = f"encoder.blocks.{i}"
        normed = plain_norm(x, weights, f"{block}.attention_norm")
        x = x + plain_attention(normed, weights, f"{block}.attention", config.heads, reach)
        hidden = dense(plain_norm(x, weights, f"{block}.feed_forward_norm"), weights, f"{block}.feed_forward.0")
        x = x + dense(gelu(hidden), weights, f"{block}.feed_forward.3")
    x = plain_norm(x, weights, "encoder.norm")
    hidden = plain.relu(dense(x, weights, "scorer.fc1"))
    hidden = plain.relu(dense(hidden, weights, "scorer.fc2"))
    return x, [plain.sigmoid(z) for z in dense(hidden, weights, "scorer.fc3")[:, 0]]


def plain_scores(method, videos):
    crops = [[plain_crop(method, rows)[1] for rows in video] for video in videos.numpy()]
    return [[plain.mean(values) for values in zip(*video, strict=True)] for video in crops]


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize(("videos", "crops", "length", "top_k"), [(1, 1, 1, 3), (2, 3, 9, 3), (3, 1, 4, 5)])
def test_loss_terms(videos, crops, length, top_k, position):
    method = build(position, top_k=top_k, smoothness=0.3, sparsity=0.7)
    batch = bags.batch(videos, crops, length)
    normal, abnormal = (plain_scores(method, half.features) for half in (batch.normal, batch.abnormal))
    flat = [s for scores in abnormal for s in scores]
    expected = {
        "mil": plain.mean(
            plain.cross_entropy(plain.mean(scores[t] for t in plain.top(scores, top_k)), label)
            for label, half in enumerate((normal, abnormal))
            for scores in half
        ),
        "smooth": 0.3 * plain.smoothness(flat),
        "sparse": 0.7 * plain.norm(flat),
    }
    expected = {"loss": sum(expected.values()), **expected}
    terms = method.training_step(batch)
    assert list(terms) == list(expected)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize(("crops", "length"), [(1, 1), (2, 11)])
def test_scores_and_embedding_are_means_over_crops(crops, length, position):
    method, features = build(position).eval(), bags.batch(2, crops, length).abnormal.features
    scores = plain_scores(method, features)
    assert np.std(scores) > 1e-3
    np.testing.assert_allclose(method.score(features).detach(), scores, rtol=0, atol=1e-9)
    embedded = [np.mean([plain_crop(method, rows)[0] for rows in video], axis=0) for video in features.numpy()]
    np.testing.assert_allclose(method.embed(features).detach(), embedded, rtol=0, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 12), st.integers(0, 999))
def test_without_places_the_encoder_commutes_with_permutations_and_with_them_it_does_not(length, seed):
    features = bags.batch(1, 1, length, seed=seed).normal.features
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    moved = features[:, :, order]
    for position in POSITIONS:
        method = ready(position)
        usual, other = method.embed(features)[:, order], method.embed(moved)
        if position == "none" or torch.equal(order, torch.arange(length)):
            torch.testing.assert_close(other, usual, rtol=0, atol=1e-10)
        else:
            assert (other - usual).abs().max() > 1e-6


@pytest.mark.parametrize("position", POSITIONS)
def test_every_snippet_sees_all_others(position):
    method, features = build(position).eval(), bags.batch(1, 1, 12).normal.features
    changed = features.clone()
    changed[:, :, 5] += 1
    assert ((method.score(changed) - method.score(features)).abs() > 1e-9).all()


def test_with_biases_by_distance_alike_surroundings_score_alike_and_with_waves_they_do_not():
    features = bags.batch(1, 1, 1).normal.features.expand(-1, -1, 20, -1)
    relative, waves = (build(position).eval().score(features)[0] for position in ("relative", "sinusoid"))
    assert relative.max() - relative.min() < 1e-12
    assert waves.max() - waves.min() > 1e-6


@pytest.mark.parametrize("width", [1, 6, 7])
def test_waves_are_those_of_the_formula_whatever_the_length(width):
    like = torch.zeros(1, dtype=torch.float64)
    expected = [[plain_place(t, d, width) for d in range(width)] for t in range(300)]
    np.testing.assert_allclose(sinusoid(300, width, like), expected, rtol=0, atol=1e-12)
    assert torch.equal(sinusoid(300, width, like)[:9], sinusoid(9, width, like))
    far = sinusoid(100_000, width, like.float())
    assert far.dtype == torch.float32
    assert far[-1, 0].item() == pytest.approx(math.sin(99_999), abs=1e-6)


@pytest.mark.parametrize("position", POSITIONS)
@torch.no_grad()
def test_long_videos_are_scored_in_blocks_to_the_same_scores(position, monkeypatch):
    method, features = build(position).eval(), bags.batch(1, 2, 211).normal.features
    usual = method.score(features)
    monkeypatch.setattr(long_videos, "ELEMENTS", 100)
    monkeypatch.setattr(wstr, "BLOCK", 3 * 211 * 10)
    torch.testing.assert_close(method.score(features), usual, rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_window_is_scored_like_a_video_of_its_own():
    check_windows_of_eight(build(window=8).eval(), build().eval())


def test_training_sees_videos_without_windows():
    batch = bags.batch(length=9)
    assert build(window=4).training_step(batch) == build().training_step(batch)


@pytest.mark.parametrize("position", POSITIONS)
def test_half_precision_and_blank_videos_give_finite_gradients(position):
    method, batch = build(position).float(), bags.batch()
    for half in (batch.normal, batch.abnormal):
        half.features.data = half.features.float()
        half.features[0] = 0
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.training_step(batch)["loss"]
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())


def test_heads_divide_the_width():
    with pytest.raises(ValidationError, match="heads 4 do not divide width 6"):
        WSTR.Config(width=6)


def test_reach_is_refused_without_biases_by_distance():
    with pytest.raises(ValidationError, match="reach 5 means nothing without position relative"):
        WSTR.Config(reach=5)
    assert WSTR.Config(reach=5, position="relative").reach == 5


def test_dropout_falls_where_the_sister_code_has_it():
    method = WSTR(WSTR.Config(dropout=0.5, encoder_dropout=0.25, **SMALL), FeatureSpec(6, {})).train()
    rates = []
    for module in method.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(lambda module, _, output: rates.append((module.p, output.shape[-1])))
    method(torch.rand(1, 5, 6))
    block = [(0.25, 6), (0.25, 12), (0.25, 6)]  # attention, hidden and last layer
    assert rates == [(0.5, 6), (0.25, 6), *block, *block, (0.5, 6), (0.5, 512), (0.5, 128)]


@pytest.mark.parametrize("position", POSITIONS)
def test_parameters_by_hand(position):
    method = WSTR(WSTR.Config(position=position), FeatureSpec(2048, {}))
    block = 2 * (2 * 512) + (512 * 1536 + 1536) + (512 * 512 + 512) + (512 * 2048 + 2048) + (2048 * 512 + 512)
    first, scorer = (2048 * 512 + 512) + (512 * 512 + 512), (512 * 512 + 512) + (512 * 128 + 128) + 129
    biases = 4 * 65 if position == "relative" else 0
    assert bags.parameters(method) == first + 3 * (block + biases) + 2 * 512 + scorer


def test_layers_start_xavier_uniform_without_biases():
    torch.manual_seed(0)
    state = WSTR(WSTR.Config(position="relative"), FeatureSpec(64, {})).state_dict()
    for name, bound in (
        ("project.0.weight", (6 / (64 + 512)) ** 0.5),
        ("encoder.blocks.2.attention.qkv.weight", (6 / (4 * 512)) ** 0.5),
        ("encoder.blocks.1.feed_forward.0.weight", (6 / (5 * 512)) ** 0.5),
    ):
        assert state[name].abs().max().item() == pytest.approx(bound, rel=0.01), name
    for name, value in state.items():
        assert not name.endswith(".bias") or not value.any(), name
        assert not name.endswith("norm.weight") or value.eq(1).all(), name
    assert state["encoder.blocks.0.attention.bias.table"].std().item() == pytest.approx(0.02, rel=0.2)
