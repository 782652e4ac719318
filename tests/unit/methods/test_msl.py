"""MSL: the network, the losses of a whole training and the corrected scores against an evaluation in plain loops."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.api import FeatureSpec, TrainingContext
from methods.msl import MSL, sequence_lengths, sinusoids, window_means
from methods.parts import long_videos
from methods.parts.losses import hinge_paired
from methods.parts.windows import cut_windows, join_windows
from tests.unit.methods import bags, plain

SMALL = {"width": 8, "heads": 2}


def build(**config):
    """A small float64 method without dropout, whose class token is far from zero."""
    method = bags.build(MSL, **SMALL | config)
    method.class_token.data.mul_(30)
    return method


def dense(x, w, name):
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)


def layer_norm(x, w, name):
    rows = [(row - row.mean()) / math.sqrt(((row - row.mean()) ** 2).mean() + 1e-5) for row in x]
    return np.array(rows) * w[f"{name}.weight"] + w[f"{name}.bias"]


def gelu(x):
    return np.vectorize(lambda z: 0.5 * z * (1 + math.erf(z / math.sqrt(2))))(x)


def convolve(x, taps):
    """Each column by its own kernel (kernel, columns), zeros beyond both ends."""
    out = np.zeros_like(x)
    for t in range(len(x)):
        for j in range(len(taps)):
            at = t + j - len(taps) // 2
            if 0 <= at < len(x):
                out[t] += taps[j] * x[at]
    return out


def attend(x, w, name, heads, convolved):
    taps, parts = w[f"{name}.taps"], []
    for kind, of_kind in zip(("query", "key", "value"), taps, strict=True):
        rows = convolve(x, of_kind) if convolved else np.concatenate([x[:1], convolve(x[1:], of_kind)])
        parts.append(dense(rows, w, f"{name}.{kind}"))
    query, key, value = parts
    size = x.shape[1] // heads
    out = np.zeros_like(x)
    for h in range(heads):
        columns = slice(h * size, (h + 1) * size)
        for i in range(len(x)):
            logits = [float(query[i, columns] @ key[j, columns]) / math.sqrt(size) for j in range(len(x))]
            weights = [math.exp(z) for z in logits]
            out[i, columns] = sum(a / sum(weights) * value[j, columns] for j, a in enumerate(weights))
    return dense(out, w, f"{name}.output")


def plain_tokens(rows, method):
    """Tokens of one crop (T, D), the class token's first."""
    w, config = plain.arrays(method), method.config
    x = dense(rows, w, "project")
    if config.position == "sinusoid":
        for t in range(len(x)):
            for c in range(config.width):
                angle = t / 10_000 ** (2 * (c // 2) / config.width)
                x[t, c] += math.cos(angle) if c % 2 else math.sin(angle)
    x = np.concatenate([w["class_token"][None], x])
    for i in range(config.layers):
        name = f"layers.{i}"
        normed = layer_norm(x, w, f"{name}.attention_norm")
        x = x + attend(normed, w, f"{name}.attention", config.heads, config.class_token == "convolved")
        inner = gelu(dense(layer_norm(x, w, f"{name}.mlp_norm"), w, f"{name}.mlp.0"))
        x = x + dense(inner, w, f"{name}.mlp.3")
    return layer_norm(x, w, "norm")


def plain_read(video, method):
    """Probability of a video (crops, T, D), and scores of its segments, means over crops."""
    w, probabilities, scores = plain.arrays(method), [], []
    for rows in video:
        tokens = plain_tokens(rows, method)
        probabilities.append(plain.sigmoid(dense(tokens[:1], w, "video")[0, 0]))
        hidden = plain.relu(dense(plain.relu(dense(tokens[1:], w, "scorer.fc1")), w, "scorer.fc2"))
        scores.append([plain.sigmoid(z) for z in dense(hidden, w, "scorer.fc3")[:, 0]])
    return plain.mean(probabilities), [plain.mean(each) for each in zip(*scores, strict=True)]


def plain_windows(n, window):
    """First snippets of the windows, and their length."""
    if window is None or window >= n:
        return [0], n
    starts = list(range(0, n - window + 1, window))
    return starts + ([n - window] if n % window else []), window


def plain_score(video, method):
    config, n = method.config, video.shape[1]
    starts, length = plain_windows(n, config.window)
    read = [plain_read(video[:, start : start + length], method) for start in starts]
    low, high = min(min(s) for _, s in read), max(max(s) for _, s in read)
    found = [[] for _ in range(n)]
    for start, (p, scores) in zip(starts, read, strict=True):
        for t, s in enumerate(scores):
            if config.correction == "minmax-product":
                s = (s - low) / (high - low) if high > low else 1
            found[start + t].append(s if config.correction == "none" else p * s)
    assert max(map(len, found)) <= 2
    return [plain.mean(values) for values in found]


@pytest.mark.parametrize("correction", ["product", "none", "minmax-product"])
@pytest.mark.parametrize(
    ("crops", "length", "config"),
    [
        (1, 1, {}),
        (2, 7, {"class_token": "convolved"}),
        (3, 6, {"position": "sinusoid", "kernel": 1, "layers": 1}),
        (1, 13, {"window": 5}),
        (2, 10, {"window": 5, "kernel": 5, "class_token": "convolved", "position": "sinusoid"}),
        (2, 4, {"window": 1}),
        (1, 4, {"window": 9, "heads": 1}),
    ],
)
def test_scores(crops, length, config, correction):
    method = build(correction=correction, **config)
    features = bags.batch(2, crops, length).abnormal.features
    expected = [plain_score(video, method) for video in features.numpy()]
    np.testing.assert_allclose(method.score(features).detach().numpy(), expected, rtol=0, atol=1e-12)


def plain_best(values, K):
    means = [plain.mean(values[i : i + K]) for i in range(len(values) - K + 1)]
    return max(range(len(means)), key=lambda i: (means[i], -i))


CALLED = [("a", "b", "c"), ("c", "a", "b"), ("d", "c", "a"), ("b", "d", "c"), ("e", "b", "d")]


@pytest.mark.parametrize(
    ("length", "shrink", "lengths", "share", "crops", "config"),
    [
        (8, 2, [8, 4, 2, 1], 0.5, 1, {}),
        (9, 3, [9, 3, 1], 1.0, 1, {"class_token": "convolved", "layers": 1}),
        (7, 2, [7, 3, 1], 0.25, 1, {"rank_weight": 0.7, "video_weight": 1.7, "layers": 1}),
        (5, 8, [5, 1], 0.0, 2, {"position": "sinusoid", "layers": 1}),
        (1, 2, [1], 0.5, 3, {"layers": 1}),
    ],
)
def test_losses_of_a_whole_training(length, shrink, lengths, share, crops, config):
    """Also where a stage begins, whose labels are used there, and that a video not seen keeps its own."""
    method = build(shrink=shrink, pseudo_share=share, smoothness=0.3, sparsity=0.2, **config)
    steps, labels, seen, unlike = 12, {}, {}, 0
    method.begin_training(TrainingContext(steps, seed=0))
    of_each = steps // len(lengths)
    noise = torch.Generator().manual_seed(3)
    for step in range(steps):
        place, past = divmod(step, of_each)
        if past == 0:
            labels |= seen
            seen = {}
        batch = bags.batch(3, crops, length, seed=step)
        names = CALLED[step % len(CALLED)]
        batch = replace(batch, abnormal=replace(batch.abnormal, video_ids=names))
        terms = method.training_step(batch)
        normal = [plain_read(video, method) for video in batch.normal.features.numpy()]
        abnormal = [plain_read(video, method) for video in batch.abnormal.features.numpy()]
        K, ranks = lengths[place], []
        for name, (_, n), (p, a) in zip(names, normal, abnormal, strict=True):
            by_scores = plain_best(a, K)
            own = labels.get(name, [1.0] * length)
            by_labels = by_scores if max(own) == min(own) else plain_best(own, K)
            start = by_labels if past / of_each < share else by_scores
            unlike += start != by_scores
            highest = max(plain.mean(n[i : i + K]) for i in range(length - K + 1))
            ranks.append(max(0, 1 - plain.mean(a[start : start + K]) + highest))
            seen[name] = [p * s for s in a]
        videos = [plain.cross_entropy(p, 0) for p, _ in normal] + [plain.cross_entropy(p, 1) for p, _ in abnormal]
        expected = {
            "rank": config.get("rank_weight", 1) * plain.mean(ranks),
            "video": config.get("video_weight", 1) * plain.mean(videos),
            "smooth": 0.3 * plain.mean(plain.smoothness(a) for _, a in abnormal),
            "sparse": 0.2 * plain.mean(sum(a) for _, a in abnormal),
        }
        assert list(terms) == ["loss", *expected]
        for name, value in expected.items():
            assert terms[name].item() == pytest.approx(value, abs=1e-12)
        assert terms["loss"].item() == pytest.approx(sum(expected.values()), abs=1e-12)
        for parameter in method.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=noise, dtype=torch.float64)
    assert (unlike > 0) == (share > 0 and length > 1)


@pytest.mark.parametrize("crops", [1, 3])
def test_smoothness_and_sparsity_are_switched_off_by_default(crops):
    terms = build().training_step(bags.batch(2, crops, 5))
    assert terms["smooth"].item() == terms["sparse"].item() == 0
    assert terms["loss"].item() == (terms["rank"] + terms["video"]).item()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 11).flatmap(lambda T: st.lists(st.floats(0, 1), min_size=T, max_size=T)))
