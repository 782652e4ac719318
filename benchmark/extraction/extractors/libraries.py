"""Encoders of libraries by name, ``timm:NAME``: their network, what they do to images, and their own weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from benchmark.extraction.extractors.library import Library, folder_of, named
from benchmark.extraction.recipe import Recipe
from benchmark.extraction.recipes import find_recipe
from benchmark.system.errors import InputError
from benchmark.system.libraries import load_extra
from benchmark.system.near_names import did_you_mean
from benchmark.terms import SNIPPET_FRAMES, FlowMethod, ResizeFilter

if TYPE_CHECKING:
    from torch import nn

_CLIP_COLOURS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_IMAGENET_COLOURS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_PIL: Mapping[str, ResizeFilter] = {
    "bilinear": "pil-bilinear",
    "bicubic": "pil-bicubic",
    "lanczos": "pil-lanczos",
    "random": "pil-bilinear",
}


class Timm(Library):
    """Image encoders of timm: the pooled feature ahead of the classifier, of CLIP's the projected one."""

    module, distribution = "timm", "timm"

    def recipe(self, name: str, folder: Path | None) -> Recipe:
        """Return what a network sees by its configuration; CLIP's crop is the whole of the shorter side."""
        configuration = self.load().get_pretrained_cfg(name)
        if configuration is None:
            raise InputError(_unknown(f"timm:{name}", self.load().list_models()))
        _, height, width = configuration.input_size
        share = 1.0 if _is_clip(name) else configuration.crop_pct
        return Recipe(
            extractor=f"timm:{name}",
            network=f"timm:{name}",
            layer="projected feature" if _is_clip(name) else "pooled feature",
            kind="image",
            resize=f"short {math.floor(min(height, width) / share)}",
            filter=_PIL[configuration.interpolation],
            crops="one",
            width=width,
            height=height,
            normalise=(tuple(configuration.mean), tuple(configuration.std)),
        )

    def build(self, name: str, folder: Path | None, *, pretrained: bool) -> nn.Module:
        """Return the network with its classifier."""
        return cast("nn.Module", self.load().create_model(name, pretrained=pretrained))

    def encoder(self, network: Any, name: str) -> nn.Module:
        """Take the classifier off; CLIP's is its projection."""
        if not _is_clip(name):
            network.reset_classifier(0)
        return cast("nn.Module", network)


class Torchvision(Library):
    """Clip and image encoders of torchvision: what goes into the classifier."""

    module, distribution = "torchvision", "torchvision"

    def recipe(self, name: str, folder: Path | None) -> Recipe:
        """Return what a network sees by the transforms of its default weights."""
        models = self._models()
        if name not in models.list_models():
            raise InputError(_unknown(f"torchvision:{name}", models.list_models()))
        given = models.get_model_weights(name).DEFAULT.transforms()
        height, width = (*given.crop_size, *given.crop_size)[:2]
        clip = name in models.list_models(models.video)
        size = given.resize_size
        return Recipe(
            extractor=f"torchvision:{name}",
            network=f"torchvision:{name}",
            layer="what goes into the classifier",
            kind="clip" if clip else "image",
            resize=f"short {size[0]}" if len(size) == 1 else f"{size[1]}x{size[0]}",
            # Clips are resized as tensors without antialiasing.
            filter="cv2-linear" if clip else _PIL[given.interpolation.value],
            crops="one",
            width=width,
            height=height,
            normalise=(tuple(given.mean), tuple(given.std)),
        )

    def build(self, name: str, folder: Path | None, *, pretrained: bool) -> nn.Module:
        """Return the network with its classifier."""
        return cast("nn.Module", self._models().get_model(name, weights="DEFAULT" if pretrained else None))

    def encoder(self, network: nn.Module, name: str) -> nn.Module:
        """Put nothing in the classifier's place."""
        from torch import nn

        classifier = next((part for part in ("head", "heads", "fc", "classifier") if hasattr(network, part)), None)
        if classifier is None:
            raise InputError(f"torchvision:{name}: has no classifier that is known; choose another network")
        setattr(network, classifier, nn.Identity())
        return network

    def _models(self) -> Any:
        self.load()
        return load_extra("torchvision.models", "torchvision.models is missing")


