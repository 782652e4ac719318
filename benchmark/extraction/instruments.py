"""All that is measured in one pass over a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmark.extraction.checkpoint import Architecture, TorchNetwork
from benchmark.extraction.detector import Detector
from benchmark.extraction.encoder import Encoder, Network, OnnxNetwork
from benchmark.extraction.extra import load_onnxruntime, load_opencv
from benchmark.extraction.frame_sources import Frame
from benchmark.extraction.motion import MotionMeter
from benchmark.extraction.settings import ExtractionRequest, ExtractionSettings
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, VideoTail


class Instrument(Protocol):
    """Measures snippets; `folder` is where its results lie."""

    folder: str

    def measure(self, frames: Sequence[Frame]) -> NDArray[Any]:
        """Return one row of results, in the type that it is stored in."""


@dataclass(frozen=True)
class Instruments:
    """What measures motion, objects and features; None for what is not wanted."""

    tail: VideoTail
    motion: MotionMeter | None
    objects: Detector | None
    features: Encoder | None

    @classmethod
    def of(cls, request: ExtractionRequest) -> Instruments:
        """Load what a request needs.

        Raises
        ------
        InputError
            If the request is empty, a library is not installed, or a model cannot be used.
        """
        if not (request.motion or request.objects or request.features):
            raise InputError("nothing to extract: choose --motion, --objects or --features")
        return cls(
            request.tail,
            MotionMeter(request.motion) if request.motion else None,
            Detector(request.objects, request.object_frames, request.class_names) if request.objects else None,
            _encoder(request, request.features) if request.features else None,
        )

    def __iter__(self) -> Iterator[Instrument]:
        chosen: tuple[Instrument | None, ...] = (self.motion, self.objects, self.features)
        return (instrument for instrument in chosen if instrument is not None)

    def settings(self) -> ExtractionSettings:
        """Return what is recorded beside the results."""
        features = self.features.settings if self.features else None
        with_torch = features is not None and features.architecture is not None
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
    )
