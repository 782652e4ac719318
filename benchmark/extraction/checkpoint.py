"""An encoder from a PyTorch checkpoint and a function of the user's that gives its architecture."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.encoder import FREE_SIZE
from benchmark.extraction.published_files.blob_file import read_blobs
from benchmark.extraction.recipe import EncoderKind
from benchmark.system.entry_points import Plugin
from benchmark.system.errors import NOT_THEIRS, InputError, describe
from benchmark.system.hashing import sum_of
from benchmark.terms import SNIPPET_FRAMES

if TYPE_CHECKING:
    from torch import Tensor, nn

_HUB_NAME = re.compile(r"-([0-9a-f]{8,64})$")
_NESTS = ("state_dict", "model")
"""Where training scripts put the weights beside other things."""
_OLD_TORCH, _ZIP = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", b"PK\x03\x04"
"""How files of `torch.save` begin, before 1.6 and since."""
_PARALLEL = "module."
"""What `DataParallel` puts before every name."""
_COUNTER = "num_batches_tracked"
"""Ends the names of what batch normalisation counts in training and never uses after; files from before 0.4 lack it."""


class Architecture(Plugin):
    """A function of the user's that gives an untrained network, like an entry point of torch.hub."""

    kind = "architecture"

    @classmethod
    def find(cls, reference: str) -> Architecture:
        """Find it as ``package.module:function`` or ``path/to/file.py:function``.

        Raises
        ------
        InputError
            If the text is neither, or there is no such file.
        """
        module, _, function = reference.rpartition(":")
        if not module or not function:
            raise InputError(f"--architecture {reference}: write package.module:function or path/to/file.py:function")
        if not module.endswith(".py"):
            return cls(reference, module, function)
        if not Path(module).is_file():
            raise InputError(f"--architecture {reference}: there is no file {module}")
        return cls(f"{Path(module).name}:{function}", str(Path(module).resolve()), function)

    def build(self) -> nn.Module:
        """Call the function.

        Raises
        ------
        InputError
            If that fails, or gives no network.
        """
        from torch import nn

        network = self.call()
        if not isinstance(network, nn.Module):
            raise InputError(f"architecture {self.name}: gives {type(network).__name__}, not a torch.nn.Module")
        return network


class RunningNetwork:
    """A PyTorch network in use, on the GPU if there is one."""

    kind: EncoderKind
    height: int | None = None
    width: int | None = None

    def __init__(self, path: Path, network: nn.Module) -> None:
        import torch

        self.path = path
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.to(self._device, torch.float32).eval()
        self.on_gpu = self._device.type == "cuda"

    def encode(self, images: NDArray[np.float32]) -> NDArray[Any]:
        """Return the output for some images or clips."""
        import torch

        try:
            with torch.inference_mode():
                output = self._network(torch.from_numpy(images).to(self._device))
        except (Exception, *NOT_THEIRS):
            raise
        except BaseException as error:  # the user's own code may call sys.exit
            raise InputError(f"{self.path}: its network ended with {describe(error)}") from None
        if not isinstance(output, torch.Tensor):
            raise InputError(f"{self.path}: its network gives {type(output).__name__}, not a tensor")
        return output.float().cpu().numpy()

    def fingerprint(self) -> str:
        """Return the hash of the file, or, of weights that do not come as one, of their names and values."""
        if self.path.is_file():
            return sum_of(self.path)
        total = hashlib.sha256()
        for name, tensor in sorted(self._network.state_dict().items()):
            total.update(f"{name}\0".encode() + tensor.cpu().contiguous().numpy().tobytes())
        return total.hexdigest()


