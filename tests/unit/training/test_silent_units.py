"""Silent units: of layers and of calls, on the axis on which units lie."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.training.silent_units import silent_shares

VIDEOS = [torch.rand(1, 2, 6, 4, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]


def silent_share(score: Callable[[Tensor], object], videos: list[Tensor]) -> float | None:
    return silent_shares(score, videos, {}).get("all")


def linear(silent: int, units: int) -> nn.Linear:
    """A layer whose first units are never above zero for positive features, and whose others are."""
    layer = nn.Linear(4, units)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    layer.weight.data[:silent] = -1
    return layer


RELUS = [nn.ReLU(), nn.ReLU(inplace=True), torch.relu, F.relu, Tensor.relu, Tensor.relu_, lambda x: torch.relu(input=x)]


@pytest.mark.parametrize("relu", RELUS, ids=range(len(RELUS)))
def test_each_way_to_call_a_relu_counts(relu) -> None:
    layer = linear(3, 8)
    with torch.no_grad():
        assert silent_share(lambda x: relu(layer(x)), VIDEOS) == pytest.approx(3 / 8)


def test_units_of_several_layers_are_counted_together() -> None:
    first, second = linear(3, 8), linear(1, 2)
    with torch.no_grad():
        assert silent_share(lambda x: (first(x).relu(), second(x).relu()), VIDEOS) == pytest.approx(4 / 10)


def test_a_unit_that_one_segment_of_one_video_wakes_is_not_silent() -> None:
    layer = linear(3, 8)
    waking = VIDEOS[1].clone()
    waking[0, 1, 2] = -1
    with torch.no_grad():
        assert silent_share(lambda x: layer(x).relu(), [VIDEOS[0], waking, VIDEOS[2]]) == 0


@pytest.mark.parametrize("norm", [nn.Identity(), nn.BatchNorm1d(5).eval()], ids=["plain", "normalised"])
def test_units_of_a_convolution_are_its_channels(norm: nn.Module) -> None:
    convolution = nn.Conv1d(4, 5, 1)
    nn.init.ones_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    convolution.weight.data[:2] = -1
    with torch.no_grad():
        share = silent_share(lambda x: norm(convolution(x[0].transpose(1, 2))).relu(), VIDEOS)
        turned = silent_share(lambda x: convolution(x[0].transpose(1, 2)).transpose(1, 2).relu(), VIDEOS)
    assert share == turned == pytest.approx(2 / 5)


def test_without_relus_or_with_other_ones_each_time_there_is_no_share() -> None:
    layers = iter([linear(1, 8), linear(1, 8), linear(1, 7)])
    with torch.no_grad():
        assert silent_share(lambda x: next(layers)(x).relu(), VIDEOS) is None
        assert silent_share(lambda x: x.tanh(), VIDEOS) is None


def test_units_are_told_by_the_layer_before_their_relu() -> None:
    layers = nn.ModuleDict({"first": linear(3, 8), "second": linear(1, 2), "third": nn.Conv1d(4, 5, 1)})
    nn.init.constant_(layers["third"].weight, -1)
    nn.init.zeros_(layers["third"].bias)

    def score(x: Tensor) -> None:
        x.relu()
        halves = layers["first"].weight.chunk(2, dim=1)  # a layer that is applied in parts
        (F.linear(x[..., :2], halves[0]) + F.linear(x[..., 2:], halves[1])).relu()
        layers["second"](x).relu()
        layers["third"](x[0].transpose(1, 2)).relu()

    with torch.no_grad():
        shares = silent_shares(score, VIDEOS, dict(layers.named_parameters()))
    assert shares == pytest.approx(
        {"all": (3 + 1 + 5) / 19, "features": 0, "first": 3 / 8, "second": 1 / 2, "third": 1}
    )
