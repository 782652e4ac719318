"""Networks of named extractors, ours and those of libraries, with weights that fit them exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.extraction.checkpoint import RunningNetwork, misfit, put_weights, read_checkpoint
from benchmark.extraction.extractors.library import Library, folder_of, named
from benchmark.extraction.published_files.weight_names import our_names
from benchmark.extraction.recipe import Recipe
from benchmark.extraction.recipes import FLOW_NETWORKS, RECIPES
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


def _i3d_resnet() -> nn.Module:
    from benchmark.extraction.networks.i3d_resnet import I3DResNet50

    return I3DResNet50()


def _i3d_inception() -> nn.Module:
    from benchmark.extraction.networks.i3d_inception import I3DInception

    return I3DInception("rgb")


def _i3d_inception_flow() -> nn.Module:
    from benchmark.extraction.networks.i3d_inception import I3DInception

    return I3DInception("flow")


def _c3d() -> nn.Module:
    from benchmark.extraction.networks.c3d import C3D

    return C3D()


def _c3d_padded() -> nn.Module:
    from benchmark.extraction.networks.c3d import C3D

    return C3D(padded=True)


def _clip_vit() -> nn.Module:
    from benchmark.extraction.networks.clip_vit import CLIPImageEncoder

    return CLIPImageEncoder()


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "i3d-r50": _i3d_resnet,
    "i3d-inception": _i3d_inception,
    "i3d-inception-flow": _i3d_inception_flow,
    "c3d": _c3d,
    "c3d-padded": _c3d_padded,
    "clip-vit-b16": _clip_vit,
}
"""What the networks of recipes are built by, by their names there."""


class PublishedNetwork(RunningNetwork):
    """The network of a named extractor with the weights of a checkpoint.

    Raises
    ------
    InputError
        If the checkpoint cannot be read without running code, or does not fit; then it names the first parameter that
        does not, and the extractors that it would fit.
    """

    def __init__(self, path: Path, recipe: Recipe) -> None:
        published = read_checkpoint(path)
        weights = our_names(recipe.network, published)
        network = NETWORKS[recipe.network]()
        if trouble := misfit(network, weights):
            raise InputError(f"{path}: does not fit {recipe.extractor}: {trouble}; {_fitting(published)}")
        put_weights(network, weights)
        super().__init__(path, network)
        self.kind = recipe.kind
        self.height, self.width = recipe.height, recipe.width


class LibraryNetwork(RunningNetwork):
    """A network of a library with the weights of a checkpoint, of a folder, or with the library's own.

    Raises
    ------
    InputError
        If the library cannot give it, or the weights do not fit.
    """

    def __init__(self, weights: Path | None, recipe: Recipe, library: Library, name: str) -> None:
        folder = folder_of(weights)
        with named(recipe.extractor):
            network = library.build(name, folder, pretrained=weights is None)
        if weights is not None and folder is None:
            published = read_checkpoint(weights)
            if trouble := misfit(network, published):
                raise InputError(f"{weights}: does not fit {recipe.extractor}: {trouble}")
            put_weights(network, published)
        super().__init__(weights or Path(recipe.extractor), library.encoder(network, name))
        self.kind = recipe.kind
        self.height, self.width = recipe.height, recipe.width


def _fitting(weights: Mapping[str, Tensor]) -> str:
    """Say which extractors some weights fit."""
    import torch

    with torch.device("meta"):  # no memory is taken
        fitting = [name for name, build in NETWORKS.items() if not misfit(build(), our_names(name, weights))]
    names = [recipe.extractor for recipe in RECIPES.values() if recipe.network in fitting]
    names += [f"{name} with --flow" for name, network in FLOW_NETWORKS.items() if network in fitting]
    return f"it would fit {' or '.join(names)}" if names else "it fits no extractor"
