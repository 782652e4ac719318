"""Running an ONNX model that somebody else made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.external_data import check_external_data
from benchmark.extraction.extra import load_onnxruntime
from benchmark.system.errors import InputError

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_NOTHING_BUT_FATAL = 4
_LONGEST = 300


class OnnxModel:
    """A model with one input of numbers, on the GPU where ONNX Runtime can use one, else on one thread of the CPU.

    Libraries of custom operators are never loaded, so that a model can compute but not run code of its own.

    Attributes
    ----------
    shape
        Shape of the input; None for a dimension that is free.
    on_gpu
        Whether a GPU computes it.

    Raises
    ------
    InputError
        If ONNX Runtime is not installed, or the file is missing, damaged, or no such model.
    """

    def __init__(self, path: Path) -> None:
        onnxruntime = load_onnxruntime()
        self.path = path
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        check_external_data(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _NOTHING_BUT_FATAL
        options.add_session_config_entry("session.load_model_format", "ONNX")
        available = onnxruntime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's own, which have no base of their own
            raise InputError(
                f"{path}: cannot be loaded as an ONNX model ({_one_line(error)}); export it again"
            ) from None
        self.on_gpu = self._session.get_providers()[0] == "CUDAExecutionProvider"
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            takes = ", ".join(f"{entry.name} {entry.type}" for entry in inputs)
            raise InputError(f"{path}: takes {takes}; a model with one input of images in floating point is needed")
        self._input, self._dtype = inputs[0].name, _TYPES[inputs[0].type]
        self.shape = tuple(size if isinstance(size, int) else None for size in inputs[0].shape)

    def run(self, images: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Return the outputs for an input of any type of floating point.

        Raises
        ------
        InputError
            If the model cannot take it.
        """
        try:
            outputs: Sequence[NDArray[Any]] = self._session.run(None, {self._input: images.astype(self._dtype)})
        except Exception as error:
            raise InputError(f"{self.path}: cannot take {images.shape} ({_one_line(error)})") from None
        return [np.asarray(output) for output in outputs]


def as_half(values: NDArray[Any], path: Path) -> NDArray[np.float16]:
    """Return what a model gave as float16; see `as_stored`."""
    return as_stored(values, np.dtype(np.float16), path)


def as_stored(values: NDArray[Any], dtype: np.dtype[Any], path: Path) -> NDArray[Any]:
    """Return what a model gave in the type that it is stored in.

    Raises
    ------
    InputError
        If one value is NaN, infinite, or beyond the range of that type.
    """
    with np.errstate(over="ignore"):
        stored = values.astype(dtype)
    if not np.isfinite(stored).all():
        largest = f"{np.finfo(dtype).max:.6g}"
        raise InputError(
            f"{path}: gives NaN, infinite values or values beyond {largest}; is --normalise the right one?"
        )
    return stored


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