def test_means_of_windows(values):
    scores, T = torch.tensor([values], dtype=torch.float64), len(values)
    best = {}
    for K in range(1, T + 1):
        means = window_means(scores, K)[0]
        assert len(means) == T - K + 1
        np.testing.assert_allclose(means, [sum(values[i : i + K]) / K for i in range(T - K + 1)], rtol=0, atol=1e-14)
        best[K] = means.max().item()
    assert all(best[2 * K] <= best[K] + 1e-14 for K in best if 2 * K in best)


@pytest.mark.parametrize(
    ("T", "shrink", "expected"),
    [
        (32, 2, [32, 16, 8, 4, 2, 1]),
        (1, 2, [1]),
        (2, 9, [2, 1]),
        (33, 2, [33, 16, 8, 4, 2, 1]),
        (64, 4, [64, 16, 4, 1]),
    ],
)
def test_lengths_of_sequences(T, shrink, expected):
    assert sequence_lengths(T, shrink) == expected


def at_last_step(batch, **config):
    """The ranking loss of K = 1 and what it is of."""
    method = build(shrink=100, **config)
    method.begin_training(TrainingContext(4, seed=0))
    terms = [method.training_step(batch) for _ in range(4)]
    logits = [
        method(half.features.flatten(0, 1)).sigmoid().unflatten(0, (2, -1)).mean(1)[:, 1:]
        for half in (batch.normal, batch.abnormal)
    ]
    return terms, logits


