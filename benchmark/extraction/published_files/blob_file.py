"""Caffe2's weights as video-nonlocal-net published them: a pickle of Python 2, read without running anything in it.

What such a pickle calls is noted and not done; arrays are then put together from the notes for NumPy's own.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.system.errors import InputError
from benchmark.system.files import read_regular

_ADMITTED = {
    f"{module}.{name}"
    for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    for name in ("_reconstruct", "scalar")
} | {"numpy.ndarray", "numpy.dtype", "_codecs.encode"}
_TYPES = ("f2", "f4", "f8", "i4", "i8")
_NOT_WEIGHTS = "momentum"
"""In the names of what the optimiser kept."""


@dataclass
class _Call:
    """A function that the pickle names, with what it is called with and the state that the result is given."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __call__(self, *arguments: Any) -> _Call:
        return _Call(self.name, arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reader(pickle._Unpickler):
    """The unpickler in Python, whose memory does not grow by a number in the file; texts of Python 2 stay bytes."""

    def find_class(self, module: str, name: str) -> _Call:
        if f"{module}.{name}" not in _ADMITTED:
            raise InputError(f"names {module}.{name}, which no array is saved with")
        return _Call(name)


def read_blobs(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``{'blobs': {name: array}}``, but for what training kept beside the weights.

    Raises
    ------
    InputError
        If the file is missing or damaged, names anything but what arrays are saved with, or holds no blobs.
    """
    try:
        content = _Reader(BytesIO(read_regular(path)), encoding="bytes").load()
    except Exception as error:  # a damaged pickle fails in many ways
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as weights alone ({reason}); copy or save it again") from None
    named = content.items() if isinstance(content, dict) else ()
    blobs = next((value for key, value in named if _text(key) == "blobs"), None)
    if not isinstance(blobs, dict) or not blobs:
        raise InputError(f"{path}: holds no weights of Caffe2, {{'blobs': {{name: array}}}}")
    arrays = {}
    for key, value in blobs.items():
        name = _text(key)
        if _NOT_WEIGHTS in name or not isinstance(value, _Call) or value.name != "_reconstruct":
            continue
        try:
            array = _array(value)
        except (ValueError, TypeError, AttributeError, LookupError):
            raise InputError(f"{path}: {name!a} is no array of numbers; copy it again") from None
        if array.size > 1:  # a learning rate or a count
            arrays[name] = array
    return arrays


def _array(call: _Call) -> NDArray[Any]:
    _, shape, dtype, by_columns, data = call.state
    kind = _text(dtype.arguments[0]).lstrip("<")
    order = _text(dtype.state[1]) if dtype.state else "<"
    if dtype.name != "dtype" or kind not in _TYPES or order not in "<=|":
        raise ValueError("of another type")
    if isinstance(data, _Call):  # Python 3 writes bytes as a text and its encoding
        data = data.arguments[0].encode("latin-1")
    array = np.frombuffer(data, f"<{kind}").copy()
    return array.reshape(shape, order="F" if by_columns else "C")


def _text(value: Any) -> str:
    """Return a text of Python 2 or 3; an empty one for what is none."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""
