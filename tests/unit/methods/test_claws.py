"""CLAWS: attention along the video, labels of every segment and clusters with a gradient, against plain loops."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.claws import CLAWS, cluster_similarity, two_means
from tests.unit.methods import bags, plain


def build(**config):
    """A small float64 method without dropout, whose attention is far from uniform."""
    method = bags.build(CLAWS, **{"width": 7, "inner_width": 4, **config})
    for layer in (method.first.attention, method.second.attention, method.output):
        layer.weight.data.mul_(3)
    return method


def plain_layer(rows, weights, name, rescale):
    attended, out = plain.linear(rows, weights, f"{name}.attention"), plain.linear(rows, weights, f"{name}.linear")
    for unit in range(out.shape[1]):
        exponentials = [math.exp(z) for z in attended[:, unit]]
        for t in range(len(out)):
            out[t, unit] *= exponentials[t] / sum(exponentials) * (len(out) if rescale else 1)
    return plain.relu(out)


def plain_crop(rows, method):
    """Scores and first layer of one crop (T, D)."""
    weights, rescale = plain.arrays(method), method.config.rescale
    first = plain_layer(rows, weights, "first", rescale)
    second = plain_layer(first, weights, "second", rescale)
    return [plain.sigmoid(z) for z in plain.linear(second, weights, "output")[:, 0]], first


def squared(a, b):
    return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))


def plain_clusters(rows):
    """Which rows are in the second of two clusters, by ten rounds of 2-means."""
    middle = [plain.mean(column) for column in rows.T]
    first = max(range(len(rows)), key=lambda t: squared(rows[t], middle))
    second = max(range(len(rows)), key=lambda t: squared(rows[t], rows[first]))
    centres = [rows[first], rows[second]]
    for _ in range(11):
        chosen = [squared(row, centres[1]) < squared(row, centres[0]) for row in rows]
        members = [[row for row, is_second in zip(rows, chosen, strict=True) if is_second == k] for k in (False, True)]
        centres = [np.mean(own, axis=0) if own else old for own, old in zip(members, centres, strict=True)]
    return chosen


def plain_similarity(rows):
    chosen = plain_clusters(rows)
    if not any(chosen):
        return 1.0
    parts = [np.mean([row for row, second in zip(rows, chosen, strict=True) if second == k], axis=0) for k in (0, 1)]
    return plain.cosine(*parts)


@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize(("crops", "length"), [(1, 1), (3, 7), (2, 16)])
def test_scores(crops, length, rescale):
    method, features = build(rescale=rescale), bags.batch(2, crops, length).abnormal.features
    expected = [
        [plain.mean(s) for s in zip(*(plain_crop(rows, method)[0] for rows in video), strict=True)]
        for video in features.numpy()
    ]
    np.testing.assert_allclose(method.score(features).detach().numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (3, 2, 7), (2, 3, 12)])
def test_losses(videos, crops, length, rescale):
    weights = {"smoothness": 0.3, "sparsity": 0.2, "cluster_weight": 0.7}
    method, batch = build(rescale=rescale, **weights), bags.batch(videos, crops, length)
    errors, smooth, sparse, similar = [], [], [], {0: [], 1: []}
    for label, half in enumerate((batch.normal, batch.abnormal)):
        for video in half.features.numpy():
            read = [plain_crop(rows, method) for rows in video]
            scores = [plain.mean(s) for s in zip(*(s for s, _ in read), strict=True)]
            errors += [(s - label) ** 2 for s in scores]
            similar[label] += [plain_similarity(first) for _, first in read]
            if label:
                smooth.append(plain.smoothness(scores))
                sparse.append(sum(scores))
    expected = {
        "regression": plain.mean(errors),
        "smooth": 0.3 * plain.mean(smooth),
        "sparse": 0.2 * plain.mean(sparse),
        "cluster": 0.7 * (1 - plain.mean(similar[0]) + 1 + plain.mean(similar[1])),
    }
    terms = method.training_step(batch)
    assert list(terms) == ["loss", *expected]
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, abs=1e-12)
    assert terms["loss"].item() == pytest.approx(sum(expected.values()), abs=1e-12)


@pytest.mark.parametrize(("rescale", "total"), [(True, 9), (False, 1)])
def test_attention_of_each_unit_sums_over_the_segments_of_its_own_video(rescale, total):
    method, features = build(rescale=rescale), bags.batch(3, 1, 9).normal.features[:, 0]
    attention = method.first.weigh(features)
    assert attention.shape == (3, 9, 7)
    torch.testing.assert_close(attention.sum(1), torch.full((3, 7), float(total), dtype=torch.float64))
    # A softmax over the videos of a batch would see the others.
    torch.testing.assert_close(method.first.weigh(features[:1]), attention[:1])
    assert attention.std(1).min() > 0.01 * total / 9


def test_uniform_attention_leaves_a_plain_scorer():
    method, features = build(), bags.batch(2, 1, 9).normal.features
    for layer in (method.first, method.second):
        torch.nn.init.zeros_(layer.attention.weight)
    hidden = method.second.linear(method.first.linear(features[:, 0]).relu()).relu()
    torch.testing.assert_close(method.score(features), method.output(hidden)[..., 0].sigmoid())


def test_every_segment_of_an_abnormal_video_has_the_label_one():
    method = build()
    torch.nn.init.zeros_(method.output.weight)
    for logit in (-2.0, 0.0, 3.0):
        torch.nn.init.constant_(method.output.bias, logit)
        s = plain.sigmoid(logit)
        terms = method.training_step(bags.batch(2, 2, 9))
        assert terms["regression"].item() == pytest.approx((s**2 + (1 - s) ** 2) / 2, abs=1e-12)
        assert terms["smooth"].item() == 0
        assert terms["sparse"].item() == pytest.approx(8e-5 * 9 * s, abs=1e-12)


def test_attention_suppresses_what_the_video_has_more_of():
    """The same segment counts more beside one that its units are not for."""
    method = build(width=1, inner_width=1)
    for layer in (method.first, method.second):
        torch.nn.init.ones_(layer.linear.weight)
        torch.nn.init.constant_(layer.attention.weight, 2.0)
        torch.nn.init.zeros_(layer.linear.bias)
    torch.nn.init.constant_(method.output.weight, 0.1)
    odd, usual = torch.ones(1, 1, 1, 6), torch.zeros(1, 1, 5, 6)
    alone, beside = (
        method.score(torch.cat([odd, rest], 2).double())[0, 0] for rest in (odd.expand(-1, -1, 5, -1), usual)
    )
    assert beside > alone + 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.integers(2, 4), st.integers(0, 999))
def test_repeated_segments_score_as_before_where_attention_is_rescaled(length, times, seed):
    method = build(rescale=True)
    features = bags.batch(1, 1, length, seed=seed).abnormal.features
    usual, repeated = method.score(features), method.score(features.repeat_interleave(times, 2))[:, ::times]
    torch.testing.assert_close(repeated, usual, rtol=0, atol=1e-10)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(method.score(features[:, :, order]), usual[:, order])


def test_repeated_segments_score_otherwise_where_it_is_not():
    method, features = build(rescale=False), bags.batch(1, 1, 5).abnormal.features
    usual, repeated = method.score(features), method.score(features.repeat_interleave(2, 2))[:, ::2]
    assert not torch.allclose(usual, repeated, rtol=0, atol=1e-6)


def test_the_clusters_teach_the_first_layer_and_nothing_behind_it():
    method = build(cluster_weight=1.0)
    method.training_step(bags.batch(2, 2, 9))["cluster"].backward()
    reached = {name for name, parameter in method.named_parameters() if parameter.grad is not None}
    assert reached == {"first.linear.weight", "first.linear.bias", "first.attention.weight"}
    assert all(p.grad.abs().max() > 1e-6 for name, p in method.named_parameters() if name in reached)


def test_the_gradient_passes_through_the_means_of_both_clusters():
    x = torch.rand(1, 6, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(cluster_similarity(x).sum(), x)
    for t, column in itertools.product(range(6), range(3)):
        near = []
        for step in (1e-6, -1e-6):
            rows = x[0].detach().numpy().copy()
            rows[t, column] += step
            near.append(plain_similarity(rows))
        assert gradient[0, t, column].item() == pytest.approx((near[0] - near[1]) / 2e-6, abs=1e-8)


def test_gradient_descent_joins_normal_clusters_and_parts_abnormal_ones():
    method, batch = build(cluster_weight=1.0), bags.batch(3, 1, 12)
    halves = [half.features[:, 0] for half in (batch.normal, batch.abnormal)]
    before = [cluster_similarity(method.first(half)).mean().item() for half in halves]
    for _ in range(20):
        learning = [method.first.linear.weight, method.first.linear.bias, method.first.attention.weight]
        steps = torch.autograd.grad(method.training_step(batch)["cluster"], learning)
        for parameter, step in zip(learning, steps, strict=True):
            parameter.data -= 0.2 * step
    after = [cluster_similarity(method.first(half)).mean().item() for half in halves]
    assert after[0] - before[0] > after[1] - before[1] + 0.02


def within(points, second):
    parts = [points[second == k] for k in (False, True)]
    return sum(((part - part.mean(0)) ** 2).sum().item() for part in parts if len(part))


def test_two_means_find_the_best_partition_of_two_groups():
    generator = torch.Generator().manual_seed(0)
    for length, of_second in itertools.product(range(2, 8), range(1, 7)):
        if of_second >= length:
            continue
        points = 0.3 * torch.randn(length, 3, generator=generator, dtype=torch.float64)
        points[torch.randperm(length, generator=generator)[:of_second]] += 5
        found = within(points, two_means(points[None])[0])
        every = [torch.tensor(chosen) for chosen in itertools.product([False, True], repeat=length)]
        assert found == pytest.approx(min(within(points, chosen) for chosen in every), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 9999))
def test_two_means_are_those_of_plain_loops_and_no_segment_is_nearer_to_the_other_centre(length, dim, seed):
    rows = torch.rand(length, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    second = two_means(rows[None])[0]
    assert second.tolist() == plain_clusters(rows.numpy())
    assert second.any() == (length > 1)
    if length > 1:
        near, far = rows[~second].mean(0), rows[second].mean(0)
        assert torch.equal((rows - far).norm(dim=1) < (rows - near).norm(dim=1), second)
        expected = plain.cosine(near.numpy(), far.numpy())
        assert cluster_similarity(rows[None]).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_video_of_one_cluster_passes_no_gradient(value):
    x = torch.full((2, 5, 3), value, dtype=torch.float64, requires_grad=True)
    similar = cluster_similarity(x)
    similar.sum().backward()
    assert similar.tolist() == pytest.approx([float(value > 0)] * 2, abs=1e-12)
    assert x.grad.abs().max() < 1e-12


def test_clusters_are_of_a_video_and_not_of_the_batch():
    x = torch.rand(4, 9, 3, dtype=torch.float64)
    torch.testing.assert_close(cluster_similarity(x), torch.cat([cluster_similarity(video[None]) for video in x]))
    assert not torch.allclose(cluster_similarity(x[:2].flatten(0, 1)[None]), cluster_similarity(x[:1]))


def test_scores_of_a_long_video():
    method, features = build(), bags.batch(1, 2, 5000).normal.features
    for layer in (method.first, method.second):
        layer.attention.weight.data.mul_(0.1)  # else one snippet of many would have all of it
    w, crops = plain.arrays(method), []

    def layer(x, name):
        exponentials = np.exp(x @ w[f"{name}.attention.weight"].T)
        attention = exponentials / exponentials.sum(0) * len(x)
        return np.maximum((x @ w[f"{name}.linear.weight"].T + w[f"{name}.linear.bias"]) * attention, 0)

    for rows in features[0].numpy():
        z = layer(layer(rows, "first"), "second") @ w["output.weight"][0] + w["output.bias"][0]
        crops.append(1 / (1 + np.exp(-z)))
    scores = method.score(features)[0].detach().numpy()
    assert scores.std() > 0.01
    np.testing.assert_allclose(scores, np.mean(crops, 0), rtol=0, atol=1e-11)


def test_very_large_attention_gives_finite_scores():
    method, features = build().float(), bags.batch().normal.features.float()
    method.first.attention.weight.data.mul_(1e4)
    scores = method.score(features)
    assert torch.isfinite(scores).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_embedding_is_the_second_layer():
    method, features = build(), bags.batch(2, 3, 5).normal.features
    expected = [
        np.mean([plain_layer(plain_crop(rows, method)[1], plain.arrays(method), "second", True) for rows in video], 0)
        for video in features.numpy()
    ]
    np.testing.assert_allclose(method.embed(features).detach().numpy(), expected, rtol=0, atol=1e-12)


def test_clusters_see_the_first_layer_before_dropout():
    batch = bags.batch(2, 1, 9)
    usual, dropped = build(), CLAWS(CLAWS.Config(width=7, inner_width=4, dropout=0.9), FeatureSpec(6, {})).double()
    dropped.load_state_dict(usual.state_dict())
    terms, others = usual.training_step(batch), dropped.train().training_step(batch)
    assert others["cluster"].item() == terms["cluster"].item()
    assert others["regression"].item() != terms["regression"].item()


def test_half_precision_is_near():
    method, batch = build().float(), bags.batch(2, 2, 9)
    batch = type(batch)(*(replace(half, features=half.features.float()) for half in (batch.normal, batch.abnormal)))
    exact = method.training_step(batch)
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.training_step(batch)
    for name, term in exact.items():
        assert terms[name].item() == pytest.approx(term.item(), rel=0.05)


def test_parameters():
    method = CLAWS(CLAWS.Config(), FeatureSpec(4096, {}))
    first, second = 2 * 4096 * 512 + 512, 2 * 512 * 32 + 32
    assert bags.parameters(method) == first + second + 33 == 4_227_649


def test_layers_start_as_xaviers_with_zero_biases():
    torch.manual_seed(0)
    method = CLAWS(CLAWS.Config(), FeatureSpec(256, {}))
    layers = [layer for layer in method.modules() if isinstance(layer, torch.nn.Linear)]
    assert len(layers) == 5
    for layer in layers:
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.15)
        assert layer.bias is None or not layer.bias.any()
