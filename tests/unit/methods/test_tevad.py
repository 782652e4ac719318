"""TEVAD: scores and loss terms against an independent evaluation under the official names, for each fusion."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec, InputError
from methods.tevad import TEVAD
from tests.unit.methods import bags, plain_rtfm

FUSIONS = ["concat", "add", "product", "add_up"]
VISUAL, TEXT = 16, 8
WEIGHTS = {"magnitude_margin": 30.0, "magnitude_weight": 0.01, "smoothness": 0.3, "sparsity": 0.2}


def official_weights(fusion, visual=VISUAL, text=TEXT):
    """Random weights under the official names, of the layers that a fusion has."""
    weights = plain_rtfm.Weights()
    weights.aggregate("Aggregate", visual, plain_rtfm.RTFM_NAMES, norm_at=2, running=True)
    weights.aggregate("Aggregate_text", text, plain_rtfm.RTFM_NAMES, norm_at=2, running=True)
    if fusion in ("add", "product"):
        weights.layer("fc0", text, visual)
    if fusion == "add_up":
        weights.layer("fc_vis", visual + text, visual)
        weights.layer("fc_text", visual + text, text)
    weights.layer("fc1", 512, visual + text if fusion in ("concat", "add_up") else text)
    weights.layer("fc2", 128, 512)
    weights.layer("fc3", 1, 128)
    return weights.tensors()


def evaluate(state, fusion, features, training=False, visual=VISUAL):
    """Scores (videos, T) and fused features (videos, crops, T, fused size) of the official network."""
    state = {name: value.numpy() for name, value in state.items()}
    sequences = [crop for video in features for crop in video]
    names = plain_rtfm.RTFM_NAMES
    seen = plain_rtfm.aggregate([rows[:, :visual] for rows in sequences], state, "Aggregate", names, training)
    read = plain_rtfm.aggregate([rows[:, visual:] for rows in sequences], state, "Aggregate_text", names, training)
    fused, scores = [], []
    for v, t in zip(seen, read, strict=True):
        if fusion == "concat":
            f = np.concatenate([v, t], axis=1)
        elif fusion == "add_up":
            f = plain_rtfm.relu(plain_rtfm.dense(v, state, "fc_vis"))
            f = f + plain_rtfm.relu(plain_rtfm.dense(t, state, "fc_text"))
        else:
            narrow = plain_rtfm.relu(plain_rtfm.dense(v, state, "fc0"))
            f = narrow + t if fusion == "add" else narrow * t
        hidden = plain_rtfm.relu(plain_rtfm.dense(f, state, "fc1"))
        hidden = plain_rtfm.relu(plain_rtfm.dense(hidden, state, "fc2"))
        fused.append(f)
        scores.append(plain_rtfm.sigmoid(plain_rtfm.dense(hidden, state, "fc3")[:, 0]))
    videos, crops, length = features.shape[:3]
    return np.reshape(scores, (videos, crops, length)).mean(1), np.reshape(fused, (videos, crops, length, -1))


def build(fusion="concat", state=None, visual=VISUAL, text=TEXT, dtype=torch.float64, **config):
    features = FeatureSpec(visual + text, {}, parts={"visual": visual, "text": text})
    method = TEVAD(TEVAD.Config(fusion=fusion, **config), features).to(dtype)
    if state is not None:
        method.load_state_dict(TEVAD.adopt_weights(state))
    return method


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_scores_are_those_of_the_official_network(fusion, dtype, tolerance):
    for visual, text in ((VISUAL, TEXT), (7, 13)):
        state = official_weights(fusion, visual, text)
        method = build(fusion, state, visual, text, dtype).eval()
        for length, crops in ((1, 1), (2, 3), (17, 2)):
            features = np.random.default_rng(length).uniform(-1, 1, (2, crops, length, visual + text))
            with torch.no_grad():
                scores = method.score(torch.tensor(features, dtype=dtype))
                embedded = method.embed(torch.tensor(features, dtype=dtype))
            expected, fused = evaluate(state, fusion, features, visual=visual)
            # Saturated scores would agree whatever the weights.
            assert (np.abs(expected - 0.5) < 0.45).all()
            np.testing.assert_allclose(scores.numpy(), expected, rtol=0, atol=tolerance)
            np.testing.assert_allclose(embedded.numpy(), fused.mean(1), rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(("length", "k", "crops"), [(1, 1, 2), (9, 1, 1), (20, 2, 3)])
def test_loss_terms_are_those_of_the_official_code_in_training(fusion, length, k, crops):
    """Magnitudes are of the fused features; batch norm sees both halves together."""
    state = official_weights(fusion)
    method = build(fusion, state, dropout=0.0, **WEIGHTS).train()
    batch = bags.batch(videos=3, crops=crops, length=length, dim=VISUAL + TEXT)
    both = np.concatenate([batch.normal.features, batch.abnormal.features])
    expected = plain_rtfm.loss_terms(*evaluate(state, fusion, both, training=True), k, *WEIGHTS.values())
    expected["loss"] = sum(expected.values())
    terms = method.training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_layer_matters_to_the_scores_as_in_the_official_network(fusion):
    state = official_weights(fusion)
    features = np.random.default_rng(1).uniform(-1, 1, (1, 1, 5, VISUAL + TEXT))
    scores = evaluate(state, fusion, features)[0]
    method = build(fusion).eval()
    for name, value in state.items():
        if value.is_floating_point():
            changed = state | {name: value * 1.5 + 0.1}
            method.load_state_dict(TEVAD.adopt_weights(changed))
            moved = method.score(torch.from_numpy(features)).detach().numpy()
            assert np.abs(moved - scores).max() > 1e-7, name
            np.testing.assert_allclose(moved, evaluate(changed, fusion, features)[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_official_and_own_names_are_adopted(fusion, prefix):
    state, own = official_weights(fusion), build(fusion).state_dict()
    for weights in (state, own):
        assert TEVAD.adopt_weights({prefix + name: value for name, value in weights.items()}).keys() == own.keys()


def test_weights_of_another_fusion_are_refused_by_name():
    with pytest.raises(RuntimeError, match=r'Missing key.*"visual_map\.weight"'):
        build("add").load_state_dict(TEVAD.adopt_weights(official_weights("concat")))


def temporal_network(dim):
    """Parameters of the pyramid, the reduction, the non-local block and the fusion."""
    width, inner = dim // 4, dim // 8
    non_local = 3 * (width * inner + inner) + inner * width + width + 2 * width
    return 3 * (3 * dim * width + 3 * width) + dim * width + non_local + 3 * dim * dim + 2 * dim


@pytest.mark.parametrize(
    ("fusion", "maps", "fused"),
    [
        ("concat", 0, 2816),
        ("add", 2048 * 768 + 768, 768),
        ("product", 2048 * 768 + 768, 768),
        ("add_up", (2048 + 768 + 2) * 2816, 2816),
    ],
)
def test_parameters_at_the_published_width(fusion, maps, fused):
    with torch.device("meta"):
        method = build(fusion, None, 2048, 768, torch.float32)
    scorer = fused * 512 + 512 + 512 * 128 + 128 + 129
    assert bags.parameters(method) == temporal_network(2048) + temporal_network(768) + maps + scorer


def test_initialisation_is_that_of_the_official_code():
    torch.manual_seed(0)
    method = build("add_up", None, 256, 128)
    layers = dict(method.named_modules())
    drawn = {name: layer for name, layer in layers.items() if isinstance(layer, torch.nn.Conv1d | torch.nn.Linear)}
    assert len(drawn) == 2 * 9 + 2 + 3
    for name, layer in drawn.items():
        taps = layer.weight[0, 0].numel()
        bound = (6 / (taps * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.1), name
        assert layer.bias is None or not layer.bias.any()
    for network in (method.visual_network, method.text_network):
        assert not network.non_local.norm.weight.any()


def test_parts_are_found_by_name_and_others_are_left_out():
    """The order of the parts is that of the features, and another part between them is not read."""
    state = official_weights("concat")
    usual = build("concat", state).eval()
    sizes = {"text": TEXT, "audio": 3, "visual": VISUAL}
    method = TEVAD(TEVAD.Config(), FeatureSpec(sum(sizes.values()), {}, parts=sizes)).double().eval()
    method.load_state_dict(TEVAD.adopt_weights(state))
    features = torch.rand(2, 1, 6, sum(sizes.values()), dtype=torch.float64)
    text, _, visual = features.split(list(sizes.values()), -1)
    torch.testing.assert_close(method.score(features), usual.score(torch.cat([visual, text], -1)))


@pytest.mark.parametrize("parts", [{}, {"visual": 24}, {"text": 24}, {"rgb": 16, "captions": 8}])
def test_features_without_text_are_refused_in_one_sentence(parts):
    with pytest.raises(InputError, match="needs features with the parts visual and text") as error:
        TEVAD(TEVAD.Config(), FeatureSpec(24, {}, parts=parts))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fusion", "shares"),
    [
        ("concat", {0: 0.5, 2: 0.5}),
        ("add", {0: 0.25, 2: 0.5, 4: 0.25}),
        ("product", {0: 0.75, 4: 0.25}),
        ("add_up", {0: 0.25, 2: 0.5, 4: 0.25}),
    ],
)
def test_dropout_falls_on_both_networks_and_on_every_map(fusion, shares):
    """All that is fused is 1 here; a rate of 0.5 makes it 0 or 2 before it is fused."""
    torch.manual_seed(0)
    method = build(fusion, dropout=0.5).train()
    method.visual_network = method.text_network = torch.nn.Identity()
    for name, value in method.named_parameters():
        if "_map." in name:
            torch.nn.init.constant_(value, float(name.endswith("bias")))
    fused = method(torch.ones(4, 2, 100, VISUAL + TEXT, dtype=torch.float64))[1]
    assert set(fused.unique().tolist()) == set(shares)
    for value, share in shares.items():
        assert (fused == value).double().mean().item() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_gradients_reach_every_parameter(fusion):
    method = build(fusion)
    optimizer = torch.optim.Adam(method.parameters())
    missing = {name for name, _ in method.named_parameters()}
    for step in range(3):
        optimizer.zero_grad()
        method.training_step(bags.batch(videos=4, dim=VISUAL + TEXT, seed=step))["loss"].backward()
        missing -= {name for name, p in method.named_parameters() if p.grad is not None and p.grad.any()}
        optimizer.step()
    assert not missing


@torch.no_grad()
def test_a_long_video_is_scored_from_both_of_its_parts():
    method = build("add", official_weights("add")).eval()
    features = torch.rand(1, 2, 5000, VISUAL + TEXT, dtype=torch.float64)
    scores = method.score(features)
    assert scores.shape == (1, 5000)
    for part in (slice(VISUAL), slice(VISUAL, None)):
        other = features.clone()
        other[..., part] = 0
        assert (method.score(other) - scores).abs().max() > 1e-6


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(FUSIONS),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_crops_count_alike_and_videos_do_not_mix(fusion, visual, text, length, crops, seed):
    torch.manual_seed(seed)
    method = build(fusion, None, visual, text).eval()
    features = torch.rand(3, crops, length, visual + text, dtype=torch.float64)
    with torch.no_grad():
        scores = method.score(features)
        torch.testing.assert_close(method.score(features.flip(1)), scores, rtol=0, atol=1e-9)
        torch.testing.assert_close(method.score(features[1:2]), scores[1:2], rtol=0, atol=1e-9)
    assert ((scores >= 0) & (scores <= 1)).all()