def test_the_whole_video_is_the_first_sequence_and_a_segment_the_last():
    terms, (normal, abnormal) = at_last_step(bags.batch(2, 2, 6), pseudo_share=0.0)
    whole, single = hinge_paired(normal.mean(1), abnormal.mean(1)), hinge_paired(normal.amax(1), abnormal.amax(1))
    assert whole.item() != pytest.approx(single.item(), abs=1e-4)
    for term, expected in zip(terms, [whole, whole, single, single], strict=True):
        assert term["rank"].item() == pytest.approx(expected.item(), abs=1e-12)


def test_labels_of_one_value_choose_nothing():
    batch = bags.batch(2, 2, 6)
    losses = [build(pseudo_share=share, shrink=100).training_step(batch)["loss"].item() for share in (0.0, 1.0)]
    assert losses[0] == losses[1]
    # At K = 1 as well: the first segment is not chosen for being first.
    method = build(pseudo_share=1.0, shrink=100)
    method.begin_training(TrainingContext(2, seed=0))
    method.training_step(replace(batch, abnormal=replace(batch.abnormal, video_ids=("x", "y"))))
    _, (normal, abnormal) = at_last_step(batch)
    expected = hinge_paired(normal.amax(1), abnormal.amax(1)).item()
    assert method.training_step(batch)["rank"].item() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(0, 999))
