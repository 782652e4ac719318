"""All that is measured in one pass over a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmark.extraction.checkpoint import Architecture, TorchNetwork
from benchmark.extraction.decoding import SnippetReader
from benchmark.extraction.detector import Detector
from benchmark.extraction.encoder import Encoder, Network, OnnxNetwork
from benchmark.extraction.extra import load_onnxruntime, load_opencv
from benchmark.extraction.extractors.extractor import Extractor
from benchmark.extraction.extractors.libraries import library_of
from benchmark.extraction.extractors.published import LibraryNetwork, PublishedNetwork
from benchmark.extraction.frame_sources import Frame
from benchmark.extraction.motion import MotionMeter
from benchmark.extraction.recipe import Recipe
from benchmark.extraction.settings import ExtractionRequest, ExtractionSettings
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, VideoTail


class Instrument(Protocol):
    """Measures snippets.

    Attributes
    ----------
    folder
        Where its results lie.
    span
        Frames of a snippet that it sees: 16, or 17 with the one that follows.
    together
        How many snippets are best measured at once.
    """

    folder: str
    span: int
    together: int

    def prepare(self, frames: Sequence[Frame]) -> NDArray[Any]:
        """Return what is looked at of a snippet; called by another thread than `measure`."""

    def measure(self, prepared: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        """Return a row of results for each snippet, in the type that it is stored in."""


@dataclass(frozen=True)
class Instruments:
    """What measures motion, objects and features; None for what is not wanted.

    Attributes
    ----------
    fewest_frames, frame_rate
        What the recipe of a named extractor says.
    """

    tail: VideoTail
    motion: MotionMeter | None
    objects: Detector | None
    features: Encoder | Extractor | None
    fewest_frames: int = 1
    frame_rate: float | None = None

    @classmethod
    def of(cls, request: ExtractionRequest) -> Instruments:
        """Load what a request needs.

        Raises
        ------
        InputError
            If the request is empty, a library is not installed, or a model cannot be used.
        """
        recipe = request.recipe
        if not (request.motion or request.objects or request.features or recipe):
            raise InputError("nothing to extract: choose --motion, --objects or --features")
        return cls(
            recipe.tail if recipe else request.tail,
            MotionMeter(request.motion) if request.motion else None,
            Detector(request.objects, request.object_frames, request.class_names) if request.objects else None,
            _features(request),
            recipe.fewest_frames if recipe else 1,
            recipe.frame_rate if recipe else None,
        )

    def __iter__(self) -> Iterator[Instrument]:
        chosen: tuple[Instrument | None, ...] = (self.motion, self.objects, self.features)
        return (instrument for instrument in chosen if instrument is not None)

    @property
    def together(self) -> int:
        """How many snippets are measured at once."""
        return max(instrument.together for instrument in self)

    def prepare(self, frames: Sequence[Frame]) -> list[NDArray[Any]]:
        """Return what each instrument looks at of a snippet."""
        return [instrument.prepare(frames[: instrument.span]) for instrument in self]

    def measure(self, prepared: Sequence[Sequence[NDArray[Any]]]) -> list[Sequence[NDArray[Any]]]:
        """Return the rows of each instrument for some snippets as they were prepared."""
        return [instrument.measure(seen) for instrument, seen in zip(self, zip(*prepared, strict=True), strict=True)]

    def open(self, path: Path) -> SnippetReader:
        """Open a video to read the snippets of.

        Raises
        ------
        InputError
            If it cannot be opened.
        """
        span = max(instrument.span for instrument in self)
        return SnippetReader(path, self.tail, span=span, fewest=self.fewest_frames, rate=self.frame_rate)

    def settings(self) -> ExtractionSettings:
        """Return what is recorded beside the results."""
        features = self.features.settings if self.features else None
        with_torch = self.features is not None and not self.features.with_onnx
        with_onnx = self.objects is not None or (features is not None and not with_torch)
        return ExtractionSettings(
            snippet_frames=SNIPPET_FRAMES,
            tail=self.tail,
            motion=self.motion.settings if self.motion else None,
            objects=self.objects.settings if self.objects else None,
            features=features,
            opencv=load_opencv().__version__,
            onnxruntime=load_onnxruntime().__version__ if with_onnx else None,
            torch=version("torch") if with_torch else None,
        )


def _features(request: ExtractionRequest) -> Encoder | Extractor | None:
    if request.recipe is None:
        return None if request.features is None else _encoder(request, request.features)
    return Extractor(request.recipe, *_network(request.recipe, request.features), request.mean_cube)


def _network(recipe: Recipe, weights: Path | None) -> tuple[Network, str | None]:
    """Return the network of a recipe, and which library it is from; None for ours."""
    found = library_of(recipe.network)
    if weights is None and found is None:
        raise InputError(f"--extractor {recipe.extractor}: name the file of its weights with --weights")
    if weights is not None and weights.suffix.lower() == ".onnx":
        return OnnxNetwork(weights), None
    if found is not None:
        library, name = found
        return LibraryNetwork(weights, recipe, library, name), library.version
    assert weights is not None
    return PublishedNetwork(weights, recipe), None


def _encoder(request: ExtractionRequest, path: Path) -> Encoder:
    if (path.suffix.lower() == ".onnx") == (request.architecture is not None):
        raise InputError(
            f"{path}: features come from an .onnx file, or from a checkpoint and --architecture package.module:function"
        )
    architecture = Architecture.find(request.architecture) if request.architecture else None
    network: Network = (
        TorchNetwork(path, architecture, request.crop_size) if architecture is not None else OnnxNetwork(path)
    )
    return Encoder(
        network,
        frames=request.feature_frames,
        normalisation=request.normalisation,
        crops=request.crops,
        size=request.crop_size,
        architecture=architecture,
        tail=request.tail,
    )
