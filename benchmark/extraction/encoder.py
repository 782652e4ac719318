"""Features: what an image or clip encoder makes of a snippet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.crops import count_crops, cut_crops, normalise
from benchmark.extraction.decoding import fill_up, frame_places
from benchmark.extraction.frame_sources import Frame
from benchmark.extraction.onnx_model import OnnxModel, as_half
from benchmark.extraction.recipe import EncoderKind
from benchmark.extraction.settings import FeatureSettings
from benchmark.system.entry_points import Plugin
from benchmark.system.errors import InputError
from benchmark.system.hashing import sum_of
from benchmark.terms import SNIPPET_FRAMES, CropRule, Normalisation, VideoTail

FREE_SIZE = 224
"""Side of a crop, in pixels, where neither the encoder nor the user says one."""


class Network(Protocol):
    """An encoder, wherever it comes from.

    Attributes
    ----------
    path
        Its file.
    kind
        What it takes: images (N, 3, height, width) or clips (N, 3, 16, height, width).
    height, width
        Of its input, in pixels; None where they are free.
    on_gpu
        Whether a GPU computes it.
    """

    path: Path
    kind: EncoderKind
    height: int | None
    width: int | None
    on_gpu: bool

    def encode(self, images: NDArray[np.float32]) -> NDArray[Any]:
        """Return the encoder's output for some images or clips."""

    def fingerprint(self) -> str:
        """Return the hash of its weights."""


class OnnxNetwork:
    """An encoder in an ONNX file; the rank of its input says which kind it is.

    Raises
    ------
    InputError
        If the file is no model, or takes neither images nor clips of 16 frames.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._model = OnnxModel(path)
        match self._model.shape:
            case (1 | None as batch, 3 | None, height, width):
                self.kind: EncoderKind = "image"
            case (1 | None as batch, 3 | None, length, height, width) if length in (SNIPPET_FRAMES, None):
                self.kind = "clip"
            case shape:
                raise InputError(
                    f"{path}: takes {shape}; an encoder takes images (N, 3, height, width) "
                    f"or clips (N, 3, {SNIPPET_FRAMES}, height, width), with N free or 1"
                )
        self._single, self.height, self.width = batch == 1, height, width
        self.on_gpu = self._model.on_gpu

    def encode(self, images: NDArray[np.float32]) -> NDArray[Any]:
        """Return the first output for some images or clips, one after another if the model takes only one."""
        if not self._single:
            return self._model.run(images)[0]
        return np.concatenate([self._model.run(image[np.newaxis])[0] for image in images])

    def fingerprint(self) -> str:
        """Return the hash of the file."""
        return sum_of(self.path)


class Encoder:
    """Gives the features of snippets.

    Parameters
    ----------
    network
        What encodes.
    frames
        Frames that an image encoder looks at in a snippet, 1 to 16; see
        `benchmark.extraction.decoding.frame_places`.
    size
        Side of a crop, in pixels, where the network leaves it free; None for 224.
    architecture
        What the network was built by; None for an ONNX file.
    tail
        What stands in for the frames that a shorter snippet lacks.

    Raises
    ------
    InputError
        If the network takes another size, or does not give one vector per image or clip.
    """

    folder = "features"
    span = SNIPPET_FRAMES
    together = 1

    def __init__(
        self,
        network: Network,
        *,
        frames: int,
        normalisation: Normalisation,
        crops: CropRule,
        size: int | None,
        architecture: Plugin | None,
        tail: VideoTail = "drop",
    ) -> None:
        if size and {network.height, network.width} - {size, None}:
            raise InputError(f"{network.path}: takes {network.height}x{network.width} pixels; leave --crop-size out")
        self._network, self._tail = network, tail
        self.with_onnx, self.on_gpu = isinstance(network, OnnxNetwork), network.on_gpu
        self.crops = count_crops(crops)
        self.settings = FeatureSettings(
            model=network.path.name,
            sha256=sum_of(network.path),
            architecture=architecture.name if architecture else None,
            architecture_sha256=architecture.source_hash() if architecture else None,
            kind=network.kind,
            frames=SNIPPET_FRAMES if network.kind == "clip" else frames,
            normalisation=normalisation,
            crops=crops,
            width=network.width or size or FREE_SIZE,
            height=network.height or size or FREE_SIZE,
        )
        blank = np.zeros((self.settings.height, self.settings.width, 3), np.uint8)
        self.measure([self.prepare([blank] * SNIPPET_FRAMES)])  # to find out now, not at the first video

    def prepare(self, frames: Sequence[Frame]) -> NDArray[np.uint8]:
        """Return the crops of a snippet, (frames, crops, height, width, RGB).

        A clip of fewer than 16 frames is filled up with its last one, or, with the tail `loop`, begins again.
        """
        settings = self.settings
        if settings.kind == "clip":
            places = fill_up(range(SNIPPET_FRAMES), len(frames), self._tail)
        elif self._tail == "loop":
            places = fill_up(frame_places(settings.frames, SNIPPET_FRAMES), len(frames), self._tail)
        else:
            places = frame_places(settings.frames, len(frames))
        return np.stack([cut_crops(frames[place], settings.crops, settings.height, settings.width) for place in places])

    def measure(self, prepared: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float16]]:
        """Return the features of the crops of each snippet, (crops, dim)."""
        colours = self.settings.normalisation
        return [
            as_half(encode_crops(self._network, normalise(crops, colours)), self._network.path) for crops in prepared
        ]


def encode_crops(network: Network, crops: NDArray[np.float32]) -> NDArray[Any]:
    """Return the features of a snippet's crops, (crops, dim): of the clip, or the mean over its images.

    Parameters
    ----------
    crops
        (frames, crops, height, width, channels)

    Raises
    ------
    InputError
        If the network does not give one vector per clip or image.
    """
    if network.kind == "clip":
        return _vectors(network, crops.transpose(1, 4, 0, 2, 3))
    count, number, *size = crops.shape
    vectors = _vectors(network, crops.reshape(count * number, *size).transpose(0, 3, 1, 2))
    mean: NDArray[Any] = vectors.reshape(count, number, -1).mean(axis=0, dtype=np.float32)
    return mean


def _vectors(network: Network, images: NDArray[np.float32]) -> NDArray[Any]:
    output = network.encode(np.ascontiguousarray(images))
    if output.ndim < 2 or len(output) != len(images) or set(output.shape[2:]) - {1}:
        raise InputError(
            f"{network.path}: gives {output.shape} for {len(images)} {network.kind}s; "
            "one vector each, (N, dim), is needed: export it with its pooling, without its classifier"
        )
    return output.reshape(len(images), -1)
