"""SMIL: loss and scores against plain loops, subsets by enumeration, and the alternation against scikit-learn."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods.binary_svm import BinarySVM, BinarySVMConfig
from methods.smil import SMIL, top_mean
from tests.unit.methods import bags, plain

DIM, CROPS, LENGTH = 4, 2, 10


def build(**config):
    """A small float64 method with another mean and spread for each feature."""
    method = bags.build(SMIL, **config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        method.mean.uniform_(-1, 1, generator=generator)
        method.deviation.uniform_(0.3, 2, generator=generator)
    return method


def plain_decisions(method, rows):
    """Decision on each of (T, D), of standardised features, layer by layer."""
    w = plain.arrays(method)
    out = [[(x - m) / d for x, m, d in zip(row, w["mean"], w["deviation"], strict=True)] for row in rows]
    out = plain.linear(out, w, "first")
    if "second.weight" in w:
        out = plain.linear(plain.relu(out), w, "second")
    return out[:, 0].tolist()


def plain_bag(decisions, k):
    return plain.mean(sorted(decisions)[len(decisions) - k :])


@pytest.mark.parametrize("hidden", [0, 5])
@pytest.mark.parametrize(
    ("videos", "crops", "length", "divisor", "k"),
    [(1, 1, 1, 10, 1), (3, 2, 7, 10, 1), (2, 1, 16, 10, 2), (2, 3, 26, 10, 3), (2, 2, 9, 2, 4), (2, 1, 5, 1, 5)],
)
def test_loss_terms_and_scores(videos, crops, length, divisor, k, hidden):
    method = build(hidden=hidden, top_divisor=divisor, weight_regularisation=0.3)
    batch, losses = bags.batch(videos, crops, length), []
    for y, half in ((-1, batch.normal), (1, batch.abnormal)):
        scores = method.score(half.features).detach().numpy()
        for video, own in zip(half.features.numpy(), scores, strict=True):
            each = [plain_decisions(method, rows) for rows in video]
            losses.append(max(0, 1 - y * plain_bag([plain.mean(g) for g in zip(*each, strict=True)], k)))
            expected = [plain.mean(plain.sigmoid(g) for g in crop) for crop in zip(*each, strict=True)]
            np.testing.assert_allclose(own, expected, rtol=0, atol=1e-12)
    squares = sum(float(w.square().sum()) for name, w in method.state_dict().items() if name.endswith("weight"))
    expected = {"hinge": plain.mean(losses), "weights": 0.3 * squares / 2}
    expected = {"loss": sum(expected.values()), **expected}
    terms = method.training_step(batch)
    assert list(terms) == list(expected)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 999))
def test_no_subset_of_k_or_more_instances_has_a_larger_mean_and_one_of_any_size_is_the_highest(length, seed):
    values = np.random.default_rng(seed).standard_normal(length)
    best = {
        size: max(plain.mean(values[list(chosen)]) for chosen in combinations(range(length), size))
        for size in range(1, length + 1)
    }
    for k in best:
        found = top_mean(torch.from_numpy(values), k).item()
        assert found == pytest.approx(best[k], abs=1e-12)
        assert found == pytest.approx(max(best[size] for size in range(k, length + 1)), abs=1e-12)
    assert max(best.values()) == pytest.approx(max(values))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 999))
def test_a_bag_rises_with_every_instance_and_their_order_does_not_matter(length, seed):
    random = np.random.default_rng(seed)
    values = torch.from_numpy(random.standard_normal(length))
    raised, order = values.clone(), torch.from_numpy(random.permutation(length))
    raised[random.integers(length)] += random.random()
    for k in range(1, length + 1):
        assert top_mean(raised, k) >= top_mean(values, k) - 1e-12
        torch.testing.assert_close(top_mean(values[order], k), top_mean(values, k))


def test_strays_in_a_normal_video_cost_a_share_only():
    method = build(top_divisor=1)
    with torch.no_grad():
        method.first.weight.fill_(1.0)
        method.first.bias.zero_()
        method.mean.zero_()
        method.deviation.fill_(1.0)
    batch = bags.batch(1, 1, 10)
    batch.abnormal.features.fill_(1.0)
    batch.normal.features.fill_(-1.0)
    batch.normal.features[0, 0, 4] = 1.0  # decides 6, the others -6
    assert method.training_step(batch)["hinge"] == 0
    hard = build(top_divisor=10)
    hard.load_state_dict(method.state_dict())
    assert hard.training_step(batch)["hinge"].item() == pytest.approx(7 / 2)


def test_features_are_standardised_by_all_training_segments():
    random = np.random.default_rng(0)
    halves = [random.standard_normal((videos, 3, 7, 6)) * 3 + 5 for videos in (4, 2)]
    for half in halves:
        half[..., 1] = 0.3  # constant
        half[..., 2] = 0
    given = PairBatch(*(Bags(torch.from_numpy(half), None, None, ("v",) * len(half)) for half in halves))
    method = bags.build(SMIL)
    method.prepare(given)
    rows = np.concatenate([half.reshape(-1, 6) for half in halves])
    expected = np.where([False, True, True, False, False, False], 1, rows.std(0))
    np.testing.assert_allclose(method.mean.numpy(), rows.mean(0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(method.deviation.numpy(), expected, rtol=0, atol=1e-12)


def test_a_snippet_depends_on_no_other():
    method, features = build(hidden=3), bags.batch(1, 2, 9).normal.features
    scores = method.score(features)
    features[:, :, 4:] *= -1
    assert torch.equal(method.score(features)[:, :4], scores[:, :4])


def test_weights_start_by_xavier_with_zero_biases():
    torch.manual_seed(0)
    method = SMIL(SMIL.Config(hidden=64), FeatureSpec(200, {}))
    for layer in (method.first, method.second):
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.1)
        assert not layer.bias.any()
    assert bags.parameters(SMIL(SMIL.Config(), FeatureSpec(1024, {}))) == 1025


def videos(names, shift):
    """The features of a video depend on its name alone; three segments of an abnormal one are far out."""
    features = []
    for name in names:
        random = np.random.default_rng(int(name[1:]))
        video = random.standard_normal((CROPS, LENGTH, DIM))
        video[:, random.permutation(LENGTH)[:3]] += shift
        features.append(torch.from_numpy(video).float())
    return Bags(torch.stack(features), None, None, tuple(names))


NAMES = [f"n{i}" for i in range(12)], [f"a{i}" for i in range(20, 30)]


def trained(**config):
    """A method that has seen every video, in batches that overlap, and its optimiser moved it."""
    method = SMIL(SMIL.Config(**config), FeatureSpec(DIM, {}))
    optimizer = torch.optim.Adam(method.parameters(), lr=0.1)
    method.prepare(PairBatch(videos(NAMES[0], 0.0), videos(NAMES[1], 1.0)))
    for start in (0, 4, 7):
        batch = PairBatch(videos(NAMES[0][start : start + 5], 0.0), videos(NAMES[1][start : start + 5], 1.0))
        optimizer.zero_grad()
        method.training_step(batch)["loss"].backward()
        optimizer.step()
    return method


def plain_alternation(k, regularisation, choices=10):
    """Decision (weight, bias) on features as they are, how many machines were fitted, and whether it stood still."""
    given = [(videos(names, shift), y) for names, shift, y in ((NAMES[0], 0.0, 0), (NAMES[1], 1.0, 1))]
    segments = [video.double().mean(0).numpy() for half, _ in given for video in half.features]
    labels = [y for half, y in given for _ in half.features]
    scaler = StandardScaler().fit([rows.mean(0) for rows in segments])
    chosen = [list(range(LENGTH))] * len(segments)
    fits = 0
    for _ in range(1 + choices):
        fits += 1
        means = [rows[own].mean(0) for rows, own in zip(segments, chosen, strict=True)]
        machine = LinearSVC(C=1 / (regularisation * len(segments)), random_state=0)
        machine.fit(scaler.transform(means), labels)
        weight = machine.coef_[0] / scaler.scale_
        new = [sorted(plain.top((rows @ weight).tolist(), k)) for rows in segments]
        if new == chosen:
            break
        chosen = new
    return weight, machine.intercept_[0] - weight @ scaler.mean_, fits, new == chosen


@pytest.mark.parametrize(("divisor", "k"), [(1, 10), (3, 3), (10, 1)])
@pytest.mark.parametrize("regularisation", [0.001, 0.1])
def test_alternation_is_that_of_plain_loops(divisor, k, regularisation):
    method = trained(solver="alternation", top_divisor=divisor, weight_regularisation=regularisation).eval()
    weight, bias, fits, _ = plain_alternation(k, regularisation)
    assert fits > 1 or k == LENGTH
    snippets = torch.randn(1, CROPS, 7, DIM, generator=torch.Generator().manual_seed(3))
    expected = np.mean(1 / (1 + np.exp(-(snippets[0].double().numpy() @ weight + bias))), axis=0)
    with torch.no_grad():
        np.testing.assert_allclose(method.score(snippets)[0].numpy(), expected, rtol=0, atol=1e-4)


def test_with_all_segments_the_alternation_gives_the_suites_binary_machine():
    method = trained(solver="alternation", top_divisor=1, weight_regularisation=0.01).eval()
    count = len(NAMES[0]) + len(NAMES[1])
    binary = BinarySVM(BinarySVMConfig(penalty=1 / (0.01 * count)), FeatureSpec(DIM, {}))
    binary.training_step(PairBatch(videos(NAMES[0], 0.0), videos(NAMES[1], 1.0)))
    snippets = torch.randn(2, CROPS, 7, DIM, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(method.score(snippets), binary.eval().score(snippets), rtol=0, atol=1e-5)


def test_the_choice_ends_where_it_stands_still_or_after_ten(monkeypatch):
    fits = []

    class Counted(LinearSVC):
        def fit(self, x, y):
            fits.append(x)
            return super().fit(x, y)

    monkeypatch.setattr("sklearn.svm.LinearSVC", Counted)
    method = trained(solver="alternation", top_divisor=3)
    method.eval()
    *_, expected, still = plain_alternation(3, 0.001)
    assert still
    assert len(fits) == expected < 11
    fits.clear()
    monkeypatch.setattr("methods.smil.MOST_CHOICES", 1)
    trained(solver="alternation", top_divisor=3).eval()
    assert len(fits) == 2


def test_the_optimiser_has_no_part_in_what_the_alternation_saves():
    method = trained(solver="alternation")
    saved = {name: value.clone() for name, value in method.state_dict().items()}
    with torch.no_grad():
        method.first.weight.add_(1)
    assert all(torch.equal(value, saved[name]) for name, value in method.state_dict().items())
    fresh = SMIL(SMIL.Config(solver="alternation"), FeatureSpec(DIM, {}))
    fresh.load_state_dict(saved)
    snippets = torch.randn(1, CROPS, 7, DIM)
    assert torch.equal(fresh.eval().score(snippets), method.eval().score(snippets))


def test_the_optimiser_alone_keeps_no_video_and_is_not_fitted():
    method = trained()
    before = [parameter.detach().clone() for parameter in method.parameters()]
    method.eval()
    assert method._kept == {}
    assert all(torch.equal(now, then) for now, then in zip(method.parameters(), before, strict=True))


def test_a_hidden_layer_is_refused_where_a_linear_machine_is_fitted():
    with pytest.raises(ValidationError, match="hidden 8 means nothing without solver 'sgd': leave it at 0"):
        SMIL.Config(solver="alternation", hidden=8)
