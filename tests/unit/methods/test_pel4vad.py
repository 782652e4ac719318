"""PEL4VAD: scores and loss terms against plain loops on the official names, and where its code is unusual."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from benchmark.api import Bags, FeatureSpec, MethodError, PairBatch
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from methods import pel4vad
from methods.pel4vad import PEL4VAD, prompt_divergence, signed_root, smooth
from tests.unit.methods import bags, padded_bags, plain

CLASSES = ("normal", "arson", "fighting", "robbery")
SMALL = {"attention_width": 4, "embedding_width": 5}


def official_weights(dim, visual, attention, embedding, t_step, seed=0):
    """Random weights under the official names, float64."""
    random, state = np.random.default_rng(seed), {}

    def layer(name, *shape):
        state[f"{name}.weight"] = random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        state[f"{name}.bias"] = random.uniform(-0.3, 0.3, shape[0])

    state["logit_scale"] = np.array(1.3)
    state["self_attention.self_attn.alpha"] = np.array(0.4)
    for name in ("q", "k", "v"):
        layer(f"self_attention.self_attn.{name}", attention, dim)
    layer("self_attention.self_attn.o", dim, attention)
    layer("self_attention.linear1", visual, dim, 1)
    layer("self_attention.linear2", embedding, visual, 1)
    state["self_attention.norm.weight"] = random.uniform(0.5, 1.5, dim)
    state["self_attention.norm.bias"] = random.uniform(-0.3, 0.3, dim)
    state["self_attention.loc_adj.w"] = np.array([0.15])
    state["self_attention.loc_adj.b"] = np.array([0.4])
    layer("classifier", 1, embedding, t_step)
    return {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}


def vectors(width, seed=3):
    """Class vectors of unequal lengths, all far from one."""
    random = np.random.default_rng(seed)
    drawn = random.standard_normal((len(CLASSES), width)) * np.array([[3.0], [10.0], [1.0], [6.0]])
    return torch.from_numpy(drawn)


def build(state, dim, texts=None, sources=None, **config):
    """A float64 method with official weights and no dropout."""
    given = {"classes": "given", "class_vectors": "given"} if texts is not None else {}
    spec = FeatureSpec(dim, sources or given, classes=CLASSES if texts is not None else (), class_vectors=texts)
    method = PEL4VAD(PEL4VAD.Config(dropout=0.0, **config), spec).double()
    method.load_state_dict(PEL4VAD.adopt_weights(state))
    return method


def gelu(x):
    return np.vectorize(lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2)(x)


def softmax(values):
    top = max(values)
    powers = [math.exp(value - top) for value in values]
    return [power / sum(powers) for power in powers]


def official_read(state, x, window, norm):
    """Scores (T), visual features (T, width) of one sequence (T, D) by the official network."""
    state = {name.replace("self_attention.", ""): value.numpy() for name, value in state.items()}
    T = len(x)

    def dense(rows, name):
        return rows @ state[f"{name}.weight"].reshape(len(state[f"{name}.weight"]), -1).T + state[f"{name}.bias"]

    q, k, v = (dense(x, f"self_attn.{name}") for name in "qkv")
    w, b = state["loc_adj.w"][0], state["loc_adj.b"][0]
    share = plain.sigmoid(state["self_attn.alpha"])
    mixed = np.zeros_like(v)
    for i in range(T):
        g = [sum(q[i] * k[j]) / math.sqrt(q.shape[1]) + math.exp(-abs(w * (i - j) ** 2 - b)) for j in range(T)]
        seen = {min(max(i - window // 2 + r, 0), T - 1) for r in range(window)}
        near = softmax([g[j] if j in seen else -1e9 for j in range(T)])
        everything = softmax(g)
        for j in range(T):
            mixed[i] += (share * everything[j] + (1 - share) * near[j]) * v[j]
    if norm:
        mixed = np.sqrt(plain.relu(mixed)) - np.sqrt(plain.relu(-mixed))
        for channel in range(mixed.shape[1]):
            mixed[:, channel] /= max(plain.norm(mixed[:, channel]), 1e-12)
    h = x + dense(mixed, "self_attn.o")
    h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-5)
    h = h * state["norm.weight"] + state["norm.bias"]
    visual = gelu(dense(h, "linear1"))
    e = gelu(dense(visual, "linear2"))
    kernel, scores = state["classifier.weight"][0], []
    for t in range(T):
        total = state["classifier.bias"][0]
        for tap in range(kernel.shape[1]):
            at = t - (kernel.shape[1] - 1) + tap
            total += kernel[:, tap] @ e[at] if at >= 0 else 0.0
        scores.append(plain.sigmoid(total))
    return np.array(scores), visual


def official_smooth(scores, kind, width):
    padded = [*scores, *([0.0] * width)]
    if kind == "sliding":
        return [sum(padded[t : t + width]) / width for t in range(len(scores))]
    if kind == "blocks":
        return [sum(padded[t - t % width : t - t % width + width]) / width for t in range(len(scores))]
    return list(scores)


def official_terms(state, batch, texts, window, norm):
    """Unweighted loss terms; rows of the prompt term video by video, as the code lists them."""
    mil, rows, partners, labels = [], [], [], []
    for x, own, abnormal, classes in padded_bags.sequences(batch):
        scores, visual = official_read(state, x, window, norm)
        k = own // 16 + 1 if abnormal else 1
        mil.append(plain.cross_entropy(plain.mean(sorted(scores[:own])[-k:]), abnormal))

        def over_time(values, visual=visual):
            weights = [math.exp(10 * value) - 1 for value in values]
            return sum(weight * row for weight, row in zip(weights, visual, strict=True)) / sum(map(abs, weights))

        rows.append(over_time(scores))
        partners.append(np.mean([texts[c] for c in classes], axis=0) if abnormal else texts[0])
        labels.append(classes[0] if abnormal else 0)
        if abnormal:
            rows.append(over_time(1 - scores))
            partners.append(texts[0])
            labels.append(0)
    scale, total = math.exp(state["logit_scale"]), 0.0
    for row, label in zip(rows, labels, strict=True):
        target = softmax([10.0 * (other == label) for other in labels])
        guess = softmax([scale * plain.cosine(row, partner) for partner in partners])
        total += sum(t * (math.log(t) - math.log(g)) for t, g in zip(target, guess, strict=True))
    return plain.mean(mil), total / len(rows)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("window", [1, 2, 4, 9, 30])
@pytest.mark.parametrize("length", [1, 2, 13])
def test_scores(length, window, norm):
    state = official_weights(6, 7, 4, 5, t_step=3)
    method = build(state, 6, vectors(7), window=window, norm=norm, t_step=3, smoothing="none", **SMALL).eval()
    features = padded_bags.batch((None, None), length, crops=3).normal.features
    expected = [
        np.mean([official_read(state, crop, window, norm)[0] for crop in video.numpy()], axis=0) for video in features
    ]
    np.testing.assert_allclose(method.score(features).detach().numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kind", "width"), [("none", 2), ("sliding", 2), ("sliding", 7), ("blocks", 4), ("blocks", 8)])
@pytest.mark.parametrize("length", [1, 3, 8, 21])
def test_smoothing_follows_the_mean_over_crops(length, kind, width):
    state = official_weights(6, 7, 4, 5, t_step=2)
    method = build(state, 6, vectors(7), window=3, t_step=2, smoothing=kind, smoothing_width=width, **SMALL).eval()
    features = padded_bags.batch((None, None), length, crops=2).normal.features
    for video, scores in zip(features.numpy(), method.score(features).tolist(), strict=True):
        mean = np.mean([official_read(state, crop, 3, True)[0] for crop in video], axis=0)
        assert scores == pytest.approx(official_smooth(mean, kind, width), abs=1e-12)


@pytest.mark.parametrize("crops", [1, 2])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("lengths", [(None, None), ([20, 3, 1], [17, 35, 2]), (None, [1, 16])])
def test_loss_terms(lengths, norm, crops):
    state, texts = official_weights(6, 7, 4, 5, t_step=4), vectors(7)
    method = build(state, 6, texts, window=5, norm=norm, t_step=4, lamda=3.0, **SMALL)
    batch = padded_bags.batch(lengths, 37, crops=crops, classes=[[2], [1, 3], [3]][: 3 if lengths[0] else 2])
    mil, prompt = official_terms(state, batch, texts.numpy(), 5, norm)
    terms = {name: term.item() for name, term in method.training_step(batch).items()}
    assert terms == pytest.approx({"loss": mil + 3 * prompt, "mil": mil, "prompt": 3 * prompt}, rel=1e-11)


@pytest.fixture(scope="module")
def published():
    return official_weights(1024, 512, 128, 300, t_step=9)


def test_the_official_weights_are_those_that_the_code_stores(published):
    assert len(published) == 20
    assert sum(value.numel() for value in published.values()) == 1_209_149
    texts = torch.randn(4, 512)
    method = build(published, 1024, texts)
    assert bags.parameters(method) == 1_209_149
    assert len(method.state_dict()) == 20
    without = build(published, 1024)
    assert bags.parameters(without) == 1_209_148


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_scores_are_those_of_the_official_network_at_the_published_width(published, dtype, tolerance):
    method = build(published, 1024, smoothing="none").to(dtype).eval()
    for length in (1, 2, 20):
        features = np.random.default_rng(length).uniform(-1, 1, (2, length, 1024))
        with torch.no_grad():
            scores = method.score(torch.tensor(features, dtype=dtype)[None])[0].numpy()
        expected = np.mean([official_read(published, crop, 9, True)[0] for crop in features], axis=0)
        # Saturated scores would agree whatever the weights.
        assert (np.abs(expected - 0.5) < 0.45).all()
        np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_official_weight_but_the_temperature_matters_to_the_scores(prefix):
    state = official_weights(6, 512, 4, 5, t_step=3)
    features = padded_bags.batch((None, None), 9).normal.features
    config = {"t_step": 3, "window": 3, "smoothing": "none", **SMALL}
    scores = build(state, 6, **config).eval().score(features)
    for name, value in state.items():
        changed = state | {name: value * 1.5 + 0.1}
        method = build({prefix + key: each for key, each in changed.items()}, 6, **config).eval()
        moved = (method.score(features) - scores).abs().max().item()
        # A bias of the keys cancels in both softmaxes.
        assert moved == 0 if name == "logit_scale" else moved < 1e-12 if name.endswith("k.bias") else moved > 1e-6


def test_own_names_pass():
    own = PEL4VAD(PEL4VAD.Config(), FeatureSpec(6, {})).state_dict()
    adopted = PEL4VAD.adopt_weights(own)
    assert list(adopted) == list(own)
    assert all(adopted[name] is own[name] for name in own)


def test_layers_start_as_the_official_ones_do():
    torch.manual_seed(0)
    spec = FeatureSpec(64, {}, classes=CLASSES, class_vectors=vectors(512))
    method = PEL4VAD(PEL4VAD.Config(temp=0.05, gamma=0.06, bias=0.02), spec)
    layers = {n: layer for n, layer in method.named_modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv1d)}
    assert len(layers) == 7
    for layer in layers.values():
        taps, fan_in = layer.weight[0, 0].numel(), layer.weight[0].numel()
        bound = (6 / (fan_in + taps * len(layer.weight))) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.02)
        # torch's own bias, not zero.
        assert 0 < layer.bias.abs().max().item() <= fan_in**-0.5
    numbers = [method.context.alpha, method.context.gamma, method.context.bias, method.logit_scale]
    assert [number.item() for number in numbers] == pytest.approx([0, 0.06, 0.02, math.log(20)])


def test_the_attention_is_normalised_over_time_and_not_over_channels():
    state = official_weights(6, 7, 4, 5, t_step=3)
    method = build(state, 6, vectors(7), window=3, t_step=3, **SMALL)
    read = []
    method.context.output.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    method(padded_bags.batch((None, None), 11).normal.features)
    torch.testing.assert_close(read[0].norm(dim=1), torch.ones(2, 4, dtype=torch.float64))
    assert (read[0].norm(dim=2) - 1).abs().min() > 1e-3


def test_a_window_beyond_the_ends_counts_each_row_once():
    state = official_weights(6, 7, 4, 5, t_step=1)
    features = padded_bags.batch((None, None), 3).normal.features
    scores = []
    for alpha in (-3.0, 3.0):
        changed = state | {"self_attention.self_attn.alpha": torch.tensor(alpha, dtype=torch.float64)}
        scores.append(build(changed, 6, vectors(7), window=9, t_step=1, **SMALL).eval().score(features))
    # Nine places around any of three rows are all three, so near and global attention are the same.
    torch.testing.assert_close(*scores, rtol=0, atol=1e-14)


def test_padding_counts_in_the_prompt_term_and_is_no_candidate_for_a_video_s_score():
    method = build(official_weights(6, 7, 4, 5, t_step=3), 6, vectors(7), window=3, t_step=3, **SMALL)
    batch = padded_bags.batch(([9, 4], [5, 12]), 12, classes=[[1], [2]])
    usual = method.training_step(batch)
    batch.abnormal.lengths.fill_(1)
    batch.normal.lengths[0] = 12  # the same rows, told to be others' own
    told = method.training_step(batch)
    assert told["prompt"].item() == usual["prompt"].item()
    assert abs(told["mil"].item() - usual["mil"].item()) > 1e-3


def test_a_normal_video_is_judged_by_its_one_highest_score():
    state = official_weights(6, 7, 4, 5, t_step=1)
    method = build(state, 6, vectors(7), window=3, t_step=1, lamda=0.0, **SMALL)
    batch = padded_bags.batch(([40, 40], [40, 33]), 40)
    top = [sorted(official_read(state, x, 3, True)[0][:own]) for x, own, *_ in padded_bags.sequences(batch)]
    expected = [-math.log(1 - scores[-1]) for scores in top[:2]]
    expected += [-math.log(plain.mean(scores[-3:])) for scores in top[2:]]
    assert method.training_step(batch)["mil"].item() == pytest.approx(plain.mean(expected))


def test_classes_of_a_video_are_averaged_as_they_are_and_the_first_one_is_its_label():
    state, texts = official_weights(6, 7, 4, 5, t_step=1), vectors(7)
    batch = padded_bags.batch((None, None), 5, classes=[[1, 3], [3]])

    def prompt(texts):
        return build(state, 6, texts, window=3, t_step=1, **SMALL).training_step(batch)["prompt"].item()

    units = texts / texts.norm(dim=1, keepdim=True)
    assert prompt(units) != pytest.approx(prompt(texts), abs=1e-6)
    # As long as their proportions stay, the lengths do not matter.
    assert prompt(5 * texts) == pytest.approx(prompt(texts))


def test_an_abnormal_video_of_no_named_class_has_a_background_alone():
    state, texts = official_weights(6, 7, 4, 5, t_step=1), vectors(7)
    method = build(state, 6, texts, window=3, t_step=1, **SMALL)
    batch = padded_bags.batch((None, None), 5, classes=[[2], [3]])
    batch.abnormal.classes[1] = 0
    terms = method.training_step(batch)
    terms["loss"].backward()
    assert all(torch.isfinite(term) for term in terms.values())
    assert terms["prompt"] > 0


def test_without_a_direction_the_prompt_term_is_zero_and_gradients_are_finite():
    state, texts = official_weights(6, 7, 4, 5, t_step=1), vectors(7)
    texts[2] = 0
    method = build(state, 6, texts, window=3, t_step=1, **SMALL)
    terms = method.training_step(padded_bags.batch((None, None), 5, classes=[[2], [3]]))
    terms["loss"].backward()
    assert terms["prompt"] == 0
    assert all(torch.isfinite(p.grad).all() for p in method.parameters())
    # The code's NaN is of any row without a direction; videos of other classes alone have none.
    assert method.training_step(padded_bags.batch((None, None), 5, classes=[[1], [3]]))["prompt"] > 0


@pytest.mark.parametrize(
    ("config", "sources", "texts"),
    [
        ({"lamda": 0.0}, {"classes": "given", "class_vectors": "given"}, vectors(7)),
        ({}, {"classes": "none", "class_vectors": "given"}, vectors(7)),
        ({}, {"classes": "none", "class_vectors": "none"}, None),
    ],
)
def test_without_classes_vectors_or_weight_there_is_no_prompt_term(config, sources, texts):
    state = official_weights(6, 7 if texts is not None else 512, 4, 5, t_step=9)
    method = build(state, 6, texts, sources, **config, **SMALL)
    terms = method.training_step(padded_bags.batch((None, None), 5))
    assert list(terms) == ["loss", "mil"]
    assert "logit_scale" not in dict(method.named_parameters())


def test_a_run_with_prompts_needs_the_classes_in_its_batches():
    method = build(official_weights(6, 7, 4, 5, t_step=9), 6, vectors(7), **SMALL)
    with pytest.raises(MethodError, match="of which classes"):
        method.training_step(padded_bags.batch((None, None), 5))


def test_without_weight_the_prompt_term_asks_for_nothing_and_the_title_says_so():
    config = PEL4VAD.Config(lamda=0.0)
    assert PEL4VAD.inputs_for(config) == {}
    assert PEL4VAD.title_for(config) == "PEL4VAD without PEL"
    assert PEL4VAD.inputs_for(PEL4VAD.Config()) == PEL4VAD.inputs
    assert PEL4VAD.title_for(PEL4VAD.Config()) == "PEL4VAD"


def test_every_weight_gets_a_gradient_from_both_terms():
    method = build(official_weights(6, 7, 4, 5, t_step=2), 6, vectors(7), window=3, t_step=2, **SMALL)
    terms = method.training_step(padded_bags.batch((None, None), 8, classes=[[2], [1, 3]]))
    terms["prompt"].backward()
    missing = {name for name, p in method.named_parameters() if p.grad is None or not p.grad.any()}
    assert missing == set()
    assert all(torch.isfinite(p.grad).all() for p in method.parameters())


def test_the_signed_root_has_a_gradient_of_zero_at_zero():
    x = torch.tensor([-4.0, -1e-30, 0.0, 1e-300, 9.0], dtype=torch.float64, requires_grad=True)
    root = signed_root(x)
    assert root.tolist() == pytest.approx([-2, -1e-15, 0, 1e-150, 3], rel=1e-12)
    root.sum().backward()
    assert x.grad[2] == 0
    assert torch.isfinite(x.grad).all()


def test_blocks_of_a_long_video_do_not_show(monkeypatch):
    torch.manual_seed(0)
    method = PEL4VAD(PEL4VAD.Config(t_step=3, **SMALL), FeatureSpec(6, {})).eval()
    features = torch.rand(1, 1, 5000, 6) - 0.4
    with torch.no_grad():
        monkeypatch.setattr(pel4vad, "BLOCK", 5000 * 5000)
        whole = method.score(features)
        for rows in (1700, 64):
            monkeypatch.setattr(pel4vad, "BLOCK", rows * 5000)
            torch.testing.assert_close(method.score(features), whole, rtol=0, atol=2e-6)
    assert whole.std() > 1e-4


def test_dropout_is_behind_both_convolutions_and_in_training_only():
    torch.manual_seed(0)
    method = PEL4VAD(PEL4VAD.Config(dropout=0.5), FeatureSpec(6, {}))
    features = torch.rand(1, 1, 400, 6)
    visual, embedded = method.train()._read(features[0])[1:]
    assert (visual == 0).float().mean() == pytest.approx(0.5, abs=0.02)
    assert (embedded == 0).float().mean() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(method.eval().score(features), method.score(features))
    torch.testing.assert_close(method.embed(features), method._read(features[0])[2])


@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_order_of_rows_does_not_matter_to_the_prompt_term(order, seed):
    generator = torch.Generator().manual_seed(seed)
    rows, texts = (torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    labels, scale = torch.randint(3, (6,), generator=generator), torch.tensor(11.0, dtype=torch.float64)
    mixed = [part[list(order)] for part in (rows, texts, labels)]
    usual = prompt_divergence(rows, texts, labels, scale, 10.0)
    torch.testing.assert_close(prompt_divergence(*mixed, scale, 10.0), usual, rtol=1e-12, atol=0)
    assert usual > 0


@given(
    arrays_of.arrays(float, st.integers(1, 40), elements=st.floats(0, 1)),
    st.sampled_from(["none", "sliding", "blocks"]),
    st.integers(2, 12),
)
def test_smoothing_against_loops(scores, kind, width):
    smoothed = smooth(torch.from_numpy(scores)[None], kind, width)[0].tolist()
    assert smoothed == pytest.approx(official_smooth(scores, kind, width), abs=1e-12)


@pytest.mark.parametrize(
    ("dataset", "config", "steps"),
    [
        ("ucf-crime", (9, 0.6, 0.2, True, 9, 0.09, 1, "sliding", 7), 6250),
        ("xd-violence", (9, 0.06, 0.02, False, 3, 0.05, 1, "blocks", 8), 7400),
        ("shanghaitech", (5, 0.08, 0.1, True, 3, 0.2, 9, "sliding", 3), 950),
        ("other", (9, 0.6, 0.2, True, 9, 0.09, 1, "sliding", 7), 6250),
    ],
)
def test_the_recipe_has_the_published_values_of_each_benchmark(dataset, config, steps):
    recipe, _ = resolve_recipe(find_pipeline("methods/pel4vad.py:PEL4VAD"), dataset, "paper")
    made = PEL4VAD.Config(**recipe.values("config"))
    names = ("window", "gamma", "bias", "norm", "t_step", "temp", "lamda", "smoothing", "smoothing_width")
    assert tuple(getattr(made, name) for name in names) == config
    training = recipe.values("training")
    assert training["steps"] == steps
    assert (training["learning_rate"], training["weight_decay"], training["segments"]) == (5e-4, 0, 200)
    assert (training["segmenting"], training["crops"]) == ("index", "one-at-random")
    # A cosine of which 50 of 60 epochs are trained.
    schedule = dict(training["schedule"])
    per_pass = {"ucf-crime": 125, "xd-violence": 148}[dataset] if schedule["unit"] == "passes" else 1
    assert steps / (schedule["period"] * per_pass) == pytest.approx(50 / 60)


def test_no_row_of_padding_stands_for_a_video():
    told = FeatureSpec(6, {"classes": "none", "class_vectors": "none"})
    torch.manual_seed(0)
    method = PEL4VAD(PEL4VAD.Config(top_divisor=1, dropout=0.0), told).double()
    rows, lengths = torch.rand(2, 1, 20, 6, dtype=torch.float64), torch.tensor([20, 5])
    rows[1, :, 5:] = 0
    half = Bags(rows, None, None, ("long", "short"), lengths=lengths)
    mil = method.training_step(PairBatch(half, half))["mil"]
    logits = method._read(rows.flatten(0, 1))[0]
    normal, abnormal = logits.sigmoid().where(torch.arange(20) < lengths[:, None], 0).amax(1), logits.sigmoid()
    means = torch.stack([abnormal[0].mean(), abnormal[1, :5].mean()])
    torch.testing.assert_close(mil, -(torch.log(1 - normal).sum() + means.log().sum()) / 4)
