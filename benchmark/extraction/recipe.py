"""The recipe of an extractor: all that decides what it gives, how parts of it are changed, and how it is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel, first_error
from benchmark.system.near_names import did_you_mean
from benchmark.system.yaml_text import YamlTextError, parse_yaml
from benchmark.terms import SNIPPET_FRAMES, CropRule, FlowMethod, Normalisation, ResizeFilter, VideoTail

EncoderKind = Literal["image", "clip"]

_RESIZE = re.compile(r"none|short [1-9][0-9]{0,3}|[1-9][0-9]{0,3}x[1-9][0-9]{0,3}")
_Colour = tuple[float, float, float]
MEAN_CUBE: Literal["mean-cube"] = "mean-cube"
"""What is subtracted from frames by their places and pixels, from a file."""


def _check_resize(resize: str) -> str:
    if not _RESIZE.fullmatch(resize):
        raise ValueError("write none, the shorter side as `short 256`, or width and height as 340x256")
    return resize


class Recipe(FrozenModel):
    """All that decides what an extractor gives, besides its weights and the video.

    Attributes
    ----------
    extractor
        Its name.
    version
        Raised whenever the same recipe gives other numbers.
    network, layer
        What encodes, and which of its layers is the feature, with its pooling.
    kind
        ``clip`` encodes all frames of a snippet together, ``image`` each by itself; then the mean is taken.
    frames
        Frames of a snippet that are seen: how many, spread as in `benchmark.extraction.decoding.frame_places`, or
        ``first`` or ``middle`` for that one.
    flow
        Method of the optical flow that the network sees in place of colours.
    frame_rate
        Frames per second that the video is brought to by repeating and leaving out frames; None for as it decodes.
    resize
        ``short 256`` keeps proportions (a filter of PIL cuts off the fraction of the longer side, one of OpenCV
        scales both sides by one factor), ``340x256`` stretches to width and height, ``none`` leaves frames alone.
    filter
        How pixels are interpolated.
    crops, width, height
        Which crops, in which order, and their size in pixels.
    centre
        What becomes of half a pixel where the centre is: rounded to even, or down.
    channels
        Their order.
    normalise
        What is done to colours: by name, ``mean-cube`` by a file, or mean and standard deviation of each channel in
        units of 255.
    tail
        What becomes of the last frames where they do not fill a snippet.
    fewest_frames
        Videos with fewer are refused.
    precision
        Type that features are stored in.
    changes
        Which parts are others than the name stands for, ``crops oversample``.
    """

    extractor: str
    version: int = 1
    network: str
    layer: str
    kind: EncoderKind = "clip"
    frames: Annotated[int, Field(ge=1, le=SNIPPET_FRAMES)] | Literal["first", "middle"] = SNIPPET_FRAMES
    flow: FlowMethod | None = None
    frame_rate: float | None = Field(default=None, gt=0, le=1000)
    resize: Annotated[str, AfterValidator(_check_resize)]
    filter: ResizeFilter
    crops: CropRule
    width: int = Field(default=224, ge=16, le=4096)
    height: int = Field(default=224, ge=16, le=4096)
    centre: Literal["round", "floor"] = "round"
    channels: Literal["rgb", "bgr"] = "rgb"
    normalise: Normalisation | Literal["mean-cube"] | tuple[_Colour, _Colour]
    tail: VideoTail = "drop"
    fewest_frames: int = Field(default=1, ge=1)
    precision: Literal["float32", "float16"] = "float32"
    changes: tuple[str, ...] = ()

    def changed(self, changes: Mapping[str, object]) -> Recipe:
        """Return the recipe with some of its parts changed.

        Raises
        ------
        InputError
            If there is no such part, it is what the extractor's name stands for, or cannot be that.
        """
        for part in changes:
            if part not in PARTS:
                known = did_you_mean(part, PARTS) or f"; its parts are {', '.join(PARTS)}"
                raise InputError(f"{self.extractor}: no part `{part}` of its recipe can be changed{known}")
        try:
            recipe = Recipe.model_validate({**self.model_dump(), **changes})
        except ValidationError as error:
            raise InputError(f"{self.extractor}: {first_error(error, depth=1)}") from None
        if recipe.flow and recipe.tail != "lookahead":
            raise InputError(f"{self.extractor}: flow needs the frame after a snippet; leave its tail at lookahead")
        if recipe.flow and recipe.filter == "float-linear":
            raise InputError(f"{self.extractor}: flow is of whole levels; choose another filter than float-linear")
        if recipe.kind == "clip" and recipe.frames != SNIPPET_FRAMES:
            raise InputError(f"{self.extractor}: its network sees all {SNIPPET_FRAMES} frames of a snippet")
        ours, now = self.model_dump(mode="json"), recipe.model_dump(mode="json")
        differ = tuple(f"{part} {_word(now[part])}" for part in PARTS if now[part] != ours[part])
        return recipe.model_copy(update={"changes": differ})


_FIXED = ("extractor", "version", "network", "layer", "kind", "flow", "changes")
PARTS = tuple(part for part in Recipe.model_fields if part not in _FIXED)
"""What of a recipe can be changed."""


def _word(value: object) -> str:
    return "none" if value is None else str(value)


def parse_changes(settings: Iterable[str]) -> dict[str, object]:
    """Read changes of a recipe, ``PART=VALUE`` each.

    Raises
    ------
    InputError
        If one is not written so.
    """
    changes: dict[str, object] = {}
    for setting in settings:
        part, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting}: write PART=VALUE, such as crops=one")
        try:
            changes[part.strip()] = parse_yaml(text)
        except YamlTextError as error:
            raise InputError(f"--set {setting}: {error}") from None
    return changes


class ExtractorSettings(FrozenModel):
    """How features were computed by a named extractor.

    Attributes
    ----------
    model, sha256
        File name and hash of the weights; of a library's own no name, and the hash of their values.
    mean_cube_sha256
        Hash of the mean cube; None where none is subtracted.
    library
        What the network is from, with its version; None for ours.
    """

    recipe: Recipe
    model: str | None
    sha256: str
    mean_cube_sha256: str | None = None
    library: str | None = None

    def identity(self) -> str:
        """Return what decides the features besides the videos, as the text that their identity is the hash of.

        Names of files are not in it.
        """
        return self.model_copy(update={"model": None}).model_dump_json()

    @property
    def label(self) -> str:
        """What a set of such features is called, ahead of the hash of its identity."""
        parts = [self.recipe.extractor, *(change.replace(" ", "-") for change in self.recipe.changes)]
        return re.sub(r"[^\w.+-]+", "-", "+".join(parts))[:120]

    @property
    def checkpoint(self) -> str:
        """Which weights."""
        return f"SHA-256 {self.sha256}" + (f", of {self.library}" if self.model is None else "")

    def describe(self) -> str:
        """Say in a line how the features were computed."""
        recipe = self.recipe.model_dump(mode="json", exclude={"extractor", "version", "changes"})
        parts = [f"{part} {_word(value)}" for part, value in recipe.items()]
        changed = f", changed: {', '.join(self.recipe.changes)}" if self.recipe.changes else ", as published"
        return f"{self.recipe.extractor}{changed}; {'; '.join(parts)}"
