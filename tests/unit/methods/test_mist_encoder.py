"""MIST in two stages: loss terms, pseudo-labels and scores against plain loops, CU-Net's weights, long videos."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec, TrainingVideo
from methods.mist import MIST
from methods.mist_encoder import MISTEncoder, join_context
from methods.parts.mist_generator import ranking_terms
from tests.unit.methods import bags, plain, staged_videos

ROWS = (9, 3, 30)


def network(rows, weights, name):
    """Scores of (T, D): linear, ReLU, linear, linear, sigmoid; nothing after the second layer."""

    def dense(x, layer):
        return x @ weights[f"{name}.{layer}.weight"].T + weights[f"{name}.{layer}.bias"]

    hidden = dense(np.where((first := dense(rows, "0")) > 0, first, 0), "3")
    return 1 / (1 + np.exp(-dense(hidden, "5")[:, 0]))


def joined(rows, context):
    """Rows (T, D) beside the mean of those before them, one by one as CU-Net's test does."""
    if not context:
        return rows
    beside = []
    for i in range(len(rows)):
        before = [rows[i - back] for back in range(1, context + 1) if i - back >= 0] or [rows[i]]
        beside.append(np.concatenate([rows[i], sum(before) / len(before)]))
    return np.array(beside)


def plain_scores(method, videos):
    """Scores of (videos, crops, T, D) by the second scorer, the mean over crops."""
    weights, context = plain.arrays(method), method.config.context
    return [np.mean([network(joined(rows, context), weights, "encoder") for rows in video], axis=0) for video in videos]


def plain_labels(video, weights, reach=2):
    """Pseudo-labels of a video's snippets."""
    if not video.label:
        return [0.0] * video.features.shape[1]
    labels = np.mean([network(rows, weights, "generator") for rows in video.features.numpy()], axis=0).tolist()
    for _ in range(2):
        around = [[min(max(t + d, 0), len(labels) - 1) for d in range(-reach, reach + 1)] for t in range(len(labels))]
        labels = [plain.mean(labels[u] for u in places) for places in around]
    low, high = min(labels), max(labels)
    return labels if len(labels) == 1 else [(value - low) / (high - low) for value in labels]


def plain_segments(values, count):
    edges = [i * len(values) // count for i in range(count + 1)]
    return [plain.mean(values[a : max(b, a + 1)]) for a, b in pairwise(edges)]


@pytest.mark.parametrize(("videos", "crops", "length", "k"), [(1, 1, 1, 1), (3, 2, 64, 2), (2, 1, 100, 3)])
def test_generator_terms(videos, crops, length, k):
    method = bags.build(MISTEncoder, smoothness=0.3, sparsity=0.2)
    batch = staged_videos.batch(videos, crops, length)
    staged_videos.begin(method)
    weights = plain.arrays(method)
    normal, abnormal = (
        [np.mean([network(rows, weights, "generator") for rows in video], axis=0).tolist() for video in half]
        for half in (batch.normal.features.numpy(), batch.abnormal.features.numpy())
    )
    highest = [[plain.mean(sorted(row)[-k:]) for row in half] for half in (normal, abnormal)]
    steps = [(row[t + 1] - row[t]) ** 2 for row in abnormal for t in range(length - 1)]
    expected = {
        "hinge": sum(max(0, 1 - a + n) for a in highest[1] for n in highest[0]) / videos**2,
        "smooth": 0.3 * (plain.mean(steps) if steps else 0),
        "sparse": 0.2 * plain.mean(s for row in abnormal for s in row),
        "encoder": 0,
    }
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert next(iter(terms)) == "loss"
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-12)


def test_the_generator_is_that_of_mist():
    ours, mist = bags.build(MISTEncoder, sparsity=0.5), bags.build(MIST, sparsity=0.5)
    mist.regressor.load_state_dict(ours.generator.state_dict())
    batch = staged_videos.batch(length=70)
    terms = ours.training_step(batch)
    for name, term in mist.training_step(batch).items():
        assert torch.equal(term, terms[name])