class OpenClip(Library):
    """Image encoders of open_clip, ``open_clip:MODEL`` or ``open_clip:MODEL/TAG``: projected, of any length."""

    module, distribution = "open_clip", "open_clip_torch"

    def recipe(self, name: str, folder: Path | None) -> Recipe:
        """Return what a model sees by its configuration; colours are those of its tag, or OpenAI's."""
        library = self.load()
        model, _, tag = name.partition("/")
        configuration = library.get_model_config(model)
        if configuration is None:
            raise InputError(_unknown(f"open_clip:{model}", library.list_models()))
        side = configuration["vision_cfg"]["image_size"]
        height, width = side if isinstance(side, tuple | list) else (side, side)
        given = library.get_pretrained_cfg(model, tag) if tag else {}
        colours = (given.get("mean") or _CLIP_COLOURS[0], given.get("std") or _CLIP_COLOURS[1])
        squashed = given.get("resize_mode") == "squash"
        return Recipe(
            extractor=f"open_clip:{name}",
            network=f"open_clip:{name}",
            layer="projected feature, of any length",
            kind="image",
            resize=f"{width}x{height}" if squashed else f"short {min(height, width)}",
            filter=_PIL[given.get("interpolation") or "bicubic"],
            crops="one",
            width=width,
            height=height,
            normalise=(tuple(colours[0]), tuple(colours[1])),
        )

    def build(self, name: str, folder: Path | None, *, pretrained: bool) -> nn.Module:
        """Return the whole model, with its text encoder."""
        model, _, tag = name.partition("/")
        if pretrained and not tag:
            tags = ", ".join(self.load().list_pretrained_tags_by_model(model))
            raise InputError(f"open_clip:{model}: say which weights as open_clip:{model}/TAG ({tags}), or --weights")
        chosen = tag if pretrained else None
        return cast("nn.Module", self.load().create_model(model, pretrained=chosen, load_weights=pretrained))

    def encoder(self, network: Any, name: str) -> nn.Module:
        """Return the image encoder."""
        return cast("nn.Module", network.visual)


class Transformers(Library):
    """Encoders of transformers, by their names on its hub, or in a folder that goes by any name: the mean of tokens."""

    module, distribution = "transformers", "transformers"
    _clips: ClassVar = ("videomae", "vivit", "timesformer")

    def recipe(self, name: str, folder: Path | None) -> Recipe:
        """Return what a network sees: its size, and ImageNet's colours."""
        local = folder is not None
        configuration = self.load().AutoConfig.from_pretrained(_place(name, folder), local_files_only=local)
        clip = configuration.model_type in self._clips
        if clip and configuration.num_frames != SNIPPET_FRAMES:
            raise InputError(f"transformers:{name}: sees {configuration.num_frames} frames, not {SNIPPET_FRAMES}")
        side = configuration.image_size
        return Recipe(
            extractor=f"transformers:{name}",
            network=f"transformers:{name}",
            layer="mean of all tokens",
            kind="clip" if clip else "image",
            resize=f"short {side}",
            filter="pil-bilinear",
            crops="one",
            width=side,
            height=side,
            normalise=cast("Any", _IMAGENET_COLOURS),
        )

    def build(self, name: str, folder: Path | None, *, pretrained: bool) -> nn.Module:
        """Return the network; of files, safetensors alone are read."""
        place, local = _place(name, folder), folder is not None
        automatic = self.load().AutoModel
        if pretrained or local:
            network = automatic.from_pretrained(place, use_safetensors=True, local_files_only=local)
        else:
            network = automatic.from_config(self.load().AutoConfig.from_pretrained(place))
        return cast("nn.Module", network)

    def encoder(self, network: nn.Module, name: str) -> nn.Module:
        """Wrap the network, which takes frames before channels and gives tokens."""
        from torch import Tensor, nn

        class MeanOfTokens(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, images: Tensor) -> Tensor:
                seen = images.transpose(1, 2) if images.ndim == 5 else images
                mean: Tensor = self.network(pixel_values=seen).last_hidden_state.flatten(2).mean(dim=1)
                return mean

        return MeanOfTokens()


_LIBRARIES: Mapping[str, Library] = {
    "open_clip": OpenClip(),
    "timm": Timm(),
    "torchvision": Torchvision(),
    "transformers": Transformers(),
}


def library_of(network: str) -> tuple[Library, str] | None:
    """Return the library that a network is from, and its name there; None for ours."""
    prefix, colon, name = network.partition(":")
    if not colon:
        return None
    if prefix not in _LIBRARIES or not name:
        raise InputError(f"--extractor {network}: write {', '.join(f'{known}:NAME' for known in _LIBRARIES)}")
    return _LIBRARIES[prefix], name


def find_extractor(reference: str, flow: FlowMethod | None = None, weights: Path | None = None) -> Recipe:
    """Return the recipe of an extractor: a published one by its name, or ``timm:NAME`` and the like.

    Parameters
    ----------
    weights
        Where its weights are, which may be a folder that says what the network sees.

    Raises
    ------
    InputError
        If there is none, or its library is not installed.
    """
    found = library_of(reference)
    if found is None:
        return find_recipe(reference, flow)
    if flow is not None:
        raise InputError(f"--flow {flow}: {reference} has no network of flow")
    library, name = found
    with named(reference):
        return library.recipe(name, folder_of(weights))


def _unknown(reference: str, known: Iterable[str]) -> str:
    library, _, name = reference.partition(":")
    return f"--extractor {reference}: {library} has no such network{did_you_mean(name, known)}"


def _place(name: str, folder: Path | None) -> str:
    return name if folder is None else str(folder)


def _is_clip(name: str) -> bool:
    return "_clip_" in name
