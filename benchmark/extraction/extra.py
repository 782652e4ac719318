"""The libraries of the extra `video`, imported when they are first needed."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from benchmark.errors import InputError

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
    return _load("cv2", "OpenCV")


def load_onnxruntime() -> ModuleType:
    """Import ONNX Runtime.

    Raises
    ------
    InputError
        If it is not installed.
    """
    return _load("onnxruntime", "ONNX Runtime")


def missing(what: str) -> InputError:
    """Return the error that says which extra brings a library."""
    return InputError(f"{what} is missing: this needs the extra `video`: pip install 'wvad-bench[video]'")


def _load(module: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise missing(what) from None
