"""NumPy arrays inside a pickle: the calls that would build them, and where their values lie."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeGuard

import numpy as np

from benchmark.datasets.arrays import check_numbers
from benchmark.datasets.formats.pickle_stream import Call, Span
from benchmark.datasets.formats.types import StoredArray, c_strides, fortran_strides
from benchmark.errors import InputError

_OBJECTS = "O"


def numpy_array(value: object, path: Path) -> StoredArray | list[object] | None:
    """Return the array that a call of a pickle would have built; None if it is no such call.

    Returns
    -------
    An array of numbers whose values lie in the file, or the elements of an object array.

    Raises
    ------
    InputError
        If the array's description is damaged, or does not fit the bytes that are there.
    """
    if not isinstance(value, Call):
        return None
    if value.name.endswith("._reconstruct") and isinstance(value.state, tuple) and len(value.state) == 5:
        _, shape, dtype, fortran, content = value.state
        order = "F" if fortran is True else "C"
    elif value.name.endswith("._frombuffer") and len(value.arguments) == 4:
        content, dtype, shape, order = value.arguments  # type: ignore[assignment]
    else:
        return None
    if not is_shape(shape):
        raise _damaged(path)
    code = _code(dtype, path)
    if code == _OBJECTS:
        if not isinstance(content, list) or len(content) != math.prod(shape):
            raise _damaged(path)
        return content
    kind = np.dtype(code)
    check_numbers(kind, path)
    if not isinstance(content, Span) or content.length != math.prod(shape) * kind.itemsize:
        raise _damaged(path)
    strides = (fortran_strides if order == "F" else c_strides)(shape, kind.itemsize)
    return StoredArray(path, path.stem, shape, kind, content.offset, strides)


def is_shape(value: object) -> TypeGuard[tuple[int, ...]]:
    """Return whether a value is a tuple of sizes."""
    return isinstance(value, tuple) and all(isinstance(n, int) and n >= 0 for n in value)


def _code(dtype: object, path: Path) -> str:
    """Return the type's code, such as ``<f4``."""
    if not isinstance(dtype, Call) or dtype.name != "numpy.dtype" or not dtype.arguments:
        raise _damaged(path)
    code = dtype.arguments[0]
    if code == "O8" or code == "O":
        return _OBJECTS
    state = dtype.state
    byte_order = state[1] if isinstance(state, tuple) and len(state) > 1 else "|"
    if not isinstance(code, str) or byte_order not in ("<", ">", "|", "="):
        raise _damaged(path)
    if len(code) != 2 or code[0] not in "fiub" or not code[1].isdecimal():
        raise InputError(f"{path}: holds values of type {code[:20]!r}; save it again as an array of numbers")
    try:
        return np.dtype(f"{byte_order}{code}").str
    except TypeError:
        raise _damaged(path) from None


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: not a readable pickle of arrays; save it again as an array of numbers")
