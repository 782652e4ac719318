"""ProDisc-VAD: scores and loss terms against plain loops on the official names, and where its code is unusual."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.api import FeatureSpec
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from methods.prodisc import ProDisc, extremes_apart, smoothed_cross_entropy
from tests.unit.methods import bags, padded_bags, plain

PUBLISHED = 512


def official_weights(dim, prototypes=5, seed=0):
    """Random weights under the official names, float64."""
    random, state = np.random.default_rng(seed), {}

    def layer(name, out, into):
        state[f"{name}.weight"] = random.standard_normal((out, into)) / np.sqrt(into)
        state[f"{name}.bias"] = random.uniform(-0.3, 0.3, out)

    for name in ("keys", "values"):
        state[f"prototype_layer.normal_prototypes_{name}"] = random.standard_normal((prototypes, dim))
    state["prototype_layer.norm.weight"] = random.uniform(0.5, 1.5, dim)
    state["prototype_layer.norm.bias"] = random.uniform(-0.3, 0.3, dim)
    layer("prototype_layer.output_proj", dim, dim)
    for name, out, into in ((0, 256, dim), (2, 128, 256), (4, 64, 128), (6, 1, 64)):
        layer(f"classifier.{name}", out, into)
    return {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}


def build(state, dim, **config):
    """A float64 method with official weights and no dropout."""
    method = ProDisc(ProDisc.Config(dropout=0.0, **config), FeatureSpec(dim, {})).double()
    method.load_state_dict(ProDisc.adopt_weights(state))
    return method


def gelu(x):
    return np.vectorize(lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2)(x)


def official_read(state, x):
    """Scores (T) and features before the classifier (T, D) of one sequence (T, D) by the official network."""
    state = {name.replace("prototype_layer.", ""): value.numpy() for name, value in state.items()}
    keys, values = state["normal_prototypes_keys"], state["normal_prototypes_values"]

    def dense(row, name):
        return state[f"{name}.weight"] @ row + state[f"{name}.bias"]

    scores, features = [], []
    for row in x:
        powers = [math.exp(sum(row * key) / math.sqrt(len(row))) for key in keys]
        context = sum(power * value for power, value in zip(powers, values, strict=True)) / sum(powers)
        joined = 10 * row + 5 * context
        joined = (joined - joined.mean()) / math.sqrt(joined.var() + 1e-5)
        y = gelu(dense(joined * state["norm.weight"] + state["norm.bias"], "output_proj"))
        hidden = y
        for name in (0, 2, 4):
            hidden = gelu(dense(hidden, f"classifier.{name}"))
        scores.append(plain.sigmoid(dense(hidden, "classifier.6")[0]))
        features.append(y)
    return np.array(scores), np.array(features)


def official_terms(read):
    """Unweighted loss terms of (scores, features, own rows, whether abnormal)."""
    selected, apart = [], []
    for scores, features, own, abnormal in read:
        k = math.ceil(own / 6)
        selected += [(score, float(abnormal)) for score in sorted(scores[:own])[-k:]]
        for t in {int(np.argmax(scores[:own])), int(np.argmin(scores[:own]))}:
            similar = [plain.cosine(features[t], other) / 0.1 for other in features]
            apart.append(-(similar[t] - math.log(sum(math.exp(value) for value in similar))))
    losses = []
    for score, label in selected:
        target = (1 - 1e-5) * label + 1e-5 / len(selected)
        losses.append(-target * math.log(score) - (1 - target) * math.log(1 - score))
    return plain.mean(losses), plain.mean(apart)


@pytest.mark.parametrize("crops", [1, 3])
@pytest.mark.parametrize("length", [1, 2, 9])
def test_scores(length, crops):
    state = official_weights(7)
    features = padded_bags.batch((None, None), length, crops=crops, dim=7).normal.features
    expected = [np.mean([official_read(state, crop)[0] for crop in video.numpy()], axis=0) for video in features]
    scores = build(state, 7).eval().score(features).detach().numpy()
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("crops", [1, 2])
@pytest.mark.parametrize("lengths", [(None, None), ([13, 6, 1], [7, 2, 12]), ([12, 5], None), ([1, 1], [1, 1])])
def test_loss_terms(lengths, crops):
    state = official_weights(7)
    batch = padded_bags.batch(lengths, 17, crops=crops, dim=7)
    read = [(*official_read(state, x), own, abnormal) for x, own, abnormal, _ in padded_bags.sequences(batch)]
    mil, pide = official_terms(read)
    terms = {name: term.item() for name, term in build(state, 7).training_step(batch).items()}
    assert terms == pytest.approx(
        {"loss": 15 * mil + 5 * pide, "mil": 15 * mil, "pide": 5 * pide}, rel=1e-11, abs=1e-11
    )


@pytest.fixture(scope="module")
def published():
    return official_weights(PUBLISHED)


def test_the_official_weights_are_0_4_million(published):
    count = sum(value.numel() for value in published.values())
    assert count == bags.parameters(ProDisc(ProDisc.Config(), FeatureSpec(PUBLISHED, {}))) == 441_345
    assert len(published) == 14


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_scores_are_those_of_the_official_network_at_the_published_width(published, dtype, tolerance):
    method = build(published, PUBLISHED).to(dtype).eval()
    features = np.random.default_rng(1).uniform(-1, 1, (2, 5, PUBLISHED)) / 20
    with torch.no_grad():
        scores = method.score(torch.tensor(features, dtype=dtype)[None])[0].numpy()
    expected = np.mean([official_read(published, crop)[0] for crop in features], axis=0)
    # Saturated scores would agree whatever the weights.
    assert (np.abs(expected - 0.5) < 0.45).all()
    np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_official_weight_matters_to_the_scores(prefix):
    state = official_weights(7)
    features = padded_bags.batch((None, None), 3, dim=7).normal.features
    scores = build(state, 7).eval().score(features)
    for name, value in state.items():
        changed = state | {name: value + torch.linspace(0.1, 0.2, value.numel()).view(value.shape)}
        moved = build({prefix + key: each for key, each in changed.items()}, 7).eval().score(features)
        assert (moved - scores).abs().max() > 1e-7, name


def test_own_names_pass():
    own = ProDisc(ProDisc.Config(), FeatureSpec(7, {})).state_dict()
    adopted = ProDisc.adopt_weights(own)
    assert list(adopted) == list(own)
    assert all(adopted[name] is own[name] for name in own)


def test_layers_start_as_the_official_ones_do():
    torch.manual_seed(0)
    method = ProDisc(ProDisc.Config(prototypes=50), FeatureSpec(PUBLISHED, {}))
    layers = [layer for layer in method.modules() if isinstance(layer, torch.nn.Linear)]
    assert len(layers) == 5
    for layer in layers:
        bound = (6 / sum(layer.weight.shape)) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.05)
        assert not layer.bias.any()
    for drawn in (method.prototypes.keys, method.prototypes.values):
        assert drawn.std().item() == pytest.approx(0.02, rel=0.05)


def test_scores_selected_of_all_videos_are_averaged_together():
    # A long video has 3 of the 4 selected scores here, so it weighs three times as much.
    logits = torch.zeros(2, 18, dtype=torch.float64)
    logits[0, 3] = 2.0
    lengths = torch.tensor([6, 18])
    loss = smoothed_cross_entropy(logits, torch.tensor([1, 3]), lengths, 0.0)
    assert loss.item() == pytest.approx((-math.log(1 - plain.sigmoid(2.0)) + 3 * math.log(2)) / 4)


def test_smoothed_labels_depend_on_how_many_scores_are_selected():
    logits, lengths = torch.full((2, 5), 3.0, dtype=torch.float64), torch.tensor([5, 5])
    for k in (1, 2):
        targets = [0.4 / (2 * k), 0.6 + 0.4 / (2 * k)]
        expected = plain.mean(
            -t * math.log(plain.sigmoid(3.0)) - (1 - t) * math.log(plain.sigmoid(-3.0)) for t in targets
        )
        loss = smoothed_cross_entropy(logits, torch.tensor([k, k]), lengths, 0.4)
        assert loss.item() == pytest.approx(expected)


def test_padding_is_no_extreme_but_extremes_are_driven_away_from_it():
    method, batch = build(official_weights(7), 7), padded_bags.batch(([8, 3], [8, 5]), 8, dim=7)
    usual = method.training_step(batch)
    batch.normal.features[1, :, 3:] = 1.5
    moved = method.training_step(batch)
    assert moved["mil"] == usual["mil"]
    assert abs(moved["pide"] - usual["pide"]) > 1e-6
    # Nothing but the rows told to be own ones decides which are extreme.
    features = torch.eye(4, dtype=torch.float64)[None]
    scores = torch.tensor([[0.5, 0.4, 0.9, 0.1]], dtype=torch.float64)
    features[0, 3] = features[0, 2]
    apart = extremes_apart(features, scores, torch.tensor([2]), 0.1)
    assert apart.item() == pytest.approx(math.log(math.exp(10) + 3) - 10)


def test_a_row_of_highest_and_lowest_score_counts_once():
    features = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]], dtype=torch.float64)
    scores = torch.tensor([[0.2, 0.7], [0.5, 0.5]], dtype=torch.float64)
    apart = extremes_apart(features, scores, torch.tensor([2, 2]), 0.5)
    far, near = math.log(math.exp(2) + 1) - 2, math.log(2)
    assert apart.item() == pytest.approx((2 * far + near) / 3)


def test_rows_of_zeros_have_finite_gradients():
    features = torch.zeros(2, 3, 4, requires_grad=True)
    extremes_apart(features, torch.rand(2, 3), torch.tensor([3, 2]), 0.1).backward()
    assert torch.isfinite(features.grad).all()


def test_a_long_video_is_scored_row_by_row():
    torch.manual_seed(0)
    method = ProDisc(ProDisc.Config(), FeatureSpec(7, {})).double().eval()
    features = torch.rand(1, 1, 5000, 7, dtype=torch.float64)
    scores = method.score(features)
    pieces = torch.cat([method.score(piece) for piece in features.split(37, dim=2)], dim=1)
    torch.testing.assert_close(scores, pieces, rtol=0, atol=1e-14)


def test_embedding_is_what_the_scorer_sees_after_dropout_in_training_only():
    torch.manual_seed(0)
    method = ProDisc(ProDisc.Config(dropout=0.5), FeatureSpec(64, {}))
    features = torch.rand(1, 2, 50, 64)
    assert (method.train()(features)[1] == 0).float().mean() == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(method.eval().embed(features), method.prototypes(features).mean(1))


@given(st.permutations(range(4)), st.integers(0, 5))
def test_the_order_of_videos_does_not_matter_to_the_discrimination(order, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(4, 6, 3, generator=generator, dtype=torch.float64)
    scores, lengths = torch.rand(4, 6, generator=generator), torch.randint(1, 7, (4,), generator=generator)
    usual = extremes_apart(features, scores, lengths, 0.1)
    mixed = extremes_apart(*(part[list(order)] for part in (features, scores, lengths)), 0.1)
    torch.testing.assert_close(mixed, usual, rtol=1e-12, atol=0)
    assert usual >= 0


@pytest.mark.parametrize(
    ("reference", "dataset", "steps"),
    [
        ("", "ucf-crime", 15000),
        ("@official-code", "ucf-crime", 1_610_000),
        ("@official-code", "shanghaitech", 238_000),
        ("@official-code", "xd-violence", 15000),
    ],
)
def test_the_recipe_has_the_official_values(reference, dataset, steps):
    recipe, _ = resolve_recipe(find_pipeline(f"methods/prodisc.py:ProDisc{reference}"), dataset, "paper")
    assert ProDisc.Config(**recipe.values("config")) == ProDisc.Config()
    training = recipe.values("training")
    assert training["steps"] == steps
    names = ("learning_rate", "weight_decay", "batch_size", "segments", "segmenting", "crops")
    assert [training[name] for name in names] == [5e-4, 5e-4, 30, 300, "index", "one-at-random"]
