"""Motion intensities from the measured flow: as measured, or scaled by the training videos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.extraction.folder import FLOW, MOTION, ExtractionFolder
from benchmark.extraction.settings import MotionScale
from benchmark.system.errors import InputError
from benchmark.system.files import replacing

PERCENTILE = 99.0


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
