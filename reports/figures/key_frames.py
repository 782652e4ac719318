"""Key frames of a video, where its file is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.system.errors import InputError

SUFFIXES = {".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg"}
FRAMES = 5
HEIGHT, GAP = 120, 6
"""Pixels."""

Image = NDArray[np.uint8]


def find_videos(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """Find the files of videos below a folder, by their names without ending; those that are not there are left out.

    Raises
    ------
    InputError
        If the folder is none, or has no file of any of them.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder of videos; name one with --videos-from")
    files = {path.stem: path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES}
    found = {name: files[name] for name in names if name in files}
    if not found:
        raise InputError(f"{folder}: holds no file of any video shown; they would be called like {names[0]}.mp4")
    return found


def read_strips(videos: Mapping[str, Path], frames: Mapping[str, int]) -> dict[str, Image]:
    """Read a strip of evenly spaced frames of each video, (height, width, RGB).

    Parameters
    ----------
    frames
        Number of frames of each video.

    Raises
    ------
    InputError
        If OpenCV is not installed, or a video cannot be read.
    """
    try:
        import cv2
    except ImportError:
        raise InputError(
            "key frames need OpenCV: pip install 'wvad-bench[video]', or leave --videos-from out"
        ) from None
    strips = {}
    for name, path in videos.items():
        capture = cv2.VideoCapture(str(path))
        images: list[Image] = []
        for place in range(FRAMES):
            capture.set(cv2.CAP_PROP_POS_FRAMES, int((place + 0.5) / FRAMES * frames[name]))
            read, image = capture.read()
            if not read:
                raise InputError(f"{path}: cannot be read as a video of {frames[name]} frames; is it the right one?")
            width = max(1, round(image.shape[1] * HEIGHT / image.shape[0]))
            small = cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA)[:, :, ::-1]
            images += [np.full((HEIGHT, GAP, 3), 255, dtype=np.uint8)] if images else []
            images.append(np.asarray(small, dtype=np.uint8))
        capture.release()
        strips[name] = np.concatenate(images, axis=1)
    return strips