def test_neither_the_videos_probability_nor_stretching_the_labels_changes_what_they_choose(T, seed):
    scores = torch.rand(3, T, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    labels = 0.37 * scores
    stretched = (labels - labels.amin(1, keepdim=True)) / (labels.amax(1, keepdim=True) - labels.amin(1, keepdim=True))
    for K in range(1, T + 1):
        chosen = window_means(scores, K).argmax(1)
        assert torch.equal(window_means(labels, K).argmax(1), chosen)
        assert torch.equal(window_means(stretched, K).argmax(1), chosen)


def test_pseudo_labels_are_no_weights_and_a_new_training_forgets_them():
    method, batch = build(), bags.batch(2, 1, 8)
    names, features = list(method.state_dict()), bags.batch(1, 1, 9).normal.features
    scores = method.score(features)
    method.begin_training(TrainingContext(8, seed=0))
    first = [method.training_step(batch)["loss"].item() for _ in range(8)]
    assert len(set(first)) == 4
    assert list(method.state_dict()) == names
    assert torch.equal(method.score(features), scores)
    method.begin_training(TrainingContext(8, seed=0))
    assert [method.training_step(batch)["loss"].item() for _ in range(8)] == first
    assert all(not label.requires_grad for label in method._labels.values())


def test_a_step_more_than_told_goes_on_with_single_segments():
    method, batch = build(pseudo_share=0.0), bags.batch(2, 1, 4)
    method.begin_training(TrainingContext(3, seed=0))
    losses = [method.training_step(batch)["loss"].item() for _ in range(5)]
    assert losses[2] == losses[3] == losses[4] != losses[0]


def test_correction_lowers_scores_and_the_probability_is_of_the_whole_video():
    features = bags.batch(3, 2, 9).abnormal.features
    corrected, plain_ones = (build(correction=c).score(features) for c in ("product", "none"))
    factors = corrected / plain_ones
    assert ((factors > 0) & (factors < 1)).all()
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors))
    assert len(set(factors[:, 0].tolist())) == 3


def test_stretched_scores_reach_from_zero_to_the_probability():
    features = bags.batch(1, 1, 9).abnormal.features
    scores = build(correction="minmax-product").score(features)
    factor = build().score(features) / build(correction="none").score(features)
    assert scores.min().item() == 0
    assert scores.max().item() == pytest.approx(factor[0, 0].item(), abs=1e-12)


@pytest.mark.parametrize(
    ("config", "keeps_no_order"),
    [({"kernel": 1}, True), ({}, False), ({"kernel": 1, "position": "sinusoid"}, False)],
)
def test_convolution_or_position_tell_the_order_of_snippets(config, keeps_no_order):
    method, features = build(**config), bags.batch(1, 1, 8).abnormal.features
    scores, turned = method.score(features), method.score(features.flip(2)).flip(1)
    assert torch.allclose(scores, turned, rtol=0, atol=1e-10) == keeps_no_order


