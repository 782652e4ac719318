"""The recipe of a feature set: how its features were extracted, so that other videos can be extracted alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from benchmark.datasets.feature_sets import FeatureSet
from benchmark.extraction.extractors.libraries import library_of
from benchmark.extraction.extractors.published import NETWORKS
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.recipe import MEAN_CUBE, ExtractorSettings
from benchmark.extraction.recipes import RECIPES
from benchmark.extraction.settings import ExtractionRequest, FeatureSettings, SetRecipe
from benchmark.system.errors import InputError
from benchmark.system.frozen import first_error
from benchmark.terms import CropRule

PUBLISHED_AS: Mapping[str, str] = {
    "rtfm-i3d-r50-10crop": "i3d-r50-rtfm",
    "rocng-i3d-inception": "i3d-rocng",
    "vadclip-vit-b16": "clip-vadclip",
}
"""Published feature set -> the extractor that is said to make it; Sultani's are divided by their norms besides."""

_ALL_CROPS = 10
_FEWER_CROPS: Mapping[tuple[CropRule, int], CropRule] = {("centre-ten", 5): "centre-five", ("centre-ten", 1): "one"}
"""What is taken of a published order where a set has so many crops."""


@dataclass(frozen=True)
class Tools:
    """What a recipe needs that it does not hold: files of the user's, and names of what is run.

    Attributes
    ----------
    weights
        File of the encoder.
    shelf
        Folder in which it lies under the name that is recorded, where it is not given.
    """

    weights: Path | None = None
    shelf: Path | None = None
    architecture: str | None = None
    mean_cube: Path | None = None


def request_like(feature_set: str, identity: FeatureSet | None, crops: int, tools: Tools) -> ExtractionRequest:
    """Return what extracts videos as the features of a set were extracted.

    Parameters
    ----------
    identity
        What is known of the set.
    crops
        How many crops of each snippet its features have.

    Raises
    ------
    InputError
        If how they were extracted is not known, or what is given makes others; the message says what differs.
    """
    if identity is not None and identity.recipe is not None:
        return _as_recorded(feature_set, identity, tools)
    extractor = PUBLISHED_AS.get(feature_set)
    if extractor is None:
        raise InputError(
            f"feature set {feature_set} states no recipe that videos could be extracted by; extract them as its "
            "own videos were, and give the feature files instead"
        )
    return _as_published(feature_set, extractor, crops, tools)


def _as_recorded(feature_set: str, identity: FeatureSet, tools: Tools) -> ExtractionRequest:
    try:
        made = SetRecipe.model_validate(identity.recipe)
    except ValidationError as error:
        raise InputError(f"feature set {feature_set}: its recipe is damaged at {first_error(error)}") from None
    request = _request(feature_set, made, tools)
    now = Instruments.of(request).settings().features
    assert now is not None
    if now.identity() != made.features.identity():
        raise InputError(f"{_given(tools)} makes other features than {feature_set}: {_difference(made.features, now)}")
    return request


def _request(feature_set: str, made: SetRecipe, tools: Tools) -> ExtractionRequest:
    features = made.features
    weights = _find_weights(feature_set, features.model, features.sha256, tools)
    if isinstance(features, ExtractorSettings):
        recipe = features.recipe
        if recipe.network not in NETWORKS and library_of(recipe.network) is None:
            raise InputError(f"feature set {feature_set}: no network {recipe.network} here; update wvad-bench")
        if recipe.normalise == MEAN_CUBE and tools.mean_cube is None:
            raise InputError(f"feature set {feature_set}: its recipe subtracts a mean cube; name it with --mean-cube")
        return ExtractionRequest(features=weights, recipe=recipe, mean_cube=tools.mean_cube)
    if features.architecture is not None and tools.architecture is None:
        raise InputError(  # what a file names is never run
            f"feature set {feature_set}: its encoder is built by {features.architecture}; name it with --architecture"
        )
    return ExtractionRequest(
        features=weights,
        architecture=tools.architecture,
        feature_frames=features.frames,
        normalisation=features.normalisation,
        crops=features.crops,
        crop_size=features.width if features.width == features.height else None,
        tail=made.tail,
    )


def _find_weights(feature_set: str, model: str | None, sha256: str, tools: Tools) -> Path | None:
    """Return the file of the encoder: as given, or on the shelf; None for a library's own."""
    if model is None or tools.weights is not None:
        return tools.weights
    found = tools.shelf / Path(model).name if tools.shelf is not None else None
    if found is None or not found.is_file():
        raise InputError(
            f"feature set {feature_set} was extracted with {model} (SHA-256 {sha256[:12]}...); "
            "name that file with --extractor-weights, or its folder with $WVAD_EXTRACTOR_WEIGHTS"
        )
    return found


def _as_published(feature_set: str, extractor: str, crops: int, tools: Tools) -> ExtractionRequest:
    recipe = RECIPES[extractor]
    if tools.weights is None:
        raise InputError(
            f"feature set {feature_set} is said to be made by {extractor}; name the file of its published weights "
            "with --extractor-weights"
        )
    rule = recipe.crops if crops == _ALL_CROPS else _FEWER_CROPS.get((recipe.crops, crops))
    if rule is None:
        raise InputError(f"{extractor}: has no order of {crops} crops; give feature files instead of videos")
    return ExtractionRequest(features=tools.weights, recipe=recipe.changed({"crops": rule}))


def _given(tools: Tools) -> str:
    return str(tools.weights) if tools.weights is not None else "what is installed here"


def _difference(recorded: FeatureSettings | ExtractorSettings, now: FeatureSettings | ExtractorSettings) -> str:
    """Say what of two settings differs first."""
    ours, theirs = now.model_dump(mode="json"), recorded.model_dump(mode="json")
    for part in theirs:
        if part != "model" and ours.get(part) != theirs[part]:
            return f"its {part} is {_short(ours.get(part))}, not {_short(theirs[part])}"
    return "its settings are others"


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) > 24 else text
