"""Checkpoints: read without running code, and loaded exactly or not at all."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.extraction.checkpoint import Architecture, TorchNetwork, load_weights, read_checkpoint
from benchmark.extraction.encoder import Encoder
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import coloured, measure

ARCHITECTURES = """
from torch import nn

def image():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))

def clip():
    return nn.Sequential(nn.Conv3d(3, 4, 1), nn.AdaptiveAvgPool3d(1), nn.Flatten())

def neither():
    return nn.Linear(7, 7)

def nothing():
    return None
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A user's file of architectures."""
    path = tmp_path / "nets.py"
    path.write_text(ARCHITECTURES)
    return path


def saved(file: Path, function: str) -> tuple[Path, Architecture, nn.Module]:
    """Save weights that an architecture fits."""
    torch.manual_seed(0)
    architecture = Architecture.find(f"{file}:{function}")
    network = architecture.build()
    torch.save(network.state_dict(), file.parent / "weights.pth")
    return file.parent / "weights.pth", architecture, network


def test_an_image_network_gives_what_its_weights_say(file: Path) -> None:
    path, architecture, network = saved(file, "image")
    tested = TorchNetwork(path, architecture, 16)
    assert tested.kind == "image"
    encoder = Encoder(tested, frames=4, normalisation="unit", crops="one", size=16, architecture=architecture)
    assert encoder.settings.architecture == "nets.py:image"
    assert encoder.settings.architecture_sha256 == architecture.source_hash()
    features = measure(encoder, [coloured(0, 51, 102)] * 16)
    weight, bias = (parameter.detach().numpy() for parameter in network.parameters())
    assert features[0] == pytest.approx(weight @ [0.4, 0.2, 0] + bias, abs=0.002)


def test_a_clip_network_is_recognised(file: Path) -> None:
    path, architecture, _ = saved(file, "clip")
    tested = TorchNetwork(path, architecture, 8)
    assert tested.kind == "clip"
    assert tested.encode(np.zeros((2, 3, 16, 8, 8), np.float32)).shape == (2, 4)


def test_a_network_of_neither_kind_is_refused(file: Path) -> None:
    path, architecture, _ = saved(file, "neither")
    with pytest.raises(InputError, match=r"its network takes neither \(1, 3, 8, 8\) nor \(1, 3, 16, 8, 8\)"):
        TorchNetwork(path, architecture, 8)


@pytest.mark.parametrize("nest", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_are_found_where_training_scripts_put_them(nest: str | None, prefix: str, tmp_path: Path) -> None:
    weights = nn.Linear(2, 3).state_dict()
    named = {prefix + name: tensor for name, tensor in weights.items()}
    torch.save({nest: named, "epoch": 3} if nest else named, tmp_path / "w.pth")
    network = nn.Linear(2, 3)
    load_weights(network, read_checkpoint(tmp_path / "w.pth"), tmp_path / "w.pth")
    assert all(torch.equal(network.state_dict()[name], weights[name]) for name in weights)


@pytest.mark.parametrize("counted", ["file", "network"])
def test_batches_that_only_one_side_has_counted_do_not_matter(counted: str) -> None:
    """Files from before PyTorch 0.4 count none, as those of both published I3D networks."""
    source = nn.BatchNorm3d(4)
    source.running_mean = torch.arange(4.0)
    weights = source.state_dict()
    if counted == "network":
        del weights["num_batches_tracked"]
    network = nn.BatchNorm3d(4)
    if counted == "file":
        network.num_batches_tracked = None
    load_weights(network, weights, Path("w.pth"))
    assert torch.equal(network.state_dict()["running_mean"], torch.arange(4.0))
    del weights["running_var"]
    with pytest.raises(InputError, match=r"w.pth: lacks running_var"):
        load_weights(network, weights, Path("w.pth"))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": torch.zeros(3, 2)}, "w.pth: lacks bias, which the architecture has"),
        (nn.Linear(2, 3).state_dict() | {"fc.weight": torch.zeros(1)}, "w.pth: has fc.weight, which the architecture"),
        (nn.Linear(4, 3).state_dict(), r"w.pth: weight is \(3, 4\), but \(3, 2\) in the architecture"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_weights(nn.Linear(2, 3), weights, Path("w.pth"))


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self._path,))


@pytest.mark.parametrize("write", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_checkpoint_cannot_run_code(write: object, tmp_path: Path) -> None:
    write({"weight": torch.zeros(1), "x": Canary(tmp_path / "ran")}, tmp_path / "w.pth")  # type: ignore[operator]
    with pytest.raises(InputError, match=r"w.pth: cannot be read as weights alone") as refusal:
        read_checkpoint(tmp_path / "w.pth")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [torch.zeros(3), [1, 2], {"epoch": 3}, {}])
def test_what_holds_no_weights_is_named(value: object, tmp_path: Path) -> None:
    torch.save(value, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w.pth: holds no state_dict, alone or as state_dict or model"):
        read_checkpoint(tmp_path / "w.pth")


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"w.pth: no such file"):
        read_checkpoint(tmp_path / "w.pth")
    (tmp_path / "w.pth").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match=r"w.pth: cannot be read as weights alone"):
        read_checkpoint(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("resnet", "--architecture resnet: write package.module:function or path/to/file.py:function"),
        ("none.py:net", "--architecture none.py:net: there is no file none.py"),
        ("not_installed.nets:net", "architecture not_installed.nets:net is unavailable: ModuleNotFoundError"),
        ("{file}:other", "architecture nets.py:other is unavailable: AttributeError"),
        ("{file}:nothing", "architecture nets.py:nothing: gives NoneType, not a torch.nn.Module"),
    ],
)
def test_an_architecture_that_cannot_be_had_is_named(reference: str, message: str, file: Path) -> None:
    with pytest.raises(InputError, match=message):
        Architecture.find(reference.format(file=file)).build()


def test_a_file_named_after_its_hash_has_that_hash(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "new.pth")
    digest = hashlib.sha256((tmp_path / "new.pth").read_bytes()).hexdigest()
    good, bad = tmp_path / f"resnet-{digest[:8]}.pth", tmp_path / "resnet-0123abcd.pth"
    (tmp_path / "new.pth").rename(good)
    assert set(read_checkpoint(good)) == {"weight"}
    good.rename(bad)
    with pytest.raises(InputError, match=r"resnet-0123abcd\.pth: its hash is not the one in its name"):
        read_checkpoint(bad)
