"""The libraries of the extra `video`, imported when they are first needed."""

from __future__ import annotations

import os
from types import ModuleType

from benchmark.system.libraries import load_extra

_QUIET = {
    # Trouble with a video is one line of ours, not several of the decoder's.
    "OPENCV_LOG_LEVEL": "OFF",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    # A playlist that calls itself a video must not reach the network.
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "protocol_whitelist;file",
}


def load_opencv() -> ModuleType:
    """Import OpenCV, with its decoder silent and confined to files.

    Raises
    ------
    InputError
        If it is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    return load_extra("cv2", missing("OpenCV"))


def load_onnxruntime() -> ModuleType:
    """Import ONNX Runtime.

    Raises
    ------
    InputError
        If it is not installed.
    """
    return load_extra("onnxruntime", missing("ONNX Runtime"))


def missing(what: str) -> str:
    """Say which extra brings a library."""
    return f"{what} is missing: this needs the extra `video`: pip install 'wvad-bench[video]'"
