from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.api import FeatureSpec
from benchmark.plugins.add_ons import assemble
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.plugins.registry import AddOnPlugin
from benchmark.plugins.sizes import SNIPPETS, Size, measure_add_on, measure_pipeline
from benchmark.system.entry_points import find_plugin

PLUGINS = Path(__file__).parents[2] / "plugins"
D, T = 2048, 32


def linear(inputs: int, outputs: int, bias: bool = True) -> Size:
    """A linear layer, or a convolution of `inputs` = kernel x channels, that acts on each snippet."""
    return Size(inputs * outputs + bias * outputs, inputs * outputs)


def products(multiply_adds: int) -> Size:
    """Products of activations with each other."""
    return Size(0, multiply_adds)


def norm(width: int) -> Size:
    return Size(2 * width, 0)


def total(*sizes: Size) -> Size:
    return Size(sum(size.parameters for size in sizes), sum(size.multiply_adds for size in sizes))


SCORER = total(linear(D, 512), linear(512, 128), linear(128, 1))
ICA = linear(3 * D, 2 * D)
MMIL = total(linear(D, 512), linear(512, 32), linear(32, 1))
RTFM = total(
    *(total(linear(3 * D, 512), norm(512)) for _ in (1, 2, 4)),
    linear(D, 512, bias=False),
    *(linear(512, 256) for _ in ("g", "theta", "phi")),
    products(2 * 256 * T),  # per snippet: each with each by their 256 numbers, and the sum of 256 numbers of each
    total(linear(256, 512), norm(512)),
    total(linear(3 * 4 * 512, D, bias=False), norm(D)),
    SCORER,
)
CTR = total(
    linear(D, 512),
    *(linear(512, 128, bias=False) for _ in ("query", "key", "value")),
    products(2 * 9 * 128),
    total(linear(128, 512), norm(512)),
    linear(7 * 512, 1),
)
DMIL = total(linear(D, D), linear(D, 1))


def measure(reference: str, *overrides: str, dim: int = D) -> Size:
    pipeline = find_pipeline(reference)
    recipe, used = resolve_recipe(pipeline, "ucf-crime", "paper", overrides)
    assert used == set(overrides)
    return measure_pipeline(pipeline, recipe, dim)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("mmil", MMIL),
        ("mmil@official-code", MMIL),
        ("rtfm", RTFM),
        ("ctr", CTR),
        ("dmil", DMIL),
        ("mmil+ica", total(MMIL, ICA)),
        ("mmil+conv", total(MMIL, linear(3 * D, D))),
        ("mmil+conv-wide+ica", total(MMIL, ICA, ICA)),
        ("rtfm+ica", total(RTFM, ICA)),
    ],
)
def test_sizes_by_hand(reference: str, expected: Size) -> None:
    assert measure(reference) == expected


def test_published_sizes() -> None:
    assert measure("rtfm").parameters == 24_718_849
    assert measure("mmil") == Size(1_065_537, 1_064_992)


@pytest.mark.parametrize(
    ("name", "expected"), [("ica", ICA), ("conv", linear(3 * D, D)), ("conv-wide", ICA)], ids=lambda value: str(value)
)
def test_sizes_of_add_ons_by_hand(name: str, expected: Size) -> None:
    assert measure_add_on(find_plugin(AddOnPlugin, name), "other", D) == expected


def test_settings_count() -> None:
    assert measure("mmil+ica", "ica.kernel=1") == total(MMIL, linear(D, 2 * D))
    assert measure("ctr", "hidden=64", "centre=learned").parameters == (
        64 * D + 64 + 3 * 64 * 128 + 128 * 64 + 64 + 2 * 64 + 7 * 64 + 1 + 64
    )


def test_clav_by_hand() -> None:
    n, s, static = 32, 128, 25  # nodes, states, and the least moving 0.8 of 32 snippets
    motion = total(linear(D, 512), linear(512, 1))
    context = Size(3 * D * D + D, 3 * D * D * static // T)
    graph = Size(n * n + n + s * s, n * n * s + s * n * s)
    mixing = Size(2 * n * n + n + s * s, 2 * n * n * s + s * n * s)
    # In the video as a whole: both graphs, their mixture, and the one row that the context features are averaged to.
    for_video = graph.multiply_adds * 2 + mixing.multiply_adds + D * n + D * s + n * s
    relation = total(
        Size(linear(D, n).parameters + linear(D, s).parameters, D * n + D * s + n * s + n * s),
        Size(2 * graph.parameters + mixing.parameters, for_video // T),
        norm(s),
        linear(s, 1),
    )
    objects = linear(D, 512).parameters + linear(512, 80).parameters
    decoders = 2 * (linear(128, 512).parameters + linear(512, D).parameters)
    for_training_only = Size(objects + decoders, 0)
    assert measure("clav") == total(ICA, SCORER, motion, context, relation, for_training_only)
    assert measure("clav", "relation=none") == total(ICA, SCORER, Size(decoders, 0))
    assert measure("clav", "relation=none", "activation=none") == total(SCORER, Size(decoders, 0))


def count_by_hooks(model: nn.Module, dim: int) -> int:
    """Count, while 32 snippets are scored, the weights that each output of a linear or convolutional layer takes."""
    counts = []

    def add(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        counts.append(output.numel() * weight[0].numel())

    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d):
            layer.register_forward_hook(add)
    with torch.no_grad():
        model.eval().score(torch.zeros(1, 1, SNIPPETS, dim))  # type: ignore[operator]
    return round(sum(counts) / SNIPPETS)


@pytest.mark.parametrize(
    "reference",
    [
        "mmil",
        "dmil",
        "dmil+conv",
        "mmil+conv-wide+ica",
        f"{PLUGINS / 'mean_mil.py'}:MeanMIL+{PLUGINS / 'halve.py'}:Halve",
    ],
)
@pytest.mark.parametrize("dim", [1, 24])
def test_sizes_agree_with_a_count_while_scoring(reference: str, dim: int) -> None:
    method, add_ons = find_pipeline(reference).load()
    model = assemble(method, method.Config(), [(add_on, add_on.Config()) for add_on in add_ons], FeatureSpec(dim, {}))
    size = measure(reference, dim=dim)
    assert size.multiply_adds == count_by_hooks(model, dim)
    assert size.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_a_method_that_needs_a_pseudo_label_can_be_measured() -> None:
    assert measure(f"{PLUGINS / 'mean_mil.py'}:NeedsMotion", dim=8).parameters == 8 * 16 + 16 + 16 + 1


def test_measuring_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    measure("mmil+ica")
    assert torch.equal(torch.get_rng_state(), before)
