"""MA (reconstructed): scores and loss terms against plain loops, what the attention can do and what it leaves alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from methods.ma import MA
from methods.mmil import MMIL
from methods.parts import long_videos
from tests.unit.methods import bags, plain

SMALL = {"attention_width": 5, "attention_inner": 4}
SWITCHES = [
    {"attend": attend, "weights": weights, "scoring": scoring}
    for attend in ("input", "hidden")
    for weights in ("softmax", "sigmoid")
    for scoring in ("instance", "weighted")
]


def build(**config):
    """A float64 method without dropout, whose attention is far from uniform."""
    method = bags.build(MA, **{**SMALL, **config})
    for layer in (*method.attention[::2], method.output[1]):
        layer.weight.data.mul_(2)
    return method


def plain_crop(rows, method):
    """Scores f and weights w of one crop (T, D); w of the softmax, or of the sigmoid divided by T."""
    weights, config, f, e = plain.arrays(method), method.config, [], []

    def dense(x, name):
        return weights[f"{name}.weight"] @ x + weights.get(f"{name}.bias", 0)

    for x in rows:
        first = plain.relu(dense(x, "first.0"))
        f.append(plain.sigmoid(dense(dense(first, "second"), "output.1")[0]))
        inner = np.tanh(dense(x if config.attend == "input" else first, "attention.0"))
        e.append(dense(np.tanh(dense(inner, "attention.2")), "attention.4")[0])
    if config.weights == "sigmoid":
        return f, [plain.sigmoid(z) / len(e) for z in e]
    return f, [math.exp(z) / sum(math.exp(other) for other in e) for z in e]


def plain_scores(method, videos):
    """Scores of (videos, crops, T, D), the mean over crops."""
    scores = []
    for video in videos.numpy():
        crops = []
        for rows in video:
            f, w = plain_crop(rows, method)
            weighted = method.config.scoring == "weighted"
            crops.append([p * a / max(w) for p, a in zip(f, w, strict=True)] if weighted else f)
        scores.append([plain.mean(values) for values in zip(*crops, strict=True)])
    return np.array(scores)


def plain_videos(method, videos):
    """sum_t w_t f_t of (videos, crops, T, D), the mean over crops."""
    crops = [[plain_crop(rows, method) for rows in video] for video in videos.numpy()]
    return [plain.mean(sum(a * p for p, a in zip(f, w, strict=True)) for f, w in video) for video in crops]


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda s: "-".join(s.values()))
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (3, 2, 7), (2, 1, 16)])
def test_scores_and_loss_terms(videos, crops, length, switches):
    method, batch = build(sparsity=0.2, **switches), bags.batch(videos, crops, length)
    normal, abnormal = (plain_videos(method, half.features) for half in (batch.normal, batch.abnormal))
    expected = {
        "hinge": plain.mean(max(0, 1 - a + n) for n, a in zip(normal, abnormal, strict=True)),
        "sparse": 0.2 * plain.mean(abnormal),
    }
    expected = {"loss": sum(expected.values()), **expected}
    terms = method.training_step(batch)
    assert list(terms) == list(expected)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=0, abs=1e-9)
    scores = method.score(batch.abnormal.features).detach()
    np.testing.assert_allclose(scores, plain_scores(method, batch.abnormal.features), rtol=0, atol=1e-9)


def test_the_second_half_of_a_batch_is_the_abnormal_one_and_whole():
    for i in range(3):
        method, batch = build(sparsity=1.0), bags.batch(3)
        before = method.training_step(batch)
        batch.normal.features[i] += 1
        after = method.training_step(batch)
        assert after["sparse"].item() == pytest.approx(before["sparse"].item(), abs=1e-12)
        assert after["hinge"] != before["hinge"]
        batch.abnormal.features[i] += 1
        assert method.training_step(batch)["sparse"].item() != pytest.approx(before["sparse"].item(), abs=1e-6)


def drawn(length, seed, scale=1.0):
    """Scores and logits of attention of one video, (T) each."""
    generator = torch.Generator().manual_seed(seed)
    scores, attention = torch.rand(2, length, generator=generator, dtype=torch.float64)
    return scores, scale * (attention - 0.5)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 999), st.sampled_from([0.1, 10.0, 1e4]))
def test_weights_sum_to_one_so_a_videos_score_lies_between_those_of_its_segments(length, seed, scale):
    method, (scores, attention) = build(), drawn(length, seed, scale)
    assert method.pool(torch.ones_like(scores), attention).item() == pytest.approx(1, abs=1e-12)
    pooled = method.pool(scores, attention)
    assert scores.min() - 1e-12 <= pooled <= scores.max() + 1e-12


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(2, 4), st.integers(0, 999), st.sampled_from(["softmax", "sigmoid"]))
def test_a_video_scores_as_before_when_its_segments_are_repeated_or_come_in_another_order(length, times, seed, weights):
    method, (scores, attention) = build(weights=weights), drawn(length, seed, 5.0)
    usual = method.pool(scores, attention).item()
    repeated = (x.repeat_interleave(times) for x in (scores, attention))
    assert method.pool(*repeated).item() == pytest.approx(usual, abs=1e-12)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    assert method.pool(scores[order], attention[order]).item() == pytest.approx(usual, abs=1e-12)


@pytest.mark.parametrize("level", [-3.0, 0.0, 40.0])
def test_equal_attention_gives_the_mean_score(level):
    scores = drawn(9, 0)[0]
    attention = torch.full_like(scores, level)
    assert build().pool(scores, attention).item() == pytest.approx(scores.mean().item(), abs=1e-12)
    sigmoid = build(weights="sigmoid").pool(scores, attention).item()
    assert sigmoid == pytest.approx(plain.sigmoid(level) * scores.mean().item(), abs=1e-12)


def test_much_attention_to_the_highest_score_gives_the_ranking_of_mmil():
    method, batch = build(sparsity=0.0), bags.batch(3, 1, 7)
    mmil = bags.build(MMIL, smoothness=0.0, sparsity=0.0, weight_regularisation=0.0)
    names = {"hidden.0.": "first.0.", "hidden.3.": "second.", "output.1.": "output.1."}
    ours = method.state_dict()
    mmil.load_state_dict({begin + kind: ours[names[begin] + kind] for begin in names for kind in ("weight", "bias")})
    usual = method.forward

    def to_the_highest(features):
        scores, _ = usual(features)
        return scores, 1e4 * (scores == scores.amax(-1, keepdim=True)).double()

    expected = mmil.training_step(batch)["hinge"].item()
    assert method.training_step(batch)["hinge"].item() != pytest.approx(expected, abs=1e-3)
    method.forward = to_the_highest
    assert method.training_step(batch)["hinge"].item() == pytest.approx(expected, abs=1e-12)


def test_it_does_not_matter_which_videos_are_paired():
    method, batch = build(), bags.batch(4)
    usual = method.training_step(batch)["hinge"].item()
    batch.normal.features.copy_(batch.normal.features[[2, 0, 3, 1]])
    assert method.training_step(batch)["hinge"].item() == pytest.approx(usual, abs=1e-12)


def test_attention_cancels_in_a_video_of_one_segment_but_for_the_sigmoids():
    for weights, learns in (("softmax", False), ("sigmoid", True)):
        method = build(weights=weights)
        method.training_step(bags.batch(2, 2, 1))["loss"].backward()
        assert [p.grad.abs().max().item() > 1e-9 for p in method.attention.parameters()] == [learns] * (5 + learns)
        assert all(p.grad.abs().max() > 1e-9 for p in method.first.parameters())


def test_a_snippets_score_depends_on_no_other_unless_attention_weighs_it():
    for scoring in ("instance", "weighted"):
        method, features = build(scoring=scoring), bags.batch(1, 2, 9).normal.features
        scores = method.score(features)
        features[:, :, 4:] *= -3
        same = torch.isclose(method.score(features)[:, :4], scores[:, :4], rtol=0, atol=1e-12).all()
        assert same == (scoring == "instance")


@pytest.mark.parametrize("weights", ["softmax", "sigmoid"])
def test_the_snippet_of_highest_attention_keeps_its_score_at_any_length(weights):
    for length in (1, 5, 400):
        features = bags.batch(1, 1, length).normal.features
        method, alone = (build(weights=weights, scoring=scoring) for scoring in ("weighted", "instance"))
        alone.load_state_dict(method.state_dict())
        at = method(features)[1].argmax()
        weighed, plain_ones = method.score(features)[0], alone.score(features)[0]
        assert weighed[at].item() == pytest.approx(plain_ones[at].item(), abs=1e-12)
        assert (weighed <= plain_ones + 1e-12).all()


@pytest.mark.parametrize("weights", ["softmax", "sigmoid"])
@pytest.mark.parametrize("push", [-1e4, 1e4])
def test_very_large_attention_gives_finite_scores_and_gradients(weights, push):
    method, batch = build(scoring="weighted", weights=weights).float(), bags.batch()
    batch.normal.features.add_(0.3)
    method.attention[4].weight.data.mul_(push)
    scores = method.score(batch.normal.features.float())
    assert torch.isfinite(scores).all()
    assert scores.min() >= 0
    assert 0 < scores.max() <= 1
    method.double().training_step(batch)["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in method.parameters())


@pytest.mark.parametrize("rows", [1, 10, 80])
@pytest.mark.parametrize("switches", SWITCHES[2:6], ids=lambda s: "-".join(s.values()))
def test_long_videos_score_in_windows_as_in_one(rows, switches, monkeypatch):
    method, features = build(**switches), bags.batch(2, 2, 61).normal.features
    whole, sizes = (method.score(features), method.embed(features)), []
    method.first.register_forward_hook(lambda _, given, __: sizes.append(given[0].shape[0] * given[0].shape[1]))
    monkeypatch.setattr(long_videos, "ELEMENTS", 512 * rows)
    for found, expected in zip((method.score(features), method.embed(features)), whole, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert max(sizes) <= rows
    torch.testing.assert_close(whole[1], method.second(method.first(features)).mean(1), rtol=0, atol=1e-12)


PARTS = {"rgb": 4, "flow": 3, "text": 2}


def of_flow(parts=PARTS, **config):
    torch.manual_seed(1)
    config = MA.Config(features="flow", dropout=0.0, **SMALL, **config)
    return MA(config, FeatureSpec(sum(parts.values()), {}, parts=parts)).double()


@pytest.mark.parametrize("attend", ["input", "hidden"])
def test_flow_is_all_that_is_looked_at(attend):
    method, batch = of_flow(attend=attend), bags.batch(dim=9)
    alone = bags.build(MA, dim=3, **SMALL, attend=attend)
    alone.load_state_dict(method.state_dict())
    features, flow = (x.abnormal.features for x in (batch, bags.batch(dim=9)))
    flow = flow[..., 4:7]
    torch.testing.assert_close(method.score(features), alone.score(flow), rtol=0, atol=1e-12)
    torch.testing.assert_close(method.embed(features), alone.embed(flow), rtol=0, atol=1e-12)
    terms = method.training_step(batch)
    for half in (batch.normal, batch.abnormal):
        half.features[..., [0, 3, 7, 8]] += 5
    assert method.training_step(batch)["loss"].item() == pytest.approx(terms["loss"].item(), abs=1e-12)
    batch.abnormal.features[..., 4] += 1
    assert method.training_step(batch)["loss"].item() != pytest.approx(terms["loss"].item(), abs=1e-6)


def test_parts_are_left_alone_unless_flow_is_asked_for():
    method = MA(MA.Config(), FeatureSpec(9, {}, parts=PARTS))
    assert method.first[0].in_features == method.attention[0].in_features == 9


def test_flow_is_needed_where_it_alone_is_looked_at():
    assert MA.parts_for(MA.Config(features="flow")) == ("flow",)
    assert MA.parts_for(MA.Config()) == ()


def test_the_title_says_which_features_were_looked_at():
    assert MA.title_for(MA.Config()) == "Temporal MIL ranking (MA, reconstructed)"
    flow = MA.title_for(MA.Config(features="flow"))
    assert flow == "Temporal MIL ranking (MA, reconstructed, flow features)"


@pytest.mark.parametrize("attend", ["input", "hidden"])
def test_dropout_follows_the_scorers_first_two_layers_only(attend):
    method, seen = MA(MA.Config(dropout=0.5, attend=attend), FeatureSpec(16, {})).double().train(), {}
    method.attention.register_forward_hook(lambda _, given, __: seen.update(attention=given[0]))
    method.second.register_forward_hook(lambda _, given, out: seen.update(first=given[0], second=out))
    method.output[1].register_forward_hook(lambda _, given, __: seen.update(output=given[0]))
    features = torch.rand(1, 1, 80, 16, dtype=torch.float64)
    method(features)
    for before, after in ((method.first[0](features).relu(), seen["first"]), (seen["second"], seen["output"])):
        kept = after != 0
        assert kept[before != 0].double().mean().item() == pytest.approx(0.5, abs=0.05)
        torch.testing.assert_close(after[kept], 2 * before[kept])
    assert torch.equal(seen["attention"], features if attend == "input" else seen["first"])


def test_parameters_at_the_papers_feature_size_and_their_first_values():
    torch.manual_seed(0)
    scorer = (1024 * 512 + 512) + (512 * 32 + 32) + (32 + 1)
    for weights, expected in (("softmax", 820_161), ("sigmoid", 820_162)):
        method, bias = MA(MA.Config(weights=weights), FeatureSpec(1024, {})), weights == "sigmoid"
        assert bags.parameters(method) == scorer + (1024 * 256 + 256) + (256 * 64 + 64) + 64 + bias == expected
    hidden = MA(MA.Config(attend="hidden"), FeatureSpec(1024, {}))
    assert bags.parameters(hidden) == scorer + (512 * 256 + 256) + (256 * 64 + 64) + 64
    for layer in (method.first[0], method.attention[0]):
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))
