"""C3D against a plain float64 evaluation, and the names and shapes of its published weights."""

import numpy as np
import pytest
import torch

from benchmark.extraction.networks.c3d import C3D
from tests.unit.extraction.networks.plain import Values, Weights, clip, close, convolve, fill, padded, pool, relu, run

GROUPS = (("conv1",), ("conv2",), ("conv3a", "conv3b"), ("conv4a", "conv4b"), ("conv5a", "conv5b"))
WIDTHS = {"conv1": (3, 64), "conv2": (64, 128), "conv3a": (128, 256), "conv3b": (256, 256), "conv4a": (256, 512)}


@pytest.fixture(scope="module")
def network() -> C3D:
    return C3D()


@pytest.fixture(scope="module")
def weights(network: C3D) -> Weights:
    return fill(network)


def caffe_pool(x: Values) -> Values:
    """Pool 2 x 2 x 2 with windows at 0, 2, 4, …, the last one cut off where it reaches beyond."""
    channels, *size = x.shape
    out = np.full((channels, *(-(-side // 2) for side in size)), -np.inf)
    for t, h, w in np.ndindex(*out.shape[1:]):
        out[:, t, h, w] = x[:, 2 * t : 2 * t + 2, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2].max(axis=(1, 2, 3))
    return out


def test_every_layer_is_that_of_a_plain_evaluation(network: C3D, weights: Weights) -> None:
    out = clip(3, 16, 48, 48)
    given = out
    for place, names in enumerate(GROUPS, start=1):
        for name in names:
            out = convolve(padded(out, (1, 1, 1), (1, 1, 1)), weights[f"{name}.weight"])
            out = relu(out + weights[f"{name}.bias"][:, None, None, None])
            given = relu(run(network.get_submodule(name), given))
            assert close(given, out), name
        kernel = (1, 2, 2) if place == 1 else (2, 2, 2)
        out = caffe_pool(out) if place == 5 else pool(out, kernel, kernel)
        given = run(network.get_submodule(f"pool{place}"), given)
        assert close(given, out), f"pool{place}"
    assert out.shape == (512, 1, 2, 2)


def test_the_last_pool_rounds_up_and_cuts_its_last_windows(network: C3D) -> None:
    x = clip(512, 2, 7, 7)
    pooled = run(network.pool5, x)
    assert pooled.shape == (512, 1, 4, 4)
    assert np.array_equal(pooled, caffe_pool(x))


def test_the_ports_pad_the_last_pool_on_both_sides(network: C3D) -> None:
    """Windows at -1, 1, 3, 5; the names and shapes of the weights stay."""
    ported = C3D(padded=True)
    x = clip(512, 2, 7, 7)
    pooled = run(ported.pool5, x)
    windows = [slice(max(start, 0), start + 2) for start in (-1, 1, 3, 5)]
    expected = [[x[:, :, rows, columns].max(axis=(1, 2, 3)) for columns in windows] for rows in windows]
    assert np.array_equal(pooled[:, 0], np.asarray(expected).transpose(2, 0, 1))
    assert not np.array_equal(pooled, run(network.pool5, x))
    assert {name: each.shape for name, each in ported.state_dict().items()} == {
        name: each.shape for name, each in network.state_dict().items()
    }


def test_the_feature_is_the_first_full_layer_above_zero(network: C3D, weights: Weights) -> None:
    out = {}
    network.pool5.register_forward_hook(lambda module, inputs, output: out.update(last=output[0].double().numpy()))
    feature = run(network, clip(3, 16, 112, 112))
    rows = weights["fc6.weight"] @ out["last"].reshape(-1) + weights["fc6.bias"]  # channel, time, row, column
    assert close(feature, relu(rows))
    assert feature.min() == 0


def test_names_and_sizes_are_the_published_ones(network: C3D) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    names = [name for group in GROUPS for name in group]
    assert list(shapes) == [f"{name}.{part}" for name in [*names, "fc6", "fc7", "fc8"] for part in ("weight", "bias")]
    for name, (inputs, outputs) in WIDTHS.items():
        assert shapes[f"{name}.weight"] == (outputs, inputs, 3, 3, 3)
    assert (shapes["fc6.weight"], shapes["fc8.weight"]) == ((4096, 8192), (487, 4096))
    assert sum(parameter.numel() for parameter in network.parameters()) == 79_991_015  # 80.0 M
    with torch.device("meta"):
        assert C3D()(torch.empty(2, 3, 16, 112, 112)).shape == (2, 4096)