@pytest.mark.parametrize("n", [1, 4, 5, 6, 9, 10, 11, 14, 15, 23])
def test_windows_joined_are_what_was_cut(n):
    x = torch.rand(2, n, 3)
    parts = cut_windows(x, 5)
    assert sum(part.shape[1] for part in parts) == max(1, -(-n // 5))
    torch.testing.assert_close(join_windows(torch.cat(parts, 1), n), x)


@pytest.mark.parametrize("window", [None, 7])
def test_a_long_video_in_pieces_scores_as_in_one(window, monkeypatch):
    features = bags.batch(2, 2, 40).abnormal.features
    whole = build(window=window)
    scores, tokens = whole.score(features), whole.embed(features)
    monkeypatch.setattr(long_videos, "ELEMENTS", 9 * 32)
    pieces = build(window=window)
    assert pieces.layers[0].rows == 9
    torch.testing.assert_close(pieces.score(features), scores, rtol=0, atol=1e-12)
    torch.testing.assert_close(pieces.embed(features), tokens, rtol=0, atol=1e-12)
    assert tokens.shape == (2, 40, 8)


def test_a_window_as_long_as_the_video_is_the_whole_video():
    features = bags.batch(1, 2, 6).abnormal.features
    assert torch.equal(build(window=6).score(features), build().score(features))
    assert not torch.allclose(build(window=5).score(features), build().score(features))


def test_embedding_is_the_snippets_tokens():
    method, features = build(), bags.batch(2, 3, 5).abnormal.features
    expected = [np.mean([plain_tokens(rows, method)[1:] for rows in video], 0) for video in features.numpy()]
    np.testing.assert_allclose(method.embed(features).detach().numpy(), expected, rtol=0, atol=1e-11)


def test_sinusoids_of_an_odd_width():
    made = sinusoids(torch.zeros(1, 6, 5, dtype=torch.float64))
    for t in range(6):
        for c in range(5):
            angle = t / 10_000 ** (2 * (c // 2) / 5)
            assert made[t, c].item() == pytest.approx(math.cos(angle) if c % 2 else math.sin(angle), abs=1e-12)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValidationError, match="heads have to divide 8: not 3"):
        MSL.Config(width=8, heads=3)


@pytest.mark.parametrize("length", [1, 2])
def test_every_weight_learns_from_the_shortest_videos(length):
    method = build(sparsity=0.1)
    method.training_step(bags.batch(2, 1, length))["loss"].backward()
    assert all(parameter.grad.abs().max() > 1e-12 for parameter in method.parameters())


def test_parameters():
    method = MSL(MSL.Config(), FeatureSpec(1024, {}))
    attention = 4 * 512 * 512 + 2 * 512 + 3 * 3 * 512
    layer = attention + 2 * (512 * 2048) + 2048 + 512 + 2 * 1024
    scorer = 512 * 512 + 512 + 512 * 128 + 128 + 128 + 1
    assert bags.parameters(method) == 1024 * 512 + 512 + 512 + 2 * layer + 1024 + 513 + scorer == 7_167_234


def test_layers_start_as_xaviers_with_zero_biases():
    torch.manual_seed(0)
    method = MSL(MSL.Config(kernel=5), FeatureSpec(64, {}))
    for layer in method.modules():
        if isinstance(layer, torch.nn.Linear):
            bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
            assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.15)
            assert layer.bias is None or not layer.bias.any()
    taps = method.layers[1].attention.taps
    assert taps.abs().max().item() == pytest.approx((3 / 5) ** 0.5, rel=0.01)
    assert method.class_token.std().item() == pytest.approx(0.02, rel=0.2)


def test_half_precision_trains_on_the_same_stages():
    torch.manual_seed(0)
    method, batch = build().float(), bags.batch(2, 2, 8)
    batch = type(batch)(*(replace(half, features=half.features.float()) for half in (batch.normal, batch.abnormal)))
    method.begin_training(TrainingContext(8, seed=0))
    exact = [method.training_step(batch)["loss"].item() for _ in range(8)]
    method.begin_training(TrainingContext(8, seed=0))
    for expected in exact:
        with torch.autocast("cpu", torch.bfloat16):
            loss = method.training_step(batch)["loss"]
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(expected, rel=0.05)
