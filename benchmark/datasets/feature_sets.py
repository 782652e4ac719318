"""Feature sets: who made the features, so that only those of one identity are tested across datasets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, JsonValue, ValidationError, model_validator

from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel, first_error
from benchmark.system.json_text import parse_json
from benchmark.system.names import Heading, Name, Title, check_name
from benchmark.system.text_files import read_bytes
from benchmark.terms import MOST_STRIDE, SNIPPET_FRAMES

FILE = "feature_set.json"

_PRESETS = Path(__file__).with_name("feature_sets.yaml")
# What two datasets of one id must agree on. The number of crops may differ: UCF-Crime has ten, XD-Violence five.
_DECISIVE = ("extractor", "checkpoint", "dim", "stride", "normalisation")


class CropLayout(FrozenModel):
    """What the crops of a snippet show, where some of them are patches of the frame.

    Attributes
    ----------
    crops
        How many show the frame, as usual; they come first.
    grids
        Rows and columns of the grids of patches behind them, one after the other, each row by row.
    """

    crops: int = Field(ge=1)
    grids: tuple[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], ...] = Field(min_length=1)

    @property
    def total(self) -> int:
        """How many crops there are in all."""
        return self.crops + sum(rows * columns for rows, columns in self.grids)


class FeatureSet(FrozenModel):
    """The identity of features.

    Attributes
    ----------
    id
        Its name: two datasets share a feature space if and only if they carry the same.
    extractor
        Network and modality, such as ``I3D ResNet-50, RGB``.
    checkpoint
        The weights: where they come from, or their file's hash.
    dim
        Size of a feature vector.
    crops
        Numbers of crops that the set comes with; empty where any will do.
    stride
        Frames from one feature to the next.
    normalisation
        What was done to the vectors after the network, ``none`` or in words.
    source
        Where it is published.
    parts
        Sizes of the named parts that a vector is made of, in order, such as ``{"visual": 2048, "text": 768}``; empty
        where it is one whole.
    crop_layout
        Which of the crops are patches of the frame; None where all show it whole.
    recipe
        How `wvad data extract` made them, so that other videos can be extracted alike; see
        `SetRecipe` in `benchmark.extraction.settings`. None of features from elsewhere.
    """

    id: Name
    extractor: Title
    checkpoint: Title
    dim: int
    crops: tuple[int, ...] = ()
    stride: int = Field(default=SNIPPET_FRAMES, ge=1, le=MOST_STRIDE)
    normalisation: Title
    source: Heading = ""
    parts: dict[Name, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    crop_layout: CropLayout | None = None
    recipe: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _parts_make_the_whole(self) -> Self:
        if self.parts and sum(self.parts.values()) != self.dim:
            raise ValueError(f"the parts have {sum(self.parts.values())} dimensions together, not {self.dim}")
        return self

    def contradiction(self, other: FeatureSet) -> str:
        """Say what a set of the same id states otherwise; empty if nothing."""
        for field in _DECISIVE:
            ours, theirs = getattr(self, field), getattr(other, field)
            if ours != theirs:
                return f"{field} is {ours!r} and {theirs!r}"
        if self.parts and other.parts and list(self.parts.items()) != list(other.parts.items()):
            return f"its parts are {self.parts!r} and {other.parts!r}"
        if self.crop_layout and other.crop_layout and self.crop_layout.grids != other.crop_layout.grids:
            return f"its patches are {self.crop_layout.grids!r} and {other.crop_layout.grids!r}"
        return ""


@cache
def presets() -> Mapping[str, FeatureSet]:
    """Return the published feature sets that are known, by id."""
    entries = yaml.safe_load(_PRESETS.read_text(encoding="utf-8"))
    return {name: FeatureSet.model_validate({"id": name, **entry}) for name, entry in entries.items()}


def find_feature_set(option: str | None, home: Path, name: str) -> tuple[str, FeatureSet | None]:
    """Return the id of a dataset's features, and the identity behind it as far as it is stated.

    Parameters
    ----------
    option
        Id of a known set, an id of one's own, or a file that states an identity; None if nothing was named.
    home
        Folder in which a `feature_set.json` may state the identity; with an id of one's own it goes by that.
    name
        The dataset's name, its features' id if nothing else is known.

    Raises
    ------
    InputError
        If the id is no name, or a file cannot be read or does not state an identity.
    """
    if option is not None and option.endswith(".json"):
        stated = _read(Path(option))
        return stated.id, stated
    if option is not None and option in presets():
        return option, presets()[option]
    try:
        check_name(name if option is None else option)
    except ValueError as error:
        raise InputError(f"--feature-set: {error}") from None
    if (home / FILE).is_file():
        stated = _read(home / FILE)
        feature_set = stated.id if option is None else option
        return feature_set, stated.model_copy(update={"id": feature_set})
    return (name if option is None else option), None


def find_stride(option: int | None, identity: FeatureSet | None) -> int:
    """Return the frames from one feature to the next: as given, else as the identity states, else 16.

    Raises
    ------
    InputError
        If the two differ.
    """
    stated = None
    if identity is not None and ("stride" in identity.model_fields_set or identity.id in presets()):
        stated = identity.stride
        if option not in (None, stated):
            raise InputError(f"{identity.id}: one feature every {stated} frames, but --stride {option}; correct one")
    return option or stated or SNIPPET_FRAMES


def identity_notes(feature_set: str, identity: FeatureSet | None, named: bool, dim: int, crops: int) -> list[str]:
    """Say what is known of the features' identity, and what does not fit it, one sentence each."""
    if identity is None:
        fitting = [s.id for s in presets().values() if s.dim == dim and (not s.crops or crops in s.crops)]
        notes = [
            f"Extractor, checkpoint and normalisation of feature set {feature_set} are not stated; "
            f"a {FILE} beside the features states them."
            if named
            else "No feature set was named: the features are taken to be shared with no other dataset."
        ]
        if fitting and not named:
            notes.append(f"If they are one of {', '.join(fitting)}, which have that size, say so with --feature-set.")
        return notes
    notes = [
        f"Feature set {identity.id}: {identity.extractor}; {identity.checkpoint}; every {identity.stride} frames; "
        f"normalisation {identity.normalisation}."
    ]
    if identity.dim != dim or (identity.crops and crops not in identity.crops):
        sizes = " or ".join(map(str, identity.crops)) or "any number of"
        notes.append(
            f"WARNING: {identity.id} has {identity.dim} dimensions and {sizes} crops, these features {dim} and {crops}."
        )
    return notes


def check_stated(identity: FeatureSet, dim: int, crops: int) -> None:
    """Refuse a stated identity that the features cannot have.

    Raises
    ------
    InputError
        If a file states another size than they have, or a layout of other crops; a known id on features of another size
        is a warning.
    """
    if identity.crop_layout is not None and identity.crop_layout.total != crops:
        raise InputError(
            f"{identity.id}: its crop_layout has {identity.crop_layout.total} crops with all patches, but the features "
            f"have {crops}; correct the {FILE}"
        )
    if identity.id not in presets() and identity.dim != dim:
        raise InputError(
            f"{identity.id}: stated with {identity.dim} dimensions, but the features have {dim}; correct the {FILE}"
        )


def _read(path: Path) -> FeatureSet:
    try:
        return FeatureSet.model_validate(parse_json(read_bytes(path)))
    except ValidationError as error:
        raise InputError(f"{path}: not a feature set's identity at {first_error(error)}") from None
    except ValueError as error:
        raise InputError(
            f"{path}: not a JSON file ({error}); state id, extractor, checkpoint, dim and normalisation"
        ) from None
