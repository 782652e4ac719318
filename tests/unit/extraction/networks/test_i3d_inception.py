"""I3D-Inception against a plain float64 evaluation, and the names and shapes of its published weights."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from benchmark.extraction.networks.i3d_inception import I3DInception, SamePool
from tests.unit.extraction.networks.plain import (
    Values,
    Weights,
    clip,
    close,
    convolve,
    fill,
    normalised,
    padded,
    pool,
    relu,
    run,
)

POOLS = {
    "MaxPool3d_2a_3x3": ((1, 3, 3), (1, 2, 2)),
    "MaxPool3d_3a_3x3": ((1, 3, 3), (1, 2, 2)),
    "MaxPool3d_4a_3x3": ((3, 3, 3), (2, 2, 2)),
    "MaxPool3d_5a_2x2": ((2, 2, 2), (2, 2, 2)),
}
ORDER = [
    *("Conv3d_1a_7x7", "MaxPool3d_2a_3x3", "Conv3d_2b_1x1", "Conv3d_2c_3x3", "MaxPool3d_3a_3x3"),
    *("Mixed_3b", "Mixed_3c", "MaxPool3d_4a_3x3", "Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f"),
    *("MaxPool3d_5a_2x2", "Mixed_5b", "Mixed_5c"),
]
# The outputs of a, c, e and f of each module, in the published table.
JOINED = {
    "Mixed_3b": (64, 128, 32, 32),
    "Mixed_3c": (128, 192, 96, 64),
    "Mixed_4b": (192, 208, 48, 64),
    "Mixed_4c": (160, 224, 64, 64),
    "Mixed_4d": (128, 256, 64, 64),
    "Mixed_4e": (112, 288, 64, 64),
    "Mixed_4f": (256, 320, 128, 128),
    "Mixed_5b": (256, 320, 128, 128),
    "Mixed_5c": (384, 384, 128, 128),
}


def same(x: Values, kernel: Sequence[int], stride: Sequence[int]) -> Values:
    """Pad as TensorFlow's documentation says it: ceil(size / stride) outputs, the odd pixel behind."""
    front, back = [], []
    for size, k, s in zip(x.shape[1:], kernel, stride, strict=True):
        outputs = -(-size // s)
        total = max((outputs - 1) * s + k - size, 0)
        front.append(total // 2)
        back.append(total - total // 2)
    return padded(x, front, back)


def unit(x: Values, weights: Weights, name: str, stride: int = 1) -> Values:
    weight = weights[f"{name}.conv3d.weight"]
    out = convolve(same(x, weight.shape[2:], (stride,) * 3), weight, (stride,) * 3)
    return relu(normalised(out, weights, f"{name}.bn", 1e-3))


def mixed(x: Values, weights: Weights, name: str) -> Values:
    pooled = pool(same(x, (3, 3, 3), (1, 1, 1)), (3, 3, 3), (1, 1, 1))
    return np.concatenate(
        [
            unit(x, weights, f"{name}.b0"),
            unit(unit(x, weights, f"{name}.b1a"), weights, f"{name}.b1b"),
            unit(unit(x, weights, f"{name}.b2a"), weights, f"{name}.b2b"),
            unit(pooled, weights, f"{name}.b3b"),
        ]
    )


def layer(x: Values, weights: Weights, name: str) -> Values:
    if name in POOLS:
        kernel, stride = POOLS[name]
        return pool(same(x, kernel, stride), kernel, stride)
    return mixed(x, weights, name) if name in JOINED else unit(x, weights, name, 2 if name == "Conv3d_1a_7x7" else 1)


@pytest.mark.parametrize(("modality", "size"), [("rgb", (9, 33, 47)), ("flow", (16, 32, 32))])
def test_every_layer_is_that_of_a_plain_evaluation(modality: str, size: tuple[int, int, int]) -> None:
    network = I3DInception(modality)  # type: ignore[arg-type]
    weights = fill(network)
    given = expected = clip({"rgb": 3, "flow": 2}[modality], *size)
    for name in ORDER:
        given, expected = run(network.get_submodule(name), given), layer(expected, weights, name)
        assert close(given, expected), name
    assert len(given) == 1024


def test_the_feature_is_the_mean_of_the_averages_over_two_steps_and_seven_by_seven() -> None:
    network = I3DInception()
    for name in ORDER:
        setattr(network, name, torch.nn.Identity())
    x = clip(1024, 3, 7, 7)
    assert close(run(network, x), (x[:, :2].mean(axis=(1, 2, 3)) + x[:, 1:].mean(axis=(1, 2, 3))) / 2)


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 8])
def test_pools_are_padded_by_what_the_size_lacks(size: int) -> None:
    x = relu(clip(1, size, size, 9))
    expected = pool(same(x, (3, 3, 3), (2, 2, 2)), (3, 3, 3), (2, 2, 2))
    assert np.array_equal(run(SamePool((3, 3, 3), (2, 2, 2)), x), expected)


def test_the_first_convolution_is_padded_by_two_in_front_and_three_behind() -> None:
    network = I3DInception()
    weights = fill(network)
    x = clip(3, 2, 224, 224)
    out = convolve(padded(x, (2, 2, 2), (3, 3, 3)), weights["Conv3d_1a_7x7.conv3d.weight"], (2, 2, 2))
    expected = relu(normalised(out, weights, "Conv3d_1a_7x7.bn", 1e-3))
    assert close(run(network.Conv3d_1a_7x7, x), expected)


@pytest.mark.parametrize(("modality", "channels", "parameters"), [("rgb", 3, 12_697_264), ("flow", 2, 12_675_312)])
def test_names_and_sizes_are_the_published_ones(modality: str, channels: int, parameters: int) -> None:
    network = I3DInception(modality)  # type: ignore[arg-type]
    shapes = {n: tuple(t.shape) for n, t in network.state_dict().items() if not n.endswith("num_batches_tracked")}
    assert len(shapes) == 287
    assert shapes["Conv3d_1a_7x7.conv3d.weight"] == (64, channels, 7, 7, 7)
    assert shapes["logits.conv3d.weight"] == (400, 1024, 1, 1, 1)
    for name, widths in JOINED.items():
        branches = ("b0", "b1b", "b2b", "b3b")
        assert tuple(shapes[f"{name}.{branch}.conv3d.weight"][0] for branch in branches) == widths
        assert shapes[f"{name}.b1b.conv3d.weight"][2:] == shapes[f"{name}.b2b.conv3d.weight"][2:] == (3, 3, 3)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters  # 12.7 M


@pytest.mark.parametrize(("frames", "side"), [(9, 193), (16, 224), (64, 224), (16, 256)])
def test_clips_and_frames_of_other_sizes_give_one_vector(frames: int, side: int) -> None:
    with torch.device("meta"):
        assert I3DInception().eval()(torch.empty(2, 3, frames, side, side)).shape == (2, 1024)