@pytest.mark.parametrize(("length", "sub_bag"), [(1, 7), (5, 7), (14, 7), (17, 7), (6, 2)])
def test_the_papers_ranking_is_of_the_highest_part(length, sub_bag):
    scores = torch.rand(4, length, generator=torch.Generator().manual_seed(length), dtype=torch.float64)
    part = min(sub_bag, length)
    starts = [*range(0, length - part + 1, part), length - part]
    highest = [max(plain.mean(row[a : a + part]) for a in starts) for row in scores.tolist()]
    hinge = sum(max(0, 1 - a + n) for a in highest[2:] for n in highest[:2]) / 4
    assert ranking_terms(scores, 0, 0, sub_bag)["hinge"].item() == pytest.approx(hinge, abs=1e-12)


def test_a_part_of_high_scores_is_worth_more_than_high_scores_all_over_only_in_the_papers_ranking():
    together, apart = torch.zeros(2, 1, 224), torch.zeros(2, 1, 224)
    together[1, 0, 70:77], apart[1, 0, ::32] = 0.9, 0.9
    by_scores, by_parts = ([ranking_terms(x[:, 0], 0, 0, s)["hinge"] for x in (together, apart)] for s in (None, 7))
    assert by_scores[0] == pytest.approx(by_scores[1])
    assert by_parts[0] == pytest.approx(0.1)
    assert by_parts[1] > 0.8


@pytest.mark.parametrize("reach", [0, 2, 4])
@pytest.mark.parametrize("crops", [1, 3])
def test_pseudo_labels(crops, reach):
    method = bags.build(MISTEncoder, box_reach=reach).eval()
    for video in staged_videos.in_full([1, 2, 9, 61], crops):
        expected, labels = plain_labels(video, plain.arrays(method), reach), method.pseudo_labels(video)
        np.testing.assert_allclose(labels.detach().numpy(), expected, rtol=0, atol=1e-9)
        if video.label and len(labels) > 1:
            assert (labels.min(), labels.max()) == (0, 1)


def test_an_abnormal_video_that_never_changes_keeps_its_score_as_its_label():
    method = bags.build(MISTEncoder).float().eval()
    features = torch.rand(2, 1, 6).expand(2, 50, 6)
    labels = method.pseudo_labels(TrainingVideo("still", 1, features))
    torch.testing.assert_close(labels, method.generator(features)[..., 0].mean(0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (3, 2, 7), (2, 5, 16)])
def test_encoder_terms_and_scores(videos, crops, length, context):
    method = bags.build(MISTEncoder, positive_weight=1.2, negative_weight=0.7, context=context)
    batch, full = staged_videos.batch(videos, crops, length), staged_videos.in_full(ROWS[:videos], crops)
    staged_videos.begin(method)
    method.training_step(batch)
    staged_videos.end(method, "generator", full)
    weights, errors = plain.arrays(method), []
    scores = plain_scores(method, torch.cat([batch.normal.features, batch.abnormal.features]).numpy())
    for video, row in zip(full, scores, strict=True):
        labels = plain_segments(plain_labels(video, weights), length)
        errors += [-1.2 * y * math.log(s) - 0.7 * (1 - y) * math.log(1 - s) for y, s in zip(labels, row, strict=True)]
    terms = {name: term.item() for name, term in method.training_step(batch).items()}
    expected = {"hinge": 0, "smooth": 0, "sparse": 0, "encoder": plain.mean(errors), "loss": plain.mean(errors)}
    assert terms == pytest.approx(expected, abs=1e-12)
    ours = method.score(batch.abnormal.features).detach().numpy()
    np.testing.assert_allclose(ours, scores[videos:], rtol=0, atol=1e-12)


def test_each_stage_trains_its_own_scorer():
    method, batch = bags.build(MISTEncoder), staged_videos.batch()
    staged_videos.begin(method)
    assert method.training_stages() == {"generator": 0.5, "encoder": 0.5}
    for stage, other in (("generator", "encoder"), ("encoder", "generator")):
        method.zero_grad(set_to_none=True)
        method.training_step(batch)["loss"].backward()
        grads = {name: p.grad for name, p in method.named_parameters()}
        assert all(grads[name] is None for name in grads if name.startswith(other))
        assert all(grads[name].any() for name in grads if name.startswith(stage))
        if stage == "generator":
            staged_videos.end(method, stage, staged_videos.in_full(ROWS[:2]))


def test_a_training_that_begins_anew_forgets_its_labels():
    method, batch = bags.build(MISTEncoder), staged_videos.batch()
    staged_videos.begin(method)
    first = method.training_step(batch)
    staged_videos.end(method, "generator", staged_videos.in_full(ROWS[:2]))
    staged_videos.begin(method)
    assert method.training_step(batch) == first


