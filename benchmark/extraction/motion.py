"""Motion intensity: the mean length of the optical flow, as measured or scaled by the training videos."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.extraction.extra import load_opencv, missing
from benchmark.extraction.folder import FLOW, MOTION, ExtractionFolder
from benchmark.extraction.frame_sources import Frame
from benchmark.extraction.settings import MotionScale, MotionSettings
from benchmark.system.errors import InputError
from benchmark.system.files import replacing
from benchmark.terms import SNIPPET_FRAMES, FlowMethod

SMALLEST = 16
"""Pixels of a side below which DIS flow is not defined."""
LARGEST = 4_096
"""Pixels of a side of the largest films; a flow has eight bytes for each pixel, and its pyramid more."""
PERCENTILE = 99.0
"""Of the training videos' snippets: what motion is scaled by."""


class MotionMeter:
    """Measures the motion intensity of snippets.

    Flow is computed between consecutive frames inside a snippet, on frames that are resized (area-averaged) and then
    turned grey: DIS with its preset MEDIUM (Kroeger et al., ECCV 2016), or TV-L1 (Zach et al., DAGM 2007) with
    OpenCV's default parameters.

    Raises
    ------
    InputError
        If OpenCV, or the part of it that has TV-L1, is not installed, or the size is too small.
    """

    folder = FLOW
    span = SNIPPET_FRAMES
    together = 1

    def __init__(self, settings: MotionSettings) -> None:
        self._cv2 = load_opencv()
        self.settings = settings
        if min(settings.width, settings.height) < SMALLEST:
            raise InputError(f"--flow-size: {settings.width}x{settings.height} is below {SMALLEST}x{SMALLEST} pixels")
        if max(settings.width, settings.height) > LARGEST:
            raise InputError(f"--flow-size: {settings.width}x{settings.height} is above {LARGEST}x{LARGEST} pixels")
        self._flow = flow_method(settings.method)

    def prepare(self, frames: Sequence[Frame]) -> NDArray[np.uint8]:
        """Return the frames of a snippet as the flow is computed on them, (frames, height, width)."""
        return np.stack([self._shrink(frame) for frame in frames])

    def measure(self, prepared: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """Return the mean flow length over pixels and pairs of frames, in pixels of the small frames per frame, ().

        A single frame has no pair and counts as still.
        """
        return [self._mean_length(small) for small in prepared]

    def _mean_length(self, small: NDArray[np.uint8]) -> NDArray[np.float32]:
        lengths = [
            np.linalg.norm(self._flow.calc(before, after, None), axis=2).mean() for before, after in pairwise(small)
        ]
        return np.asarray(np.mean(lengths) if lengths else 0.0, np.float32)

    def _shrink(self, frame: Frame) -> NDArray[np.uint8]:
        cv2, size = self._cv2, (self.settings.width, self.settings.height)
        grey: NDArray[np.uint8] = cv2.cvtColor(
            cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
        )
        return grey


def flow_method(method: FlowMethod) -> Any:
    """Return what computes the optical flow of two grey frames, by its `calc`.

    Raises
    ------
    InputError
        If OpenCV, or the part of it that has TV-L1, is not installed.
    """
    cv2 = load_opencv()
    if method == "dis":
        return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if not hasattr(cv2, "optflow"):
        raise InputError(missing("TV-L1 (OpenCV with its contributed modules)"))
    return cv2.optflow.DualTVL1OpticalFlow_create()


def write_motion(folder: ExtractionFolder, training: Sequence[str] | None) -> MotionScale | None:
    """Write the motion intensities of all finished videos, each of shape (snippets,).

    They are written anew whenever an extraction ends, from measured values that stay as they are: what a killed call
    left is written over.

    Parameters
    ----------
    training
        Names of the training videos: flow is divided by the 99th percentile of their snippets and clipped to [0, 1].
        None: flow in pixels per frame.

    Returns
    -------
    scale
        What flow was divided by; None where it was not.

    Raises
    ------
    InputError
        If none of the training videos is finished, or nothing moves in any of them.
    """
    scale = None if training is None else _scale(folder, [name for name in training if name in folder.frames])
    for name in folder.frames:
        motion = _flow(folder, name)
        if scale is not None:
            motion = np.clip(motion / np.float32(scale.pixels_per_frame), 0, 1)
        with replacing(folder.file(MOTION, name)) as file:
            np.save(file, motion)
    return scale


def fastest(folder: ExtractionFolder) -> float:
    """Return the largest flow of all snippets, in pixels per frame; 0 without any."""
    return max((float(_flow(folder, name).max()) for name in folder.frames), default=0.0)


def _scale(folder: ExtractionFolder, training: Sequence[str]) -> MotionScale:
    if not training:
        raise InputError("--train: none of the training videos could be extracted, so motion cannot be scaled by them")
    flow = np.concatenate([_flow(folder, name) for name in training])
    pixels = float(np.percentile(flow, PERCENTILE))
    if pixels == 0:
        raise InputError("--train: nothing moves in the training videos, so motion cannot be scaled by them")
    return MotionScale(percentile=PERCENTILE, pixels_per_frame=pixels, training_videos=len(training))


def _flow(folder: ExtractionFolder, name: str) -> NDArray[np.float32]:
    return np.array(read_npy(folder.file(FLOW, name)), np.float32)
