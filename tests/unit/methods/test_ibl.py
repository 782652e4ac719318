"""IBL (reconstructed): scores and loss terms against plain loops, causality, the inner terms by hand."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods.ibl import IBL
from methods.mmil import MMIL
from methods.parts import long_videos
from tests.unit.methods import bags, plain

WIDTH = 9
WEIGHTS = {"inner_weight": 0.7, "smoothness": 0.3, "sparsity": 0.2}


def build(**config):
    """A small float64 method without dropout, whose scores are far from one half."""
    method = bags.build(IBL, **{"width": WIDTH, **config})
    for layer in (method.hidden, method.output[1]):
        layer.weight.data.mul_(2)
    return method


def plain_scores(method, videos):
    """Scores of (videos, crops, T, D): taps of the past one by one, the mean over crops."""
    weights, config, scores = plain.arrays(method), method.config, []
    for video in videos.numpy():
        crops = []
        for rows in video:
            hidden = plain_encoder(rows, weights, config.layers, config.kernel)
            hidden = plain.linear(hidden, weights, "hidden")
            crops.append([plain.sigmoid(z) for z in plain.linear(hidden, weights, "output.1")[:, 0]])
        scores.append([plain.mean(values) for values in zip(*crops, strict=True)])
    return scores


def plain_encoder(rows, weights, layers, kernel):
    if layers == 0:
        return plain.relu(plain.linear(rows, weights, "encoder.0"))
    for layer in range(layers):
        weight, bias = (weights[f"encoder.{layer}.convolution.{name}"] for name in ("weight", "bias"))
        out = np.zeros((len(rows), len(weight)))
        for t in range(len(rows)):
            total = bias.copy()
            for back in range(kernel):
                if t - back * 2**layer >= 0:
                    total += weight[:, :, kernel - 1 - back] @ rows[t - back * 2**layer]
            out[t] = plain.relu(total)
        rows = rows + out if rows.shape == out.shape else out
    return rows


NETWORKS = [{}, {"layers": 0}, {"layers": 1}, {"layers": 3, "kernel": 3}, {"width": 6}, {"layers": 1, "width": 6}]


@pytest.mark.parametrize("config", NETWORKS, ids=str)
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 1, 1), (3, 2, 7), (2, 1, 16)])
def test_scores_and_loss_terms(videos, crops, length, config):
    method, batch = build(**WEIGHTS, **config), bags.batch(videos, crops, length)
    normal, abnormal = (plain_scores(method, half.features) for half in (batch.normal, batch.abnormal))
    expected = {
        "outer": plain.mean(max(0, 1 - max(a) + max(n)) for n, a in zip(normal, abnormal, strict=True)),
        "inner_abnormal": 0.7 * plain.mean(max(0, 1 - max(a) + min(a)) for a in abnormal),
        "inner_normal": 0.7 * plain.mean(abs(max(n) - min(n)) for n in normal),
        "smooth": 0.3 * plain.mean(plain.smoothness(a) for a in abnormal),
        "sparse": 0.2 * plain.mean(sum(a) for a in abnormal),
    }
    expected = {"loss": sum(expected.values()), **expected}
    terms = method.training_step(batch)
    assert list(terms) == list(expected)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=0, abs=1e-9)
    np.testing.assert_allclose(method.score(batch.abnormal.features).detach(), abnormal, rtol=0, atol=1e-9)
    assert length == 1 or np.ptp(abnormal) > 0.05


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 30), st.data())
def test_scores_of_the_first_snippets_do_not_change_when_the_rest_does(length, data):
    kept = data.draw(st.integers(1, length - 1))
    method, features = build(), bags.batch(1, 2, length).normal.features
    before = method.score(features)
    features[:, :, kept:] += 1
    after = method.score(features)
    torch.testing.assert_close(after[:, :kept], before[:, :kept], rtol=0, atol=1e-12)
    assert (after[:, kept] != before[:, kept]).all()
    torch.testing.assert_close(method.score(features[:, :, :kept]), before[:, :kept], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("config", "reach"), [({"layers": 0}, 0), ({"layers": 1}, 1), ({}, 3), ({"layers": 2, "kernel": 3}, 6)]
)
def test_a_snippet_tells_on_itself_and_on_the_next_few_only(config, reach):
    method, features = build(**config), bags.batch(1, 1, 16).normal.features
    before = method.score(features)
    features[:, :, 4] += 1
    moved = (method.score(features) - before)[0].abs() > 1e-12
    assert moved.nonzero().flatten().tolist() == list(range(4, 5 + reach))
    assert method.reach == reach


def told(method, normal, abnormal):
    """The loss terms of a method that gives scores as told, (videos, T)."""
    method.forward = lambda _: torch.tensor([*normal, *abnormal], dtype=torch.float64)
    batch = bags.batch(len(normal), 1, len(normal[0]))
    return {name: term.item() for name, term in method.training_step(batch).items()}


def test_terms_by_hand():
    terms = told(build(**WEIGHTS), [[0.1, 0.4, 0.3], [0.5, 0.2, 0.5]], [[0.9, 0.2, 0.4], [0.3, 0.3, 0.6]])
    assert terms["outer"] == pytest.approx((0.5 + 0.9) / 2)
    assert terms["inner_abnormal"] == pytest.approx(0.7 * (0.3 + 0.7) / 2)
    assert terms["inner_normal"] == pytest.approx(0.7 * (0.3 + 0.3) / 2)
    assert terms["smooth"] == pytest.approx(0.3 * (0.53 + 0.09) / 2)
    assert terms["sparse"] == pytest.approx(0.2 * (1.5 + 1.2) / 2)


def test_outer_and_inner_terms_are_zero_for_full_gaps_above_normal_videos_at_zero_and_for_nothing_else():
    method, zero = build(), []
    for one, other, *normal in product([0, 0.5, 1], repeat=4):
        terms = told(method, [normal], [[one, other]])
        if terms["outer"] == terms["inner_abnormal"] == terms["inner_normal"] == 0:
            zero.append((one, other, *normal))
    assert zero == [(0, 1, 0, 0), (1, 0, 0, 0)]


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_the_inner_terms_say_nothing_of_the_level_of_normal_videos(level):
    terms = told(build(inner_weight=2.0), [[level] * 3], [[level] * 3])
    assert (terms["inner_normal"], terms["inner_abnormal"]) == (0, 2)


def test_without_convolutions_it_is_mmil_and_the_inner_terms():
    method, batch = bags.build(IBL, layers=0, smoothness=0.3, sparsity=0.2), bags.batch(3, 2, 7)
    mmil = bags.build(MMIL, smoothness=0.3, sparsity=0.2, weight_regularisation=0.0)
    names = {"encoder.0.": "hidden.0.", "hidden.": "hidden.3.", "output.1.": "output.1."}
    theirs = {}
    for name, value in method.state_dict().items():
        ours = next(begin for begin in names if name.startswith(begin))
        theirs[names[ours] + name.removeprefix(ours)] = value
    mmil.load_state_dict(theirs)
    features = batch.abnormal.features
    torch.testing.assert_close(method.score(features), mmil.score(features), rtol=0, atol=1e-12)
    terms, expected = method.training_step(batch), mmil.training_step(batch)
    inner = terms["inner_abnormal"] + terms["inner_normal"]
    assert inner > 0
    for ours, their in (("outer", "hinge"), ("smooth", "smooth"), ("sparse", "sparse")):
        assert terms[ours].item() == pytest.approx(expected[their].item(), abs=1e-12)
    assert (terms["loss"] - inner).item() == pytest.approx(expected["loss"].item(), abs=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 10, 80])
@pytest.mark.parametrize("config", [{}, {"layers": 3, "kernel": 4}], ids=str)
def test_long_videos_score_in_windows_as_in_one(rows, config, monkeypatch):
    method, features = build(**config).eval(), bags.batch(2, 2, 61).normal.features
    whole, sizes = method(features), []
    method.encoder.register_forward_hook(lambda _, given, __: sizes.append(given[0].shape[0] * given[0].shape[1]))
    monkeypatch.setattr(long_videos, "ELEMENTS", WIDTH * rows)
    torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)
    assert max(sizes) <= rows + 2 * method.reach
    expected = method.hidden(method.encoder(features)).mean(1)
    torch.testing.assert_close(method.embed(features), expected, rtol=0, atol=1e-12)


def test_the_widest_of_features_and_layers_bounds_the_windows(monkeypatch):
    method, sizes = bags.build(IBL, dim=40, width=4), []
    method.encoder.register_forward_hook(lambda _, given, __: sizes.append(given[0].shape[1]))
    monkeypatch.setattr(long_videos, "ELEMENTS", 400)
    method.score(torch.rand(1, 1, 100, 40, dtype=torch.float64))
    assert max(sizes) <= 10 + 2 * method.reach


def test_dropout_follows_every_convolution_and_stands_in_the_head():
    method = IBL(IBL.Config(dropout=0.5, width=64), FeatureSpec(64, {})).double().train()
    seen = {}
    method.encoder[1].register_forward_hook(lambda _, given, __: seen.update(second=given[0]))
    method.hidden.register_forward_hook(lambda _, given, out: seen.update(hidden=given[0], head=out))
    method.output[1].register_forward_hook(lambda _, given, __: seen.update(output=given[0]))
    features = 2 * torch.rand(1, 1, 60, 64, dtype=torch.float64) - 1
    method(features)
    around = (features, seen["second"], seen["hidden"])
    for block, before, after in zip(method.encoder, around[:2], around[1:], strict=True):
        # The residual stays: what dropout kept is on top of it, doubled.
        active, added = block.convolution(before).relu(), after - before
        kept = added.abs() > 1e-12
        assert kept[active > 0].double().mean().item() == pytest.approx(0.5, abs=0.05)
        torch.testing.assert_close(added[kept], 2 * active[kept])
    kept = seen["output"] != 0
    assert kept.double().mean().item() == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(seen["output"][kept], 2 * seen["head"][kept])


def test_parameters_at_the_size_of_c3d_and_their_first_values():
    torch.manual_seed(0)
    method = IBL(IBL.Config(), FeatureSpec(4096, {}))
    convolutions = (2 * 4096 * 512 + 512) + (2 * 512 * 512 + 512)
    assert bags.parameters(method) == convolutions + (512 * 32 + 32) + (32 + 1) == 4_736_065
    assert bags.parameters(IBL(IBL.Config(layers=0), FeatureSpec(4096, {}))) == 2_114_113
    for weight in (block.convolution.weight for block in method.encoder):
        bound = (6 / (2 * (weight.shape[0] + weight.shape[1]))) ** 0.5
        assert weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert not any(p.any() for name, p in method.named_parameters() if name.endswith("bias"))


def test_the_halves_pass_together_normal_first():
    method, seen = build(), []
    batch = PairBatch(*(Bags(torch.full((2, 1, 3, 6), fill), None, None, ("a", "b")) for fill in (1.0, 2.0)))
    method.float().encoder.register_forward_hook(lambda _, given, __: seen.append(given[0][:, 0, 0, 0].tolist()))
    method.training_step(batch)
    assert seen == [[1, 1, 2, 2]]