def test_what_fills_up_a_video_is_not_learned():
    method, batch = bags.build(MISTEncoder), staged_videos.filled_up(staged_videos.batch(length=12), [9, 3])
    full = staged_videos.in_full(ROWS[:2])
    staged_videos.begin(method)
    method.training_step(batch)
    staged_videos.end(method, "generator", full)
    weights, errors = plain.arrays(method), []
    scores = plain_scores(method, torch.cat([batch.normal.features, batch.abnormal.features]).numpy())
    for video, row in zip(full, scores, strict=True):
        labels = plain_labels(video, weights)
        errors += [-0.8 * y * math.log(s) - 0.65 * (1 - y) * math.log(1 - s) for y, s in zip(labels, row, strict=False)]
    assert len(errors) == 2 * (9 + 3)
    assert method.training_step(batch)["encoder"].item() == pytest.approx(plain.mean(errors), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 3))
def test_what_is_joined_is_the_mean_of_what_was_before(length, context, videos):
    features = bags.batch(videos, 2, length, 3).normal.features
    expected = [[joined(rows, context) for rows in video] for video in features.numpy()]
    np.testing.assert_allclose(join_context(features, context).numpy(), expected, rtol=0, atol=1e-12)


def test_a_score_knows_the_context_before_it_and_nothing_after():
    method, features = bags.build(MISTEncoder, context=5), bags.batch(1, 1, 20).normal.features
    usual = method.score(features)[0]
    features[:, :, 10] += 1
    changed = (method.score(features)[0] - usual).abs() > 1e-9
    assert changed.nonzero().flatten().tolist() == [10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize("context", [0, 5])
def test_a_long_video_in_windows_scores_as_if_it_were_whole(context):
    method = bags.build(MISTEncoder, context=context)
    features = bags.batch(1, 2, 5000).normal.features
    expected = np.array(plain_scores(method, features.numpy()))
    np.testing.assert_allclose(method.score(features).detach().numpy(), expected, rtol=0, atol=1e-12)
    hidden = method.encoder[:4](join_context(features, context) if context else features).mean(1)
    torch.testing.assert_close(method.embed(features), hidden, rtol=0, atol=1e-12)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_scores_with_the_weights_of_cu_net(prefix):
    random, state = np.random.default_rng(0), {}
    for layer, out, size in (("0", 512, 80), ("3", 32, 512), ("5", 2, 32)):
        state[f"Regressor.{layer}.weight"] = random.standard_normal((out, size)) / np.sqrt(size)
        state[f"Regressor.{layer}.bias"] = random.uniform(-0.3, 0.3, out)
    method = MISTEncoder(MISTEncoder.Config(context=5), FeatureSpec(40, {})).double().eval()
    adopted = MISTEncoder.adopt_weights({prefix + name: torch.from_numpy(value) for name, value in state.items()})
    assert method.load_state_dict(adopted, strict=False).unexpected_keys == []
    rows = random.uniform(-2, 2, (3, 17, 40))
    expected = []
    for crop in rows:
        first = joined(crop, 5) @ state["Regressor.0.weight"].T + state["Regressor.0.bias"]
        second = np.maximum(first, 0) @ state["Regressor.3.weight"].T + state["Regressor.3.bias"]
        powers = np.exp(second @ state["Regressor.5.weight"].T + state["Regressor.5.bias"])
        expected.append(powers[:, 1] / powers.sum(1))
    scores = method.score(torch.from_numpy(rows)[None])[0].detach().numpy()
    np.testing.assert_allclose(scores, np.mean(expected, axis=0), rtol=0, atol=1e-9)


def test_own_names_pass_as_they_are():
    own = bags.build(MISTEncoder).state_dict()
    adopted = MISTEncoder.adopt_weights(own)
    assert list(adopted) == list(own)
    assert all(torch.equal(adopted[name], own[name]) for name in own)


def test_parameters():
    of_one = (1024 * 512 + 512) + (512 * 32 + 32) + (32 + 1)
    for context, more in ((0, 0), (5, 1024 * 512)):
        method = MISTEncoder(MISTEncoder.Config(context=context), FeatureSpec(1024, {}))
        assert bags.parameters(method) == 2 * of_one + more
