"""The options of the command that extracts, and what they ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import say
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.extraction.recipe import Recipe
    from benchmark.extraction.settings import ExtractionRequest, MotionSettings


@dataclass(frozen=True)
class ExtractionOptions:
    """What `wvad data extract` is called with; each field is an option."""

    videos: Annotated[
        Path, typer.Argument(help="Name a folder of videos or of numbered frames, a video, or a list of paths.")
    ]
    out: Annotated[Path, typer.Option(help="Write the results to this folder.")]
    motion: Annotated[
        Literal[terms.FlowMethod, "none"],
        typer.Option(help="Compute motion by this optical flow: dis (fast), tvl1 (the paper's) or none."),
    ] = "dis"
    flow_size: Annotated[str, typer.Option(help="Compute the flow on frames of this size.")] = "160x120"
    objects: Annotated[
        Path | None, typer.Option(help="Find objects by this detector: YOLOv5, YOLOv8 or FastestDet as ONNX.")
    ] = None
    object_frames: Annotated[
        int, typer.Option(min=1, max=16, help="Show the detector this many frames of each snippet.")
    ] = 4
    class_names: Annotated[
        Path | None,
        typer.Option(help="Read the names of the detector's classes from this file, one a line; by default COCO's 80."),
    ] = None
    features: Annotated[
        Path | None, typer.Option(help="Compute features by this encoder: ONNX, or a checkpoint for --architecture.")
    ] = None
    architecture: Annotated[
        str | None,
        typer.Option(help="Build the checkpoint's network by this function: module:function or file.py:function."),
    ] = None
    extractor: Annotated[
        str | None, typer.Option(help="Follow the whole recipe of this published extractor, such as i3d-r50-rtfm.")
    ] = None
    weights: Annotated[
        Path | None, typer.Option(help="Load the extractor's weights from this file, as they are published.")
    ] = None
    flow: Annotated[terms.FlowMethod | None, typer.Option(help="Show the extractor flow in place of colours.")] = None
    mean_cube: Annotated[Path | None, typer.Option(help="Subtract this mean, as C3D does; a .binaryproto file.")] = None
    settings: tuple[str, ...] = ()
    feature_frames: Annotated[
        int | None,
        typer.Option(min=1, max=16, help="Show an image encoder this many frames of each snippet; by default 4."),
    ] = None
    normalise: Annotated[
        terms.Normalisation | None,
        typer.Option(help="Normalise colours like this for the encoder; by default imagenet."),
    ] = None
    crops: Annotated[terms.CropRule | None, typer.Option(help="Take these crops, in this order; by default one.")] = (
        None
    )
    crop_size: Annotated[
        int | None,
        typer.Option(
            min=16, max=4_096, help="Cut crops of this side in pixels; by default the encoder's own, else 224."
        ),
    ] = None
    tail: Annotated[
        terms.VideoTail | None,
        typer.Option(help="Treat last frames that do not fill a snippet of 16 like this; by default drop them."),
    ] = None
    train: Annotated[
        Path | None, typer.Option(help="Scale motion by the training videos that this file names, one a line.")
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            **options.whole("workers"), help="Extract this many videos side by side; by default one per core."
        ),
    ] = None
    replace: Annotated[bool, typer.Option("--replace", help="Remove the results that are there first.")] = False
    picture: Annotated[bool, typer.Option("--picture", help="Draw motion and objects of each video as PNG.")] = False

    def request(self) -> ExtractionRequest:
        """Return what is to be extracted; say what stands in for a missing mean cube.

        Raises
        ------
        InputError
            If options contradict each other, or a part of a recipe is none.
        """
        from benchmark.extraction.settings import ExtractionRequest
        from benchmark.system.text_files import read_lines

        self._check_features()
        request = ExtractionRequest(
            motion=self._motion(),
            objects=self.objects,
            object_frames=self.object_frames,
            class_names=tuple(line for _, line in read_lines(self.class_names)) if self.class_names else (),
            features=self.weights if self.extractor else self.features,
            architecture=self.architecture,
            feature_frames=self.feature_frames or 4,
            normalisation=self.normalise or "imagenet",
            crops=self.crops or "one",
            crop_size=self.crop_size,
            tail=self.tail or "drop",
            recipe=self._recipe(self.extractor) if self.extractor else None,
            mean_cube=self.mean_cube,
        )
        if self.picture and request.motion is None and request.objects is None:
            raise InputError("--picture shows motion and objects; ask for one of them, or leave it out")
        return request

    def _check_features(self) -> None:
        """Refuse options of a named extractor without one, and those of an encoder beside it."""
        encoder = {"--features": self.features, "--architecture": self.architecture}
        named = {"--weights": self.weights, "--flow": self.flow, "--mean-cube": self.mean_cube, "--set": self.settings}
        given = next((name for name, value in (encoder if self.extractor else named).items() if value), None)
        if given and self.extractor:
            raise InputError(f"--extractor {self.extractor}: has its own network; give --weights in place of {given}")
        if given:
            raise InputError(f"{given}: belongs to a named extractor; name it with --extractor, or leave it out")

    def _recipe(self, name: str) -> Recipe:
        """Return the recipe of a named extractor with the changes asked for."""
        from benchmark.extraction.extractors.libraries import find_extractor
        from benchmark.extraction.recipe import MEAN_CUBE, parse_changes

        published = find_extractor(name, self.flow, self.weights)
        parts = {
            "frames": self.feature_frames,
            "normalise": self.normalise,
            "crops": self.crops,
            "tail": self.tail,
            "width": self.crop_size,
            "height": self.crop_size,
        }
        changes = {part: value for part, value in parts.items() if value is not None} | parse_changes(self.settings)
        if published.normalise == MEAN_CUBE and self.mean_cube is None and "normalise" not in changes:
            say("Without --mean-cube, the mean colours stand in for the mean of each pixel (normalise=c3d).")
            changes["normalise"] = "c3d"
        return published.changed(changes)

    def _motion(self) -> MotionSettings | None:
        from benchmark.extraction.settings import MotionSettings

        size = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", self.flow_size)
        if size is None:
            raise InputError(f"--flow-size {self.flow_size}: write width and height in pixels, such as 160x120")
        if self.motion == "none":
            return None
        return MotionSettings(method=self.motion, width=int(size[1]), height=int(size[2]))


SEVERAL: Mapping[str, Any] = {
    "settings": Annotated[
        list[str],
        typer.Option("--set", help="Set a part of the extractor's recipe, as PART=VALUE; repeat it for more parts."),
    ]
}
"""A field that may be given several times -> how it is written on the command line."""
