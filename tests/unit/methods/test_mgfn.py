"""MGFN against an evaluation written out in float64: loss terms, official weights, and what is easily done wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.api import FeatureSpec, InputError
from methods import mgfn
from methods.mgfn import MGFN, ChannelNorm, Focus, Glance
from methods.parts import long_videos
from tests.unit.methods import bags, plain_mgfn

SMALL = {"dim": 6, "widths": (128, 192, 128), "depths": (1, 2, 1)}
"""Heads: 2 in the glance block, 3 and 2 in the focus blocks."""
SMALL_CONFIG = {
    "glance_width": 128,
    "focus_width": 192,
    "feature_width": 128,
    "glance_depth": 1,
    "focus_depth": 2,
    "feature_depth": 1,
}
WEIGHTS = {
    "mil": 1,
    "separation": 1e-6,
    "normal_cohesion": 1e-3,
    "abnormal_cohesion": 1e-3,
    "smooth": 8e-4,
    "sparse": 8e-3,
}


def official(seed=0, **sizes):
    return {name: torch.from_numpy(value) for name, value in plain_mgfn.official_weights(seed, **sizes).items()}


def small(**config):
    """A small float64 method without dropout, with weights under the official names, and these."""
    state = official(**SMALL)
    method = MGFN(MGFN.Config(dropout=0.0, **SMALL_CONFIG, **config), FeatureSpec(6, {})).double()
    method.load_state_dict(MGFN.adopt_weights(state))
    return method, {name: value.numpy() for name, value in state.items()}


def tiny(dim=6, **config):
    """A quick method."""
    torch.manual_seed(0)
    widths = {"glance_width": 8, "focus_width": 8, "feature_width": 8}
    depths = {"glance_depth": 1, "focus_depth": 1, "feature_depth": 1}
    return MGFN(MGFN.Config(**widths | depths | config), FeatureSpec(dim, {}))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("videos", "crops", "length"), [(1, 2, 1), (1, 3, 2), (2, 2, 7), (3, 3, 5), (1, 5, 9)])
def test_loss_terms(videos, crops, length, training):
    method, state = small()
    batch = bags.batch(videos, crops, length)
    halves = [half.features.numpy() for half in (batch.normal, batch.abnormal)]
    expected = plain_mgfn.losses(halves, state, depths=SMALL["depths"], training=training)
    expected = {name: WEIGHTS[name] * value for name, value in expected.items()}
    expected["loss"] = sum(expected.values())
    terms = method.train(training).training_step(batch)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize(
    "config",
    [
        {"smooth_half": "abnormal"},
        {"sparse_half": "abnormal"},
        {"top_k": 5},
        {"margin": 2.5},
        {"magnitude_ratio": 0.7},
    ],
)
def test_switches_are_what_they_say(config):
    method, state = small(**config)
    batch = bags.batch(2, 2, 6)
    halves = [half.features.numpy() for half in (batch.normal, batch.abnormal)]
    how = {"ratio" if name == "magnitude_ratio" else name: value for name, value in config.items()}
    expected = plain_mgfn.losses(halves, state, depths=SMALL["depths"], **how)
    terms = method.eval().training_step(batch)
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(WEIGHTS[name] * value, rel=1e-9, abs=1e-11), name


def test_weights_of_the_terms():
    method, _ = small()
    batch = bags.batch(2, 2, 6)
    usual = method.eval().training_step(batch)
    half, _ = small(contrast_weight=0.0005, separation_share=0.01, smoothness=8e-3, sparsity=8e-2)
    changed = half.eval().training_step(batch)
    factors = {name: (changed[name] / usual[name]).item() for name in WEIGHTS}
    expected = {"mil": 1, "separation": 5, "normal_cohesion": 0.5, "abnormal_cohesion": 0.5, "smooth": 10, "sparse": 10}
    assert factors == pytest.approx(expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_scores_are_those_of_the_official_network_at_the_published_size(dtype, tolerance):
    state = official()
    method = MGFN(MGFN.Config(), FeatureSpec(2048, {})).to(dtype).eval()
    method.load_state_dict(MGFN.adopt_weights({f"module.{name}": value for name, value in state.items()}))
    features = np.random.default_rng(1).uniform(-0.5, 1, (1, 2, 4, 2048))
    embedded, expected = plain_mgfn.evaluate(features, {name: value.numpy() for name, value in state.items()})
    with torch.no_grad():
        given_features = torch.tensor(features, dtype=dtype)
        np.testing.assert_allclose(method.score(given_features).numpy(), expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(method.embed(given_features).numpy(), embedded.mean(1), rtol=0, atol=10 * tolerance)
    assert (np.abs(np.array(expected) - 0.5) < 0.49).all()


def test_layers_are_the_official_ones_in_name_shape_and_number():
    shapes = plain_mgfn.official_shapes()
    method = MGFN(MGFN.Config(), FeatureSpec(2048, {}))
    own = {name: tuple(value.shape) for name, value in method.state_dict().items()}
    assert own == shapes
    assert list(own) == list(shapes)
    assert len(own) == 145
    assert sum(value.numel() for value in method.state_dict().values()) == 28_657_642
    assert bags.parameters(method) == 28_652_773


@pytest.mark.parametrize("length", [1, 5])
def test_scores_with_every_weight_changed(length):
    method, state = small()
    features = np.random.default_rng(2).uniform(-1, 1, (2, 3, length, 6))
    method.eval()
    scores = plain_mgfn.evaluate(features, state, depths=SMALL["depths"])[1]
    np.testing.assert_allclose(method.score(torch.from_numpy(features)).detach(), scores, rtol=0, atol=1e-9)
    alone = {"1.norm.g", "1.to_qkv.weight", "1.norm.b"}  # one place has nobody else to attend to, but has a value
    for name, value in state.items():
        if name.endswith("num_batches_tracked") or (length == 1 and any(name.endswith(part) for part in alone)):
            continue
        changed = state | {name: value * 1.5 + 0.1 * np.random.default_rng(3).standard_normal(value.shape)}
        method.load_state_dict({key: torch.from_numpy(np.asarray(v)) for key, v in changed.items()})
        moved = method.score(torch.from_numpy(features)).detach().numpy()
        assert np.abs(moved - scores).max() > 1e-7, name


def test_missing_and_unknown_weights_are_named():
    state, method = official(**SMALL), small()[0]
    with pytest.raises(RuntimeError, match=r"stages.1.0.layers.0.1.rel_pos.bias"):
        method.load_state_dict(
            MGFN.adopt_weights({k: v for k, v in state.items() if k != "stages.1.0.layers.0.1.rel_pos.bias"})
        )
    with pytest.raises(RuntimeError, match=r"module.fc2.weight"):
        method.load_state_dict(MGFN.adopt_weights(state | {"module.fc2.weight": torch.zeros(1)}))


def test_channel_norm_adds_eps_to_the_deviation():
    x = torch.tensor([[[0.0], [2e-5]]], dtype=torch.float64)
    # Deviation 1e-5: half of what it would be without eps; inside the root eps would leave 0.003.
    torch.testing.assert_close(ChannelNorm(2).double()(x).flatten(), torch.tensor([-0.5, 0.5], dtype=torch.float64))


def test_channel_norm_of_equal_channels_has_finite_gradients():
    x = torch.ones(1, 4, 3, requires_grad=True)
    ChannelNorm(4)(x).square().sum().backward()
    assert torch.isfinite(x.grad).all()


def test_heads_are_fast_in_focus_and_slow_in_glance():
    focus = Focus(128).eval().double()
    with torch.no_grad():
        for layer in (focus.to_v, focus.to_out):
            layer.weight.copy_(torch.eye(128)[..., None])
        focus.to_out.bias.zero_()
        focus.rel_pos.weight.zero_()
        focus.rel_pos.bias.zero_()
        focus.rel_pos.weight[1, 0, 2] = 1  # of two heads the second passes
        x = torch.arange(1.0, 129.0, dtype=torch.float64)[None, :, None].expand(1, 128, 3)
        out = focus(x)
    odd = torch.arange(128)[None, :, None] % 2 == 1
    torch.testing.assert_close(out, torch.where(odd, focus.norm(x), 0.0))

    glance = Glance(128).eval().double()
    with torch.no_grad():
        glance.to_qkv.weight.zero_()
        glance.to_qkv.weight[:256] = torch.randn(256, 128, 1)
        glance.to_qkv.weight[256:320] = torch.randn(64, 128, 1)  # values of the first head alone
        glance.to_out.weight.copy_(torch.eye(128)[..., None])
        glance.to_out.bias.zero_()
        out = glance(torch.randn(1, 128, 3, dtype=torch.float64))
    assert out[0, :64].abs().min() > 0
    assert not out[0, 64:].any()


def test_attention_is_divided_by_the_root_of_the_head_width_and_not_of_the_width():
    glance = Glance(128).double()
    x = torch.randn(1, 128, 4, dtype=torch.float64)
    q, k, v = glance.to_qkv(glance.norm(x))[0].reshape(3, 2, 64, 4).unbind(0)
    seen = torch.cat([(q[h].T @ k[h] / 8).softmax(-1) @ v[h].T for h in range(2)], -1)
    torch.testing.assert_close(glance(x)[0], glance.to_out(seen.T[None])[0])


def test_half_of_the_crops_is_compared_with_the_other_half_of_the_same_video():
    # Rows of 4 crops and 3 videos, crop-major; crops 0 and 2, and 1 and 3, of a video are equal.
    sizes = torch.rand(2, 3, 1, dtype=torch.float64).repeat(2, 1, 1).flatten(0, 1)
    assert mgfn._cohesion(sizes).item() == pytest.approx(1e-12)
    video_major = sizes.reshape(4, 3, 1).transpose(0, 1).flatten(0, 1)
    assert mgfn._cohesion(video_major) > 1e-3


@pytest.mark.parametrize(("rows", "expected"), [(2, 1.0), (3, 1.0), (4, 4.0), (5, 4.0)])
def test_the_last_of_an_odd_number_of_rows_is_left_out(rows, expected):
    sizes = torch.arange(rows, dtype=torch.float64)[:, None]
    assert mgfn._cohesion(sizes).item() == pytest.approx(expected, rel=1e-5)


def test_small_number_of_a_distance_has_its_sign():
    method, _ = small()
    one = torch.tensor([[3.0]], dtype=torch.float64)
    terms = method._contrast(one, one + 1)
    assert terms["separation"].item() == pytest.approx(1e-6 * (200 - 1 - 1e-6) ** 2, rel=1e-12)


@pytest.mark.parametrize(("length", "k"), [(1, 1), (2, 2), (3, 3), (8, 3), (32, 3), (64, 3)])
def test_three_segments_stand_for_a_video_of_any_length(length, k, monkeypatch):
    chosen = []
    monkeypatch.setattr(mgfn, "_sizes", lambda x, index: chosen.append(index) or torch.ones(4, k, requires_grad=True))
    tiny().training_step(pair_batch(2, 2, length, 6))
    assert [index.shape for index in chosen] == [(2, k)] * 2


def pair_batch(videos, crops, length, dim):
    batch = bags.batch(videos, crops, length, dim)
    for half in (batch.normal, batch.abnormal):
        object.__setattr__(half, "features", half.features.float())
    return batch


def test_selection_draws_the_abnormal_mask_first(monkeypatch):
    method, seen = tiny(), []
    select = mgfn.select_by_magnitude
    monkeypatch.setattr(mgfn, "select_by_magnitude", lambda x, *rest: seen.append(x) or select(x, *rest))
    batch = pair_batch(2, 2, 5, 6)
    method.eval().training_step(batch)
    torch.testing.assert_close(seen[0], method(batch.abnormal.features)[1])
    torch.testing.assert_close(seen[1], method(batch.normal.features)[1])


def test_both_halves_go_through_the_network_together_and_once():
    method, calls = tiny(), []
    method.to_tokens.register_forward_hook(lambda module, args, out: calls.append(len(out)))
    method.train().training_step(pair_batch(3, 2, 5, 6))
    assert calls == [2 * 3 * 2]
    assert method.stages[2][0].layers[0][1].norm.num_batches_tracked == 1


def test_sparsity_concerns_the_normal_half_and_smoothness_no_border():
    method, _ = small()
    method.eval()
    batch = bags.batch(2, 2, 1)
    assert method.training_step(batch)["smooth"] == 0  # flattened, videos of one segment would differ
    before = method.training_step(batch)
    batch.abnormal.features.mul_(2)
    after = method.training_step(batch)
    assert torch.equal(before["sparse"], after["sparse"])
    assert not torch.equal(before["mil"], after["mil"])


def test_one_crop_is_refused_in_training_and_scored():
    method = tiny()
    with pytest.raises(InputError, match="two or more, not on 1"):
        method.training_step(pair_batch(2, 1, 5, 6))
    assert method.eval().score(torch.rand(2, 1, 5, 6)).shape == (2, 5)


@pytest.mark.parametrize("term", ["smooth", "sparse"])
def test_a_half_of_nothing_is_refused(term):
    weight = {"smooth": "smoothness", "sparse": "sparsity"}[term]
    with pytest.raises(ValueError, match=f"{term}_half 'abnormal' means nothing without {weight} above 0"):
        MGFN.Config(**{weight: 0.0, f"{term}_half": "abnormal"})


@pytest.mark.parametrize("length", [1, 7, 16, 32])
def test_gradients_of_blank_features_are_finite_and_reach_every_weight(length):
    method = tiny().train()
    batch = pair_batch(2, 2, length, 6)
    for half in (batch.normal, batch.abnormal):
        half.features.zero_()
    method.training_step(batch)["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())
    method.zero_grad()
    method.training_step(pair_batch(2, 2, length, 6))["loss"].backward()
    assert all(p.grad.any() for p in method.parameters())


@pytest.mark.parametrize("dim", [1, 7, 50, 64])
@pytest.mark.parametrize(("crops", "videos"), [(2, 1), (5, 2), (10, 1)])
def test_any_shape_is_trained_and_scored(dim, crops, videos):
    method = tiny(dim)
    terms = method.training_step(pair_batch(videos, crops, 7, dim))
    assert all(term.shape == () and term.isfinite() for term in terms.values())
    scores = method.eval().score(torch.rand(videos, crops, 11, dim))
    assert scores.shape == (videos, 11)
    assert ((scores >= 0) & (scores <= 1)).all()


@torch.no_grad()
@pytest.mark.parametrize(("crops", "length", "elements"), [(1, 5000, 9999), (5, 40, 700)])
def test_long_videos_are_scored_in_blocks_with_the_same_result(crops, length, elements, monkeypatch):
    method = tiny(3).double().eval()
    features = torch.randn(1, crops, length, 3, dtype=torch.float64)
    monkeypatch.setattr(long_videos, "ELEMENTS", 2**30)
    whole, embedded = method.score(features), method.embed(features)
    monkeypatch.setattr(long_videos, "ELEMENTS", elements)
    torch.testing.assert_close(method.score(features), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(method.embed(features), embedded, rtol=0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(4)), st.integers(1, 9))
def test_crops_may_come_in_any_order(order, length):
    method = tiny().double().eval()
    features = torch.rand(2, 4, length, 6, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(method.score(features[:, order]), method.score(features))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.floats(0, 10))
def test_cohesion_is_blind_to_what_all_rows_have_in_common(row, shift):
    sizes = torch.tensor([row, row[::-1]], dtype=torch.float64)
    assert mgfn._cohesion(sizes + shift).item() == pytest.approx(mgfn._cohesion(sizes).item(), abs=1e-9)


def test_layers_start_as_those_of_pytorch():
    method = MGFN(MGFN.Config(feature_width=256), FeatureSpec(256, {}))
    for name, module in method.named_modules():
        if isinstance(module, torch.nn.Conv1d | torch.nn.Linear):
            bound = module.weight[0].numel() ** -0.5
            for values in (module.weight, module.bias):
                if values is not None:
                    assert values.abs().max() <= bound, name
                if values is not None and values.numel() > 100:
                    assert values.abs().max().item() == pytest.approx(bound, rel=0.1), name