class TorchNetwork(RunningNetwork):
    """A network of the user's with the weights of a checkpoint.

    Whether it takes images or clips is found by trying, images first.

    Raises
    ------
    InputError
        If the checkpoint cannot be read without running code, does not fit the network, or the network takes
        neither images nor clips of 16 frames.
    """

    def __init__(self, path: Path, architecture: Architecture, size: int | None) -> None:
        network = architecture.build()
        load_weights(network, read_checkpoint(path), path)
        super().__init__(path, network)
        self.kind = self._find_kind(size or FREE_SIZE)

    def _find_kind(self, size: int) -> EncoderKind:
        shapes: dict[EncoderKind, tuple[int, ...]] = {
            "image": (1, 3, size, size),
            "clip": (1, 3, SNIPPET_FRAMES, size, size),
        }
        for kind, shape in shapes.items():
            try:
                self.encode(np.zeros(shape, np.float32))
            except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
                reason = " ".join(str(error).split())
            else:
                return kind
        raise InputError(f"{self.path}: its network takes neither {shapes['image']} nor {shapes['clip']} ({reason})")


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint by name; nothing but tensors and plain values is unpickled.

    It is a file of `torch.save` or of safetensors, or Caffe2's pickle of blobs, ``.pkl``.

    Raises
    ------
    InputError
        If the file is missing, damaged, would have to run code, holds no weights, or carries the beginning of
        another hash in its name, as files of torch.hub carry that of theirs.
    """
    import torch

    from benchmark.system.tensor_files import check_plain

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if (named := _HUB_NAME.search(path.stem)) and not sum_of(path).startswith(named[1]):
        raise InputError(f"{path}: its hash is not the one in its name; download it again")
    try:
        loaded: Any = _load(path)
    except InputError:
        raise
    except Exception as error:  # of pickle, zip files, and torch
        reason = " ".join(str(error).split()).split(". ")[0]
        raise InputError(f"{path}: cannot be read as weights alone ({reason}); save its state_dict again") from None
    for nest in _NESTS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(nest), Mapping):
            loaded = loaded[nest]
    weights = {k: v for k, v in loaded.items() if isinstance(v, torch.Tensor)} if isinstance(loaded, Mapping) else {}
    if not weights or len(weights) != len(loaded):
        raise InputError(f"{path}: holds no state_dict, alone or as {' or '.join(_NESTS)}; save it so")
    for name, tensor in weights.items():
        check_plain(path, str(name), tensor)
    return {str(name): tensor for name, tensor in weights.items()}


def _load(path: Path) -> object:
    import torch
    from safetensors.torch import load_file

    from benchmark.system.tensor_files import load_tensors

    if path.suffix == ".safetensors":
        return load_file(path)
    if path.suffix == ".pkl" and not _is_of_torch(path):
        return {name: torch.from_numpy(array) for name, array in read_blobs(path).items()}
    return load_tensors(path)


def _is_of_torch(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_OLD_TORCH)).startswith((_OLD_TORCH, _ZIP))


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put weights into a network that they fit exactly, but for the counters of batch normalisation.

    Raises
    ------
    InputError
        If names or shapes differ; names the first.
    """
    if trouble := misfit(network, weights):
        raise InputError(f"{path}: {trouble}; is it the right architecture?")
    put_weights(network, weights)


def misfit(network: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """Say which parameter first does not fit a network, and why; empty if all fit."""
    wanted = _without_counters(network.state_dict())
    weights = _alone(weights, wanted)
    for name in [*wanted, *weights]:
        if name not in weights:
            return f"lacks {name}, which the architecture has"
        if name not in wanted:
            return f"has {name}, which the architecture lacks"
        if weights[name].shape != wanted[name].shape:
            return f"{name} is {tuple(weights[name].shape)}, but {tuple(wanted[name].shape)} in the architecture"
    return ""


def put_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights into a network that `misfit` has nothing to say of."""
    network.load_state_dict(_alone(weights, network.state_dict()), strict=False)


def _alone(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights without counters, and without what `DataParallel` puts before names."""
    weights = _without_counters(weights)
    parallel = all(name.startswith(_PARALLEL) and name not in wanted for name in weights)
    return {name.removeprefix(_PARALLEL) if parallel else name: tensor for name, tensor in weights.items()}


def _without_counters(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if not name.endswith(_COUNTER)}
