"""S3R: scores and loss terms against an independent evaluation under the official names, the dictionary, shapes."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import Bags, FeatureSpec, PairBatch
from methods import s3r
from methods.s3r import S3R, learn_dictionary
from tests.unit.methods import bags, plain, plain_rtfm

PUBLISHED = 2048
NO_DROPOUT = {"dropout": 0.0}
WEIGHTS = {"magnitude_margin": 30.0, "magnitude_weight": 0.01, "smoothness": 0.3, "sparsity": 0.2}


def official_weights(dim, seed=0):
    """Random weights under all official names, among them those of layers that the code never calls."""
    weights = plain_rtfm.Weights(seed)
    wide, narrow = max(1, dim // 4), max(1, dim // 16)
    for part in ("video", "macro"):
        weights.aggregate(f"{part}_embedding.0", dim, plain_rtfm.S3R_NAMES, norm_at=1, running=False)
        weights.layer(f"{part}_projection.0", dim, dim, 3)
        weights.norm(f"{part}_projection.1", dim, running=False)
    for name, out in (("query", wide), ("cache", wide), ("value", dim)):
        weights.layer(f"en_normal.en_normal_module.{name}_embedding", out, dim)
    weights.layer("de_normal.channel_attention.channel_gate.mlp.1", narrow, dim)
    weights.layer("de_normal.channel_attention.channel_gate.mlp.3", dim, narrow)
    for name in ("video_classifier", "macro_classifier.mlp"):
        weights.layer(f"{name}.0", wide, dim)
        weights.layer(f"{name}.3", narrow, wide)
        weights.layer(f"{name}.6", 1, narrow)
    return weights.tensors()


def draw_dictionary(slots, dim, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(-2, 2, (slots, dim)))


def evaluate(state, dictionary, features, training=False):
    """Scores (videos, T), gated features (videos, crops, T, D) and macro scores (videos,) of the official network."""
    state, dictionary = {name: value.numpy() for name, value in state.items()}, dictionary.numpy()
    sequences = [np.asarray(crop) for video in features for crop in video]
    names = "en_normal.en_normal_module.{}_embedding"
    keys = plain_rtfm.dense(dictionary, state, names.format("cache"))
    values = plain_rtfm.dense(dictionary, state, names.format("value"))
    rebuilt = []
    for rows in sequences:
        weights = np.exp(plain_rtfm.dense(rows, state, names.format("query")) @ keys.T)
        rebuilt.append(weights / weights.sum(1, keepdims=True) @ values)
    video = plain_rtfm.aggregate(sequences, state, "video_embedding.0", plain_rtfm.S3R_NAMES, training)
    macro = plain_rtfm.aggregate(rebuilt, state, "macro_embedding.0", plain_rtfm.S3R_NAMES, training)
    gate = "de_normal.channel_attention.channel_gate.mlp"

    def classify(rows, name):
        hidden = plain_rtfm.relu(plain_rtfm.dense(rows, state, f"{name}.0"))
        hidden = plain_rtfm.relu(plain_rtfm.dense(hidden, state, f"{name}.3"))
        return plain_rtfm.sigmoid(plain_rtfm.dense(hidden, state, f"{name}.6")[:, 0])

    gated, scores, macros = [], [], []
    for f, g in zip(video, macro, strict=True):
        difference = (f.sum(0) / len(f) - g.sum(0) / len(g))[None]
        hidden = plain_rtfm.relu(plain_rtfm.dense(difference, state, f"{gate}.1"))
        a = plain_rtfm.sigmoid(plain_rtfm.dense(hidden, state, f"{gate}.3"))
        gated.append(f * a)
        scores.append(classify(f * a, "video_classifier"))
        macros.append(classify((g * (1 - a)).mean(0)[None], "macro_classifier.mlp")[0])
    videos, crops = features.shape[:2]
    return (
        np.reshape(scores, (videos, crops, -1)).mean(1),
        np.reshape(gated, features.shape),
        np.reshape(macros, (videos, crops)).mean(1),
    )


def build(dim, state=None, dictionary=None, dtype=torch.float64, **config):
    method = S3R(S3R.Config(**config), FeatureSpec(dim, {})).to(dtype)
    if state is not None:
        method.load_state_dict(S3R.adopt_weights({**state, "dictionary": dictionary}))
    return method


@pytest.fixture
def few_batches(monkeypatch):
    monkeypatch.setattr(s3r, "BATCHES", 5)


@pytest.fixture(scope="module")
def small():
    return official_weights(32)


@pytest.fixture(scope="module")
def slots():
    return draw_dictionary(5, 32)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@pytest.mark.parametrize("dim", [1, 13, 32, 64])
def test_scores_are_those_of_the_official_network(dim, dtype, tolerance):
    state, dictionary = official_weights(dim), draw_dictionary(7, dim)
    method = build(dim, state, dictionary, dtype).eval()
    for length, crops in ((1, 1), (3, 2), (32, 1)):
        features = np.random.default_rng(length).uniform(-1, 1, (2, crops, length, dim))
        with torch.no_grad():
            scores = method.score(torch.tensor(features, dtype=dtype))
            embedded = method.embed(torch.tensor(features, dtype=dtype))
        expected, gated, _ = evaluate(state, dictionary, features)
        # Saturated scores would agree whatever the weights.
        assert (np.abs(expected - 0.5) < 0.45).all()
        np.testing.assert_allclose(scores.numpy(), expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(embedded.numpy(), gated.mean(1), rtol=0, atol=100 * tolerance)


@pytest.mark.parametrize(("length", "k"), [(1, 1), (7, 1), (20, 2)])
@pytest.mark.parametrize("crops", [1, 3])
def test_loss_terms_are_those_of_the_official_code_in_training(small, slots, length, k, crops):
    """Batch norm sees both halves together, as one forward of the whole batch does."""
    method = build(32, small, slots, macro_weight=0.7, **NO_DROPOUT, **WEIGHTS).train()
    batch = bags.batch(videos=3, crops=crops, length=length, dim=32)
    both = np.concatenate([batch.normal.features, batch.abnormal.features])
    scores, gated, macros = evaluate(small, slots, both, training=True)
    expected = plain_rtfm.loss_terms(scores, gated, k, *WEIGHTS.values())
    # The target is 0, normal, for the abnormal videos as well.
    expected["macro"] = 0.7 * plain.mean(plain.cross_entropy(p, 0) for p in macros)
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_every_used_layer_matters_to_the_scores_as_in_the_official_network():
    state, slots = official_weights(64), draw_dictionary(5, 64)  # wide enough for groups of two channels
    features = np.random.default_rng(1).uniform(-1, 1, (1, 1, 3, 64))
    scores = evaluate(state, slots, features)[0]
    method = build(64).eval()
    # A bias of all keys moves all slots alike, and softmax does not see it.
    silent = (*s3r.UNUSED, "macro_classifier", "en_normal.en_normal_module.cache_embedding.bias")
    for name, value in state.items():
        if value.is_floating_point():
            changed = state | {name: value * 1.5 + 0.1}
            method.load_state_dict(S3R.adopt_weights({**changed, "dictionary": slots}))
            moved = method.score(torch.from_numpy(features)).detach().numpy()
            assert (np.abs(moved - scores).max() > 1e-7) != name.startswith(silent), name
            np.testing.assert_allclose(moved, evaluate(changed, slots, features)[0], rtol=0, atol=1e-9)


def test_parameters_at_the_published_width():
    with torch.device("meta"):
        method = build(PUBLISHED, dtype=torch.float32)
    unused = 2 * (PUBLISHED * PUBLISHED * 3 + PUBLISHED + 2 * PUBLISHED)
    assert bags.parameters(method) == 81_436_802 - unused == 56_258_690
    numbers = sum(value.numel() for name, value in method.state_dict().items() if name != "dictionary")
    assert numbers == 81_438_852 - unused
    state = official_weights(PUBLISHED // 32)  # its names do not depend on the width
    assert len(state) == 88
    assert method.state_dict().keys() == {*S3R.adopt_weights(state), "dictionary"}


def test_initialisation_is_that_of_the_official_code():
    torch.manual_seed(0)
    method = build(256)
    layers = dict(method.named_modules())
    drawn = {name: layer for name, layer in layers.items() if isinstance(layer, torch.nn.Conv1d | torch.nn.Linear)}
    assert len(drawn) == 2 * 9 + 3 + 2 + 2 * 3
    for name, layer in drawn.items():
        taps = layer.weight[0, 0].numel()
        bound = (6 / (taps * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.1), name
        assert layer.bias is None or not layer.bias.any()
    for part in (method.video_embedding, method.macro_embedding):
        assert not part.non_local.norm.weight.any()
        assert not part.non_local.norm.bias.any()
        assert part.fuse[1].weight.eq(1).all()
    groups = [layer.num_groups for layer in layers.values() if isinstance(layer, torch.nn.GroupNorm)]
    assert groups == 8 * [8]


def test_embedding_ends_with_relu_so_that_it_only_adds_to_the_input(small, slots):
    """Convolution, group norm, ReLU; the order of RTFM would subtract as well."""
    network = build(32, small, slots).eval().video_embedding
    features = torch.randn(2, 9, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    added = network(features) - features
    assert added.min() >= -1e-12
    assert (added > 0.1).any()


def half(features, name="v"):
    return Bags(features, None, None, tuple(f"{name}{i}" for i in range(len(features))))


def prepared(normal, abnormal=None, **config):
    method = build(normal.shape[-1], dtype=normal.dtype, **config)
    method.prepare(PairBatch(half(normal), half(normal[:1] if abnormal is None else abnormal)))
    return method


@pytest.mark.parametrize(
    ("videos", "share", "slots"), [(1, 50, 1), (3, 50, 2), (5, 50, 2), (7, 50, 4), (9, 50, 4), (15, 90, 14), (4, 1, 1)]
)
@pytest.mark.usefixtures("few_batches")
def test_number_of_slots_is_rounded_half_to_even_and_at_least_one(videos, share, slots):
    """13.5 gives 14, 2.5 gives 2; 175 videos of ShanghaiTech give 158 in the official code."""
    method = prepared(torch.rand(videos, 1, 2, 8), dictionary_share=share)
    assert method.dictionary.shape == (slots, 8)


def test_dictionary_holds_the_sparse_code_of_channels_and_not_the_atoms():
    generator = torch.Generator().manual_seed(0)
    method = prepared(torch.rand(20, 2, 4, 64, generator=generator, dtype=torch.float64))
    used = method.dictionary != 0
    assert method.dictionary.dtype == torch.float64
    assert used.sum(0).max() == 2
    assert used.sum(1).max() > 2
    one = prepared(torch.rand(20, 2, 4, 64, generator=generator), dictionary_nonzeros=1).dictionary
    assert (one != 0).sum(0).max() == 1


def test_dictionary_is_learned_from_a_hundred_batches_of_32_channels(monkeypatch):
    from sklearn.decomposition import MiniBatchDictionaryLearning

    learned, seen = MiniBatchDictionaryLearning.partial_fit, []

    def partial_fit(self, rows):
        seen.append(len(rows))
        return learned(self, rows) if len(seen) < 3 else self

    monkeypatch.setattr(MiniBatchDictionaryLearning, "partial_fit", partial_fit)
    prepared(torch.rand(4, 1, 2, 70))
    assert seen == (34 * [32, 32, 6])[:100]


def test_code_of_channels_that_are_multiples_of_few_patterns_rebuilds_them():
    """Each channel is a multiple of one of three patterns over the videos, so one slot each is enough."""
    random = np.random.default_rng(0)
    patterns = np.linalg.qr(random.standard_normal((12, 3)))[0]
    videos = torch.from_numpy(patterns[:, np.arange(48) % 3] * random.uniform(5, 9, 48))
    code = learn_dictionary(videos, 3, 1).numpy()
    for pattern in range(3):
        (slot,) = set(np.flatnonzero(code[:, pattern::3].any(1)))
        ratio = code[slot, pattern::3] / np.linalg.norm(videos[:, pattern::3], axis=0)
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


@pytest.mark.usefixtures("few_batches")
def test_dictionary_is_of_the_means_of_normal_videos_only():
    generator = torch.Generator().manual_seed(0)
    normal = torch.rand(6, 3, 4, 16, generator=generator, dtype=torch.float64)
    usual = prepared(normal).dictionary
    means = normal.mean((1, 2), keepdim=True)
    np.testing.assert_allclose(prepared(means).dictionary, usual, rtol=0, atol=1e-9)
    other = torch.rand(9, 3, 4, 16, generator=generator, dtype=torch.float64)
    assert torch.equal(prepared(normal, other).dictionary, usual)
    assert not torch.allclose(prepared(other[:6]).dictionary, usual)


@pytest.mark.parametrize("fill", [0.0, 1.0])
@pytest.mark.parametrize(("videos", "dim"), [(1, 1), (1, 33), (6, 1), (6, 40)])
@pytest.mark.usefixtures("few_batches")
def test_dictionary_of_degenerate_videos_is_finite(videos, dim, fill):
    method = prepared(torch.full((videos, 1, 1, dim), fill))
    assert method.dictionary.isfinite().all()
    assert method.eval().score(torch.rand(1, 1, 2, dim)).isfinite().all()


def test_dictionary_leaves_global_random_generators_alone_and_is_the_same_again():
    normal = torch.rand(8, 1, 2, 16)
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = learn_dictionary(normal.mean((1, 2)), 4, 2)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    np.random.seed(1)
    assert torch.equal(learn_dictionary(normal.mean((1, 2)), 4, 2), first)


@pytest.mark.usefixtures("few_batches")
def test_weights_with_a_learned_dictionary_load_into_a_fresh_method():
    method, fresh = prepared(torch.rand(10, 1, 4, 16)).eval(), build(16, dtype=torch.float32).eval()
    assert len(method.dictionary) != len(fresh.dictionary)
    fresh.load_state_dict(method.state_dict())
    features = torch.rand(1, 2, 5, 16)
    assert torch.equal(fresh.score(features), method.score(features))
    holder = torch.nn.ModuleDict({"method": build(16, dtype=torch.float32)})
    holder.load_state_dict({f"method.{name}": value for name, value in method.state_dict().items()})
    assert torch.equal(holder["method"].dictionary, method.dictionary)


def test_a_dictionary_of_another_feature_size_is_refused():
    state = {**build(16).state_dict(), "dictionary": torch.zeros(7, 12)}
    with pytest.raises(RuntimeError, match="size mismatch for dictionary"):
        build(16).load_state_dict(state)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_and_own_names_are_adopted(small, slots, prefix):
    adopted = S3R.adopt_weights({prefix + name: value for name, value in small.items()})
    own = build(32).state_dict()
    assert adopted.keys() == own.keys() - {"dictionary"}
    assert S3R.adopt_weights({prefix + name: value for name, value in own.items()}).keys() == own.keys()
    with pytest.raises(RuntimeError, match=r'Missing key.*"dictionary"'):
        build(32).load_state_dict(adopted)


def test_a_long_video_in_blocks_gets_the_scores_of_one_block(monkeypatch):
    method = build(16, official_weights(16), draw_dictionary(9, 16)).eval()
    features = torch.rand(1, 2, 5000, 16, dtype=torch.float64)
    with torch.no_grad():
        whole = method.score(features)
        monkeypatch.setattr(s3r, "BLOCK_ENTRIES", 1000)
        torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 3), st.integers(0, 99))
def test_crops_count_alike_and_videos_do_not_mix(dim, length, crops, seed):
    torch.manual_seed(seed)
    method = build(dim).eval()
    features = torch.rand(3, crops, length, dim, dtype=torch.float64)
    with torch.no_grad():
        scores = method.score(features)
        torch.testing.assert_close(method.score(features.flip(1)), scores, rtol=0, atol=1e-9)
        torch.testing.assert_close(method.score(features[1:2]), scores[1:2], rtol=0, atol=1e-9)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.usefixtures("few_batches")
def test_steps_in_bfloat16_are_finite():
    method = prepared(torch.rand(6, 1, 4, 32))
    with torch.autocast("cpu", torch.bfloat16):
        terms = method.training_step(PairBatch(half(torch.rand(2, 1, 8, 32)), half(torch.rand(2, 1, 8, 32))))
    terms["loss"].backward()
    assert all(p.grad.isfinite().all() for p in method.parameters())


def test_a_dictionary_may_lie_beside_names_of_a_parallel_training():
    named = {f"module.{name}": torch.zeros(1) for name in ("video_classifier.0.weight", "de_normal.0.bias")}
    adopted = S3R.adopt_weights({**named, "dictionary": torch.ones(3, 4)})
    assert adopted.keys() == {
        "dictionary",
        *S3R.adopt_weights({n.removeprefix("module."): v for n, v in named.items()}),
    }
