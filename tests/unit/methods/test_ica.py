"""ICA and its controls, as modules and as add-ons, against plain loops."""

import pytest
import torch

from benchmark.api import FeatureSpec
from methods.ica import ACTIVATIONS, ICA, PlainConvolution, PlainWideConvolution
from tests.unit.methods import plain

V, T, D = 2, 6, 4
ADD_ONS = {"ica": ICA, "conv": PlainConvolution, "conv-wide": PlainWideConvolution}


@pytest.fixture
def x():
    return torch.randn(V, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def made(name, kernel):
    torch.manual_seed(1)
    add_on = ADD_ONS[name](ICA.Config(kernel=kernel), FeatureSpec(D, {})).double()
    for parameter in add_on.parameters():
        parameter.data.uniform_(-1, 1)
    return add_on


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("name", ADD_ONS)
def test_what_is_made_of_a_convolution(name, kernel, x):
    add_on = made(name, kernel)
    out, weights = add_on(x), plain.arrays(add_on)
    for v in range(V):
        wide = plain.conv(x[v].numpy(), weights, "layer" if name == "conv" else "layer.expand")
        for t in range(T):
            for d in range(D):
                halves = (wide[t, d], wide[t, d + D]) if name != "conv" else (wide[t, d],)
                expected = max(halves) if name == "ica" else plain.mean(halves)
                assert out[v, t, d].item() == pytest.approx(expected)


@pytest.mark.parametrize("name", ADD_ONS)
def test_any_leading_axes(name, x):
    add_on = made(name, 3)
    assert torch.equal(add_on(x)[1], add_on(x[None])[0, 1])
    torch.testing.assert_close(add_on(x[0]), add_on(x)[0])


def test_the_gradient_flows_to_the_larger_half_only(x):
    add_on = made("ica", 1)
    add_on(x).sum().backward()
    weight, bias = add_on.layer.expand.weight[..., 0], add_on.layer.expand.bias
    wide = x @ weight.T + bias
    chosen = torch.cat([wide[..., :D] > wide[..., D:], wide[..., D:] > wide[..., :D]], dim=-1).double()
    torch.testing.assert_close(bias.grad, chosen.sum((0, 1)))
    torch.testing.assert_close(add_on.layer.expand.weight.grad[..., 0], torch.einsum("vto,vtd->od", chosen, x))


@pytest.mark.parametrize("kernel", [1, 3])
def test_parameters_the_wide_control_has_as_many_as_ica(kernel):
    dim = 2048
    count = {}
    for name, add_on in ADD_ONS.items():
        with torch.device("meta"):
            module = add_on(ICA.Config(kernel=kernel), FeatureSpec(dim, {}))
        count[name] = sum(p.numel() for p in module.parameters())
    assert count["ica"] == count["conv-wide"] == dim * 2 * dim * kernel + 2 * dim
    assert count["conv"] == dim * dim * kernel + dim


@pytest.mark.parametrize("name", ["conv", "conv-wide"])
def test_the_controls_are_linear_and_see_as_far_as_ica(name, x):
    add_on, other = made(name, 3), 2 * x.flip(1) - 1
    bias = add_on(torch.zeros_like(x))
    torch.testing.assert_close(add_on(x + other) - bias, add_on(x) + add_on(other) - 2 * bias)
    moved = x.clone()
    moved[:, 3] += 1
    changed = (add_on(moved) != add_on(x)).any(-1)
    assert changed.tolist() == [[False, False, True, True, True, False]] * V
    assert torch.equal((made("ica", 3)(moved) != made("ica", 3)(x)).any(-1), changed)


def test_initial_weights_are_xavier_with_zero_bias():
    torch.manual_seed(0)
    expand = ICA(ICA.Config(), FeatureSpec(64, {})).layer.expand
    assert not expand.bias.any()
    assert expand.weight.abs().max().item() == pytest.approx((6 / (3 * 64 + 3 * 128)) ** 0.5, rel=0.01)


def test_without_activation_features_are_left_as_they_are(x):
    assert torch.equal(ACTIVATIONS["none"](D, 3)(x), x)
