"""Features by a named extractor: its recipe carried out, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.crops import count_crops, normalise, take_crops
from benchmark.extraction.decoding import fill_up, frame_places
from benchmark.extraction.encoder import Network, OnnxNetwork, encode_crops
from benchmark.extraction.extra import load_opencv
from benchmark.extraction.extractors.resizing import resize
from benchmark.extraction.frame_sources import Frame
from benchmark.extraction.motion import flow_method
from benchmark.extraction.onnx_model import as_stored
from benchmark.extraction.published_files.mean_cube import read_mean_cube
from benchmark.extraction.recipe import MEAN_CUBE, ExtractorSettings, Recipe
from benchmark.system.errors import InputError
from benchmark.system.hashing import sum_of
from benchmark.terms import SNIPPET_FRAMES

FLOW_BOUND = 20
"""Pixels per frame that flow is clipped to on both sides before it becomes levels of 0 to 255."""


_GPU_CROPS = 32
"""Crops that a GPU is given at once. A CPU is slower with several than with one after another."""


class Extractor:
    """Gives the features of snippets as its recipe says.

    On a CPU each crop is encoded by itself, so that its features depend on no other; on a GPU, crops of several
    snippets of a video are encoded together.

    Parameters
    ----------
    network
        What encodes, with its weights.
    library
        What the network is from, with its version; None for ours.
    mean_cube
        File of the mean that a recipe with `mean-cube` subtracts.

    Raises
    ------
    InputError
        If the mean cube is missing or damaged, or the network cannot be what the recipe names.
    """

    folder = "features"

    def __init__(self, recipe: Recipe, network: Network, library: str | None, mean_cube: Path | None) -> None:
        if (recipe.normalise == MEAN_CUBE) != (mean_cube is not None):
            raise InputError(
                f"{recipe.extractor}: --mean-cube FILE goes with the normalisation mean-cube, and not without it"
            )
        if network.kind != recipe.kind:
            raise InputError(f"{network.path}: takes {network.kind}s, but {recipe.extractor} encodes {recipe.kind}s")
        self._network, self._recipe = network, recipe
        self.with_onnx, self.on_gpu = isinstance(network, OnnxNetwork), network.on_gpu
        self.crops = count_crops(recipe.crops)
        self._at_once = _GPU_CROPS if self.on_gpu else 1
        self.together = max(1, self._at_once // self.crops)
        self._mean_cube = read_mean_cube(mean_cube) if mean_cube else None
        self._flow = flow_method(recipe.flow) if recipe.flow else None
        self.span = SNIPPET_FRAMES + 1 if recipe.flow else SNIPPET_FRAMES
        self.settings = ExtractorSettings(
            recipe=recipe,
            model=network.path.name if network.path.is_file() else None,
            sha256=network.fingerprint(),
            mean_cube_sha256=sum_of(mean_cube) if mean_cube else None,
            library=library,
        )
        channels = 2 if recipe.flow else 3
        places = SNIPPET_FRAMES if recipe.kind == "clip" else 1
        blank = np.zeros((places, 1, recipe.height, recipe.width, channels), np.float32)
        try:
            encode_crops(network, blank)  # to find out now, not at the first video
        except (RuntimeError, ValueError) as error:  # PyTorch's, of shapes
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{recipe.extractor}: its network cannot take {recipe.width}x{recipe.height} pixels ({reason})"
            ) from None

    def prepare(self, frames: Sequence[Frame]) -> NDArray[Any]:
        """Return the crops of a snippet, (frames, crops, height, width, RGB or directions of the flow).

        A snippet of fewer than 16 frames begins again (tail `loop`), or is filled up with its last frame.

        Raises
        ------
        InputError
            If the crops do not fit into the frames.
        """
        recipe = self._recipe
        views = [self._view(frames, place) for place in self._places(len(frames))]
        return np.stack([take_crops(view, recipe.crops, recipe.height, recipe.width, recipe.centre) for view in views])

    def measure(self, prepared: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the features of the crops of each snippet, (crops, dim).

        Raises
        ------
        InputError
            If the network gives no finite numbers.
        """
        crops = [snippet[:, place : place + 1] for snippet in prepared for place in range(snippet.shape[1])]
        vectors = [
            encode_crops(self._network, self._normalised(np.concatenate(crops[start : start + self._at_once], 1)))
            for start in range(0, len(crops), self._at_once)
        ]
        rows = as_stored(np.concatenate(vectors), np.dtype(self._recipe.precision), self._network.path)
        return list(rows.reshape(len(prepared), -1, rows.shape[-1]))

    def _places(self, length: int) -> list[int]:
        """Return which frames are seen; a shorter snippet is filled up."""
        frames = self._recipe.frames
        if isinstance(frames, int):
            places = frame_places(frames, SNIPPET_FRAMES)
        else:
            places = [0 if frames == "first" else SNIPPET_FRAMES // 2]
        return fill_up(places, length, self._recipe.tail)

    def _view(self, frames: Sequence[Frame], place: int) -> NDArray[Any]:
        """Return a frame as it is cropped: (height, width, RGB), or its flow, (height, width, 2)."""
        recipe = self._recipe
        frame = resize(frames[place], recipe.resize, recipe.filter)
        if self._flow is not None:
            return self._flow_levels(frame, resize(frames[place + 1], recipe.resize, recipe.filter))
        view: NDArray[Any] = frame[:, :, ::-1]
        if self._mean_cube is None:
            return view
        mean = self._mean_cube[place, :, :, ::-1]
        if mean.shape != view.shape:
            raise InputError(
                f"{recipe.extractor}: frames of {view.shape[1]}x{view.shape[0]} pixels do not fit the mean cube of "
                f"{mean.shape[1]}x{mean.shape[0]}; leave resize as it is, or choose --set normalise=c3d"
            )
        return view.astype(np.float32) - mean

    def _flow_levels(self, before: Frame, after: Frame) -> NDArray[np.uint8]:
        """Return the flow as the levels that it is kept in as pictures: -20 is 0, 20 is 255; (height, width, 2)."""
        cv2 = load_opencv()
        grey = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_BGR2GRAY) for frame in (before, after)]
        flow = np.clip(self._flow.calc(*grey, None), -FLOW_BOUND, FLOW_BOUND)  # type: ignore[union-attr]
        levels: NDArray[np.uint8] = np.rint((flow + FLOW_BOUND) * (255 / (2 * FLOW_BOUND))).astype(np.uint8)
        return levels

    def _normalised(self, crops: NDArray[Any]) -> NDArray[np.float32]:
        given = self._recipe.normalise
        normal = crops if given == "mean-cube" else normalise(crops, given)
        return normal[..., ::-1] if self._recipe.channels == "bgr" else normal
