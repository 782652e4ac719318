"""The operations of the networks in float64, written from their definitions and without PyTorch's."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import nn

Values = NDArray[np.float64]
Weights = dict[str, Values]


def fill(network: nn.Module, seed: int = 0) -> Weights:
    """Give a network weights that keep the size of its signals, in evaluation mode, and return them."""
    draw = np.random.default_rng(seed)
    weights: Weights = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        shape = tuple(tensor.shape)
        if name.endswith("running_var"):
            values = draw.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            values = draw.standard_normal(shape, np.float32) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = draw.normal(0, 0.1, shape) + (1 if name.endswith("weight") else 0)
        weights[name] = values.astype(np.float32).astype(np.float64)
    network.load_state_dict({name: torch.from_numpy(values).float() for name, values in weights.items()}, strict=False)
    network.eval()
    return weights


def clip(*shape: int, seed: int = 1) -> Values:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32).astype(np.float64)


def run(network: nn.Module, values: Values) -> Values:
    """Return what a network gives for one clip (C, T, H, W) or image (C, H, W)."""
    with torch.inference_mode():
        return network(torch.from_numpy(values)[None].float())[0].double().numpy()


def close(given: Values, expected: Values) -> bool:
    """Whether two results are equal but for float32: 1e-4 of the largest value."""
    return given.shape == expected.shape and bool(abs(given - expected).max() <= 1e-4 * abs(expected).max())


def windows(x: Values, kernel: Sequence[int], stride: Sequence[int]) -> Values:
    """Return all windows of (C, T, H, W): (C, T', H', W', *kernel)."""
    t, h, w = stride
    return sliding_window_view(x, tuple(kernel), axis=(1, 2, 3))[:, ::t, ::h, ::w]


def padded(x: Values, front: Sequence[int], back: Sequence[int]) -> Values:
    return np.pad(x, [(0, 0), *zip(front, back, strict=True)])


def convolve(x: Values, weight: Values, stride: Sequence[int] = (1, 1, 1)) -> Values:
    """Convolve what is padded already."""
    seen = windows(x, weight.shape[2:], stride)
    return np.einsum("cthwijk,ocijk->othw", seen, weight, optimize=True)


def pool(x: Values, kernel: Sequence[int], stride: Sequence[int]) -> Values:
    return windows(x, kernel, stride).max(axis=(4, 5, 6))


def normalised(x: Values, weights: Weights, name: str, eps: float) -> Values:
    """Batch normalisation of a network in use."""
    mean, var, weight, bias = (
        weights[f"{name}.{part}"][:, None, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def relu(x: Values) -> Values:
    return np.maximum(x, 0)
