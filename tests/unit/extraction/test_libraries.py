"""Encoders of libraries: what they see, their weights, and one line where they cannot be had."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.extraction.extractors import library
from benchmark.extraction.extractors.extractor import Extractor
from benchmark.extraction.extractors.libraries import find_extractor, library_of
from benchmark.extraction.extractors.published import LibraryNetwork
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.settings import ExtractionRequest
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import coloured, measure


class Small(nn.Module):
    """A network of timm's kind: pooled colours, then a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Conv2d(3, 4, 1), nn.Linear(4, 7)

    def reset_classifier(self, classes: int) -> None:
        assert classes == 0
        self.fc = nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(images).mean(dim=(2, 3)))


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A timm with two networks, one of them of CLIP's kind."""
    module = ModuleType("timm")
    configuration = SimpleNamespace(
        input_size=(3, 32, 32), interpolation="bicubic", crop_pct=0.8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3)
    )
    names = ["small", "vit_clip_small"]
    module.get_pretrained_cfg = lambda name: configuration if name in names else None  # type: ignore[attr-defined]
    module.list_models = lambda: names  # type: ignore[attr-defined]

    def create_model(name: str, *, pretrained: bool) -> Small:
        if pretrained:
            raise OSError("no network,\nreally none")
        return Small()

    module.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", module)
    monkeypatch.setattr(library, "version", lambda distribution: "1.2.3")
    return module


def saved(folder: Path) -> tuple[Path, Small]:
    torch.manual_seed(0)
    network = Small()
    torch.save(network.state_dict(), folder / "small.pth")
    return folder / "small.pth", network


@pytest.mark.usefixtures("timm")
def test_a_network_of_a_library_sees_what_the_library_shows_it(tmp_path: Path) -> None:
    path, network = saved(tmp_path)
    recipe = find_extractor("timm:small")
    assert (recipe.resize, recipe.filter, recipe.kind) == ("short 40", "pil-bicubic", "image")
    features = Instruments.of(ExtractionRequest(recipe=recipe, features=path)).features
    assert isinstance(features, Extractor)
    assert (features.settings.library, features.settings.label) == ("timm 1.2.3", "timm-small")
    seen = (np.array([204, 102, 51]) / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.3]
    weight, bias = (parameter.detach().numpy() for parameter in network.body.parameters())
    expected = weight[:, :, 0, 0] @ seen + bias
    assert measure(features, [coloured(51, 102, 204)] * 16)[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.usefixtures("timm")
def test_of_clip_the_projection_is_kept_and_the_whole_side_cropped(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    recipe = find_extractor("timm:vit_clip_small")
    assert (recipe.resize, recipe.layer) == ("short 32", "projected feature")
    features = Instruments.of(ExtractionRequest(recipe=recipe, features=path)).features
    assert features is not None
    assert measure(features, [coloured(0, 0, 0)] * 16).shape == (1, 7)


@pytest.mark.usefixtures("timm")
def test_weights_without_a_file_have_the_hash_of_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = sys.modules["timm"]
    networks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        network = Small()
        monkeypatch.setattr(timm, "create_model", lambda name, pretrained, network=network: network)
        recipe = find_extractor("timm:small")
        networks.append(LibraryNetwork(None, recipe, *(library_of("timm:small") or ())))
    first, same, other = (Extractor(recipe, each, "timm 1.2.3", None).settings for each in networks)
    assert first.model is None
    assert first.identity() == same.identity() != other.identity()
    assert first.checkpoint.endswith(", of timm 1.2.3")


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("timm:smal", r"--extractor timm:smal: timm has no such network; did you mean small\?"),
        ("foo:bar", r"--extractor foo:bar: write open_clip:NAME, timm:NAME, torchvision:NAME, transformers:NAME"),
        ("timm:", r"--extractor timm:: write open_clip:NAME"),
    ],
)
def test_a_name_that_no_library_has_is_named(reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_extractor(reference)


@pytest.mark.usefixtures("timm")
def test_trouble_of_a_library_is_one_line(tmp_path: Path) -> None:
    recipe = find_extractor("timm:small")
    message = r"timm:small: its library cannot give it \(OSError: no network, really none\); give its weights with --w"
    with pytest.raises(InputError, match=message):
        Instruments.of(ExtractionRequest(recipe=recipe))
    torch.save({"fc.weight": torch.zeros(7, 4)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w.pth: does not fit timm:small: lacks body.weight"):
        Instruments.of(ExtractionRequest(recipe=recipe, features=tmp_path / "w.pth"))
    with pytest.raises(InputError, match=r"--flow dis: timm:small has no network of flow"):
        find_extractor("timm:small", "dis")


@pytest.mark.parametrize("name", ["open_clip", "timm", "torchvision", "transformers"])
def test_a_library_that_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r" is missing: this needs the extra `encoders`: pip install 'wvad-bench\["):
        find_extractor(f"{name}:any")


def test_clips_of_torchvision_and_tokens_of_transformers_give_vectors(tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models", exc_type=Exception)
    transformers = pytest.importorskip("transformers")
    torch.save(models.get_model("r3d_18").state_dict(), tmp_path / "r3d.pth")
    sizes = {"hidden_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64}
    configuration = transformers.VideoMAEConfig(**sizes, image_size=32, patch_size=16)
    transformers.VideoMAEModel(configuration).save_pretrained(tmp_path / "mae")
    for reference, weights, dim in (("torchvision:r3d_18", "r3d.pth", 512), ("transformers:mae", "mae", 48)):
        recipe = find_extractor(reference, weights=tmp_path / weights)
        assert recipe.kind == "clip"
        features = Instruments.of(ExtractionRequest(recipe=recipe, features=tmp_path / weights)).features
        assert features is not None
        assert measure(features, [coloured(1, 2, 3, (48, 64))] * 16).shape == (1, dim)
