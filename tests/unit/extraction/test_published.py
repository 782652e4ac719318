"""Weights of named extractors: they fit their name, or the one that they would fit is named."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.extraction.extractors.extractor import Extractor
from benchmark.extraction.extractors.published import PublishedNetwork
from benchmark.extraction.networks.i3d_inception import I3DInception
from benchmark.extraction.recipes import find_recipe
from benchmark.system.errors import InputError


def weights_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return weights as they were published before PyTorch counted batches."""
    torch.manual_seed(0)
    return {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}


@pytest.fixture(scope="module")
def inception() -> dict[str, torch.Tensor]:
    return weights_of(I3DInception())


def saved(weights: dict[str, torch.Tensor], folder: Path) -> Path:
    torch.save(weights, folder / "w.pt")
    return folder / "w.pt"


def test_weights_of_another_network_are_told_by_name(inception: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = saved(inception, tmp_path)
    assert PublishedNetwork(path, find_recipe("i3d-rocng")).kind == "clip"
    fitting = r"it would fit i3d-rocng or i3d-videofeatures$"
    message = rf"w.pt: does not fit i3d-r50-rtfm: lacks conv1.weight, .* architecture has; {fitting}"
    with pytest.raises(InputError, match=message):
        PublishedNetwork(path, find_recipe("i3d-r50-rtfm"))
    message = rf"Conv3d_1a_7x7.conv3d.weight is \(64, 3, 7, 7, 7\), but \(64, 2, .*; {fitting}"
    with pytest.raises(InputError, match=message):
        PublishedNetwork(path, find_recipe("i3d-rocng", "tvl1"))


def test_crops_that_the_network_cannot_take_are_named(inception: dict[str, torch.Tensor], tmp_path: Path) -> None:
    recipe = find_recipe("i3d-rocng").changed({"width": 64, "height": 64})
    network = PublishedNetwork(saved(inception, tmp_path), recipe)
    with pytest.raises(InputError, match=r"i3d-rocng: its network cannot take 64x64 pixels \(.*\)$") as refusal:
        Extractor(recipe, network, None, None)
    assert "\n" not in str(refusal.value)


def test_weights_of_flow_are_told_from_those_of_colours(tmp_path: Path) -> None:
    path = saved(weights_of(I3DInception("flow")), tmp_path)
    assert PublishedNetwork(path, find_recipe("i3d-rocng", "tvl1")).kind == "clip"
    with pytest.raises(InputError, match=r"it would fit i3d-rocng with --flow$"):
        PublishedNetwork(path, find_recipe("i3d-rocng"))


def test_weights_of_charades_are_refused(inception: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """They have the same names; only the number of classes tells them."""
    charades = inception | {"logits.conv3d.weight": torch.zeros(157, 1024, 1, 1, 1)}
    message = r"logits.conv3d.weight is \(157, 1024, 1, 1, 1\), but \(400, .*; it fits no extractor$"
    with pytest.raises(InputError, match=message):
        PublishedNetwork(saved(charades, tmp_path), find_recipe("i3d-rocng"))
