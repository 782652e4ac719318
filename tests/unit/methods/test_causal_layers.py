"""Layers that see only the past, against plain float64 loops."""

import math

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from methods.parts.layers import CausalConvolution, CausalWindowAttention
from tests.unit.methods import plain

V, C, T, D, WIDTH = 2, 2, 7, 5, 3


@pytest.fixture
def x():
    return torch.randn(V, C, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def made(module, seed=1):
    """A module in float64 whose weights are random and large enough to tell one place from another."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return module.double()


def plain_attention(rows, weights, window, position_prior):
    query, key, value = (plain.linear(rows, weights, name) for name in ("query", "key", "value"))
    width, mixed = query.shape[1], np.zeros_like(value)
    for t in range(len(rows)):
        seen = range(max(0, t - window + 1), t + 1)
        powers = [
            math.exp(sum(query[t] * key[i]) / math.sqrt(width) - (abs(t - i) / math.e if position_prior else 0))
            for i in seen
        ]
        for i, power in zip(seen, powers, strict=True):
            mixed[t] += power / sum(powers) * value[i]
    return plain.linear(mixed, weights, "output")


def plain_convolution(rows, weights, dilation=1):
    weight, bias = weights["weight"], weights["bias"]
    kernel, out = weight.shape[2], np.zeros((len(rows), len(weight)))
    for t in range(len(rows)):
        for o in range(len(weight)):
            past = [(kernel - 1 - i, t - i * dilation) for i in range(kernel) if t >= i * dilation]
            out[t, o] = bias[o] + sum(float(np.dot(weight[o, :, j], rows[i])) for j, i in past)
    return out


@pytest.mark.parametrize("position_prior", [True, False])
@pytest.mark.parametrize("window", [1, 3, 9])
@pytest.mark.parametrize("length", [1, 2, T])
def test_attention(x, length, window, position_prior):
    attention = made(CausalWindowAttention(D, WIDTH, window, position_prior))
    weights, out = plain.arrays(attention), attention(x[:, :, :length]).detach().numpy()
    for v in range(V):
        for c in range(C):
            expected = plain_attention(x[v, c, :length].numpy(), weights, window, position_prior)
            np.testing.assert_allclose(out[v, c], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (7, 1), (1, 3), (2, 3), (3, 2)])
@pytest.mark.parametrize("length", [1, 2, T])
def test_convolution(x, length, kernel, dilation):
    convolution = made(CausalConvolution(D, 2, kernel, dilation))
    weights, out = plain.arrays(convolution), convolution(x[:, :, :length]).detach().numpy()
    for v in range(V):
        for c in range(C):
            expected = plain_convolution(x[v, c, :length].numpy(), weights, dilation)
            np.testing.assert_allclose(out[v, c], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layer", [CausalWindowAttention(D, WIDTH, 3), CausalConvolution(D, 2, 3)])
def test_a_segment_reaches_itself_and_the_next_two_only(x, layer):
    layer = made(layer)
    changed = x.clone()
    changed[:, :, 2] += 1
    moved = (layer(changed) - layer(x)).abs().amax((0, 1, 3)) > 1e-9
    assert moved.tolist() == [False, False, True, True, True, False, False]


@pytest.mark.parametrize("layer", [CausalWindowAttention(D, WIDTH, 3), CausalConvolution(D, 2, 3)])
def test_layers_take_any_leading_axes(x, layer):
    layer = made(layer)
    torch.testing.assert_close(layer(x[0, 0]), layer(x)[0, 0])
    torch.testing.assert_close(layer(x[0]), layer(x)[0])


def test_nearer_segments_weigh_more_with_the_prior_alone():
    attention = made(CausalWindowAttention(1, 1, 3))
    for layer, weight in ((attention.query, 0), (attention.value, 1), (attention.output, 1)):
        layer.weight.data.fill_(weight)
    attention.output.bias.data.zero_()
    pulse = torch.tensor([[0.0], [1.0], [0.0], [0.0], [0.0]], dtype=torch.float64)
    near = [math.exp(-back / math.e) for back in range(3)]
    expected = [0, near[0] / (near[0] + near[1]), near[1] / sum(near), near[2] / sum(near), 0]
    assert attention(pulse)[:, 0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("layer", [CausalWindowAttention(4, 2, 9), CausalConvolution(4, 1, 7)])
def test_work_grows_linearly_with_the_length(layer):
    layer, work = layer.to("meta"), []
    for length in (10_000, 20_000):
        with FlopCounterMode(display=False) as counter:
            layer(torch.ones(1, length, 4, device="meta"))
        work.append(counter.get_total_flops())
    assert work[1] == 2 * work[0] > 0


def test_attention_holds_no_square_of_the_length():
    attention, sizes = CausalWindowAttention(4, 2, 9), []
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: sizes.append(kept.numel()) or kept, lambda kept: kept):
        attention(torch.ones(1, 3000, 4))
    # The values or keys that each segment sees, a copy of 2 numbers for each of 9 places, are the largest.
    assert max(sizes) <= 3000 * 9 * 2
