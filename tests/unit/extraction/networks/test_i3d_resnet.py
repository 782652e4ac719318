"""I3D-ResNet-50 against a plain float64 evaluation, and the names and shapes of its published weights."""

import torch

from benchmark.extraction.networks.i3d_resnet import I3DResNet50
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

SPANS = {1: [3, 3, 3], 2: [3, 1, 3, 1], 3: [3, 1, 3, 1, 3, 1], 4: [1, 3, 1]}
EPS = 1e-5


def block(x: Values, weights: Weights, name: str, span: int, stride: int) -> Values:
    side = (span - 1) // 2
    out = convolve(padded(x, (side, 0, 0), (side, 0, 0)), weights[f"{name}.conv1.weight"])
    out = relu(normalised(out, weights, f"{name}.bn1", EPS))
    out = convolve(padded(out, (0, 1, 1), (0, 1, 1)), weights[f"{name}.conv2.weight"], (1, stride, stride))
    out = relu(normalised(out, weights, f"{name}.bn2", EPS))
    out = normalised(convolve(out, weights[f"{name}.conv3.weight"]), weights, f"{name}.bn3", EPS)
    if f"{name}.downsample.0.weight" in weights:
        x = convolve(x, weights[f"{name}.downsample.0.weight"], (1, stride, stride))
        x = normalised(x, weights, f"{name}.downsample.1", EPS)
    return relu(out + x)


def layers(x: Values, weights: Weights) -> dict[str, Values]:
    """Return what each layer gives."""
    out = convolve(padded(x, (2, 3, 3), (2, 3, 3)), weights["conv1.weight"], (2, 2, 2))
    out = pool(relu(normalised(out, weights, "bn1", EPS)), (2, 3, 3), (2, 2, 2))
    given = {"maxpool1": out}
    for layer, spans in SPANS.items():
        for place, span in enumerate(spans):
            stride = 2 if layer > 1 and place == 0 else 1
            out = block(out, weights, f"layer{layer}.{place}", span, stride)
        given[f"layer{layer}"] = out
        if layer == 1:
            out = pool(out, (2, 1, 1), (2, 1, 1))
    return given


def test_every_layer_is_that_of_a_plain_evaluation() -> None:
    network = I3DResNet50()
    weights, x = fill(network), clip(3, 8, 35, 42)
    expected = layers(x, weights)
    seen: dict[str, Values] = {}
    for name in expected:
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.update({name: output[0].double().numpy()})
        )
    features = run(network, x)
    assert expected["maxpool1"].shape == (64, 2, 8, 10)  # from 18 x 21, without padding
    for name, values in expected.items():
        assert close(seen[name], values), name
    assert close(features, expected["layer4"].mean(axis=(1, 2, 3)))


def test_names_and_sizes_are_the_published_ones() -> None:
    network = I3DResNet50()
    shapes = {n: tuple(t.shape) for n, t in network.state_dict().items() if not n.endswith("num_batches_tracked")}
    assert len(shapes) == 267
    assert shapes["conv1.weight"] == (64, 3, 5, 7, 7)
    assert shapes["fc.weight"] == (400, 2048)
    for layer, spans in SPANS.items():
        width = 64 * 2 ** (layer - 1)
        for place, span in enumerate(spans):
            assert shapes[f"layer{layer}.{place}.conv1.weight"][:1] == (width,)
            assert shapes[f"layer{layer}.{place}.conv1.weight"][2:] == (span, 1, 1)
            assert shapes[f"layer{layer}.{place}.conv2.weight"] == (width, width, 1, 3, 3)
            assert shapes[f"layer{layer}.{place}.conv3.weight"] == (4 * width, width, 1, 1, 1)
            assert (f"layer{layer}.{place}.downsample.1.running_var" in shapes) == (place == 0)
    assert sum(parameter.numel() for parameter in network.parameters()) == 28_043_472  # 28.0 M, with fc


def test_a_clip_of_224_pixels_shrinks_as_published() -> None:
    with torch.device("meta"):
        network = I3DResNet50().eval()
        shapes = []
        for layer in (network.maxpool1, network.maxpool2, network.layer2, network.layer3, network.layer4):
            layer.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
        assert network(torch.empty(2, 3, 16, 224, 224)).shape == (2, 2048)
    assert shapes == [(64, 4, 55, 55), (256, 2, 55, 55), (512, 2, 28, 28), (1024, 2, 14, 14), (2048, 2, 7, 7)]
