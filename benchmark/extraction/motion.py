"""Motion intensity: the mean length of the optical flow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.decoding import Frame
from benchmark.extraction.extra import load_opencv, missing
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel
from benchmark.terms import FlowMethod

FLOW_METHODS: tuple[FlowMethod, ...] = get_args(FlowMethod)
SMALLEST = 16
"""Pixels of a side below which DIS flow is not defined."""


class MotionSettings(FrozenModel):
    """How motion was measured; the size is that of the frames that the flow was computed on, in pixels."""

    method: FlowMethod
    width: int
    height: int


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

    folder = "flow"

    def __init__(self, settings: MotionSettings) -> None:
        self._cv2 = cv2 = load_opencv()
        self.settings = settings
        if min(settings.width, settings.height) < SMALLEST:
            raise InputError(f"--flow-size: {settings.width}x{settings.height} is below {SMALLEST}x{SMALLEST} pixels")
        if settings.method == "dis":
            self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        elif hasattr(cv2, "optflow"):
            self._flow = cv2.optflow.DualTVL1OpticalFlow_create()
        else:
            raise InputError(missing("TV-L1 (OpenCV with its contributed modules)"))

    def measure(self, frames: Sequence[Frame]) -> NDArray[np.float32]:
        """Return the mean flow length over pixels and pairs of frames, in pixels of the small frames per frame, ().

        A single frame has no pair and counts as still.
        """
        small = [self._shrink(frame) for frame in frames]
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
