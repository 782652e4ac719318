"""A video with its scores drawn into it: a bar and the time below, a frame around pictures that are in alarm."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.system.errors import InputError
from reports.figures.prediction import clock
from reports.figures.style import ABNORMAL, NORMAL

CODEC = "mp4v"
_BAND, _EDGE = 28, 6
"""Pixels."""

Picture = NDArray[np.uint8]


def write_clip(
    path: Path, frames: Iterable[tuple[float, float | None, Picture]], fps: float, threshold: float | None
) -> int:
    """Write an annotated copy of a video, without sound; return how many frames it has.

    Parameters
    ----------
    path
        File to write, an .mp4.
    frames
        Second, score and picture of each frame, (height, width, BGR); None for a score behind the last one.
    threshold
        What a score has to reach for an alarm; None where none is known.

    Raises
    ------
    InputError
        If OpenCV is not installed, or cannot write the file.
    """
    try:
        import cv2
    except ImportError:
        raise InputError("an annotated clip needs OpenCV: pip install 'wvad-bench[video]'") from None
    writer, count = None, 0
    try:
        for second, score, frame in frames:
            drawn = _annotated(cv2, frame, second, score, threshold)
            if writer is None:
                size = (drawn.shape[1], drawn.shape[0])
                writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODEC), fps, size)
                if not writer.isOpened():
                    raise InputError(f"{path}: OpenCV cannot write this video; leave --video out")
            writer.write(drawn)
            count += 1
    finally:
        if writer is not None:
            writer.release()
    return count


def _annotated(cv2: Any, frame: Picture, second: float, score: float | None, threshold: float | None) -> Picture:
    height, width = (side - side % 2 for side in frame.shape[:2])  # codecs take even sizes
    drawn = np.zeros((height + _BAND, width, 3), np.uint8)
    drawn[:height] = frame[:height, :width]
    alarm = score is not None and threshold is not None and score >= threshold
    colour = _bgr(ABNORMAL if alarm else NORMAL)
    if alarm:
        cv2.rectangle(drawn, (0, 0), (width - 1, height - 1), colour, _EDGE)
    if score is not None:
        cv2.rectangle(drawn, (0, height), (round(score * (width - 1)), height + 6), colour, -1)
    if threshold is not None:
        mark = round(min(threshold, 1) * (width - 1))
        cv2.line(drawn, (mark, height), (mark, height + 8), (255, 255, 255), 1)
    said = f"{clock(second)}  {'' if score is None else f'{score:.2f}'}{'  ALARM' if alarm else ''}"
    cv2.putText(drawn, said, (4, height + 22), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def _bgr(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in colour)
    return blue, green, red
