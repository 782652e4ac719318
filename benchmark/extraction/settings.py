"""What an extraction is run with: as asked for, and as it is recorded beside its results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from benchmark.extraction.recipe import EncoderKind, ExtractorSettings, Recipe
from benchmark.system.frozen import FrozenModel
from benchmark.terms import CropRule, FlowMethod, Normalisation, VideoTail

Family = Literal["yolov5", "yolov8", "fastestdet"]

# Words that meant something else in records of version 1, and what they meant: `i3d` was the Inception network's, and
# `ten` mirrored each crop in its place.
_VERSION_1: Mapping[str, Mapping[str, str]] = {
    "normalisation": {"i3d": "i3d-inception"},
    "crops": {"ten": "ten-in-place"},
}
# What stands for today's words in the identity of features, so that what is extracted as before keeps its identity,
# and no word of before stands for other numbers.
_IN_IDENTITY: Mapping[str, Mapping[str, str]] = {
    "normalisation": {"i3d-inception": "i3d", "i3d": "i3d-resnet"},
    "crops": {"ten-in-place": "ten", "ten": "tencrop"},
}


@dataclass(frozen=True)
class ExtractionRequest:
    """What to extract; None for what is not wanted.

    Attributes
    ----------
    motion
        Method of optical flow, and the size of the frames that it sees.
    objects
        A detector, an ONNX file.
    object_frames
        Frames that it looks at in a snippet, 1 to 16.
    class_names
        Names of its classes; empty for COCO's 80 without names.
    features
        An encoder: an ONNX file, or the checkpoint of an `architecture` or of a `recipe`.
    recipe
        Of a named extractor, in place of `feature_frames`, `normalisation`, `crops` and `crop_size`.
    mean_cube
        File of the mean cube that a recipe subtracts.
    architecture
        ``package.module:function`` or ``path/to/file.py:function`` that gives the checkpoint's network.
    feature_frames
        Frames that an image encoder looks at in a snippet, 1 to 16.
    crop_size
        Side of a crop in pixels; None for the encoder's own, else 224.
    """

    motion: MotionSettings | None = None
    objects: Path | None = None
    object_frames: int = 4
    class_names: tuple[str, ...] = ()
    features: Path | None = None
    architecture: str | None = None
    feature_frames: int = 4
    normalisation: Normalisation = "imagenet"
    crops: CropRule = "one"
    crop_size: int | None = None
    tail: VideoTail = "drop"
    recipe: Recipe | None = None
    mean_cube: Path | None = None


class MotionSettings(FrozenModel):
    """How motion was measured; the size is that of the frames that the flow was computed on, in pixels."""

    method: FlowMethod
    width: int
    height: int


class ObjectSettings(FrozenModel):
    """How objects were detected.

    Attributes
    ----------
    model, sha256
        File name and hash of the detector.
    width, height
        Of its input, in pixels.
    frames
        Frames looked at in a snippet.
    classes
        Number of classes, the columns of the scores.
    names
        Names of the classes, in their order; none if they were not given.
    """

    model: str
    sha256: str
    family: Family
    width: int
    height: int
    frames: int
    classes: int
    names: tuple[str, ...]


class FeatureSettings(FrozenModel):
    """How features were computed.

    Attributes
    ----------
    model, sha256
        File name and hash of the encoder or checkpoint.
    architecture
        What the checkpoint was loaded into; None for an ONNX file.
    architecture_sha256
        Hash of the architecture's file; None if it is part of an installed package.
    kind
        ``image`` encodes single frames, whose features are averaged; ``clip`` all frames of a snippet together.
    frames
        Frames looked at in a snippet.
    width, height
        Of a crop, in pixels.
    """

    model: str
    sha256: str
    architecture: str | None
    architecture_sha256: str | None
    kind: EncoderKind
    frames: int
    normalisation: Normalisation
    crops: CropRule
    width: int
    height: int

    @property
    def label(self) -> str:
        """What a set of such features is called, ahead of the hash of its identity."""
        return Path(self.model).stem

    @property
    def checkpoint(self) -> str:
        """Which weights."""
        return f"SHA-256 {self.sha256}"

    def describe(self) -> str:
        """Say in a line how the features were computed."""
        network = self.model if self.architecture is None else f"{self.architecture} ({self.model})"
        seen = "clips of 16 frames" if self.kind == "clip" else f"the mean of {self.frames} frames"
        colours = f"colours {self.normalisation}"
        return f"{network} on {seen}, {self.width} x {self.height} pixels, {self.crops}-crop, {colours}"

    def identity(self) -> str:
        """Return what decides the features besides the videos, as the text that their identity is the hash of."""
        return json.dumps(_translate(self.model_dump(), _IN_IDENTITY), separators=(",", ":"), ensure_ascii=False)


class SetRecipe(FrozenModel):
    """How `wvad data extract` made the features of a set.

    Attributes
    ----------
    tail
        What became of the last frames where they did not fill a snippet.
    """

    features: FeatureSettings | ExtractorSettings
    tail: VideoTail


class ExtractionSettings(FrozenModel):
    """What results depend on besides the videos: results of other settings are never mixed with them.

    Attributes
    ----------
    snippet_frames
        Frames of a snippet.
    opencv, onnxruntime, torch
        Versions; None of what is not used.
    """

    snippet_frames: int
    tail: VideoTail
    motion: MotionSettings | None
    objects: ObjectSettings | None
    features: FeatureSettings | ExtractorSettings | None
    opencv: str
    onnxruntime: str | None
    torch: str | None


class MotionScale(FrozenModel):
    """How motion was scaled: divided by a percentile of the training videos' snippets, and clipped to [0, 1].

    Attributes
    ----------
    pixels_per_frame
        That percentile.
    training_videos
        Number of training videos that it was taken over.
    """

    percentile: float
    pixels_per_frame: float
    training_videos: int


class ExtractionRecord(FrozenModel):
    """The content of ``extraction.json``.

    Attributes
    ----------
    motion_scale
        None where motion is in pixels per frame, as measured.
    """

    version: Literal[2] = 2
    settings: ExtractionSettings
    motion_scale: MotionScale | None = None

    @model_validator(mode="before")
    @classmethod
    def _understand_version_1(cls, record: Any) -> Any:
        if not isinstance(record, dict) or record.get("version", 1) != 1 or "settings" not in record:
            return record
        settings = record["settings"]
        if isinstance(settings, dict) and isinstance(features := settings.get("features"), dict):
            settings = {**settings, "features": _translate(features, _VERSION_1)}
        return {**record, "version": 2, "settings": settings}


def _translate(features: Mapping[str, Any], words: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return settings of features with some words said otherwise."""
    return {
        field: words[field].get(value, value) if field in words and isinstance(value, str) else value
        for field, value in features.items()
    }
