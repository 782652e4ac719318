"""What the calls in a pickle say about arrays: where the values of NumPy arrays and torch tensors lie in the file.

Every size is checked against the bytes that are there; NumPy and torch are given nothing that a file claims.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from benchmark.importing.feature_files.formats.array_file import StoredArray, c_strides, fortran_strides
from benchmark.importing.feature_files.formats.unpickler import Call, Pairs, Span, read_pickle

_Axes = tuple[object, ...]
_MAGIC = 0x1950A86A20F9469CFC6C
_NUMBERS = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",  # the only one of unsigned numbers of two bytes
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
_MOST_AXES = 32


class ObjectArray(NamedTuple):
    """An array of Python objects, in the order of its last axis."""

    shape: tuple[int, ...]
    items: list[object]


class PickledFile(NamedTuple):
    """A file that pickles lie in, and where the values of tensors lie that they refer to, by key."""

    path: Path
    file: BinaryIO
    storages: Mapping[str, Span]


def describe(value: object, source: PickledFile) -> object:
    """Return the `StoredArray` or `ObjectArray` that a value of a pickle is a call for, any other value as it is.

    Raises
    ------
    ValueError, LookupError, InputError
        If the call is not as NumPy or torch write it, or its sizes do not fit the bytes that are there.
    """
    match value:
        case Call("_rebuild_tensor_v2", (storage, int(first), tuple(shape), tuple(strides), _, _)):
            return _tensor(storage, first, shape, strides, source)
        case Call("_rebuild_tensor_v2", (*_, Pairs())):
            raise ValueError("a tensor whose values are yet to be negated; save its resolve_conj().resolve_neg()")
        case Call("_reconstruct", (Call("ndarray"), _, _), (_, tuple(shape), dtype, bool(fortran), Span() as values)):
            return _array(values, dtype, shape, fortran, source)
        case Call("_frombuffer", (Span() as values, dtype, tuple(shape), "C" | "F" as order)):
            return _array(values, dtype, shape, order == "F", source)
        case Call("scalar", (dtype, Span() as values)):
            return _array(values, dtype, (), False, source)
        case Call(
            "_reconstruct", (Call("ndarray"), _, _), (_, tuple(shape), Call("dtype", ("O8" | "O4", *_)), False, items)
        ):
            if not isinstance(items, list) or len(items) != math.prod(_axes(shape)):
                raise ValueError("another number of objects than its shape says")
            return ObjectArray(_axes(shape), items)
        case Call() | Span():
            raise ValueError("it holds something else than arrays")
    return value


def read_legacy(file: BinaryIO, end: int, path: Path) -> tuple[object, dict[str, Span]]:
    """Read what torch wrote before it wrote zip archives: five pickles, then the values of all storages.

    Parameters
    ----------
    file
        Stands where it begins.
    end
        Where it ends.

    Returns
    -------
    The pickled object, and where the values of the storages lie.

    Raises
    ------
    ValueError, LookupError, InputError
        If it is not as torch writes it.
    """
    (magic, _), _, (system, _), (content, references), (keys, _) = (read_pickle(file, end, path) for _ in range(5))
    if magic != _MAGIC or not isinstance(system, Pairs) or not isinstance(keys, list):
        raise ValueError("not as torch writes it")
    if ("little_endian", True) not in system:
        raise ValueError("written on a machine of another byte order")
    sizes = {key: (count, count * dtype.itemsize) for key, count, dtype in map(_storage, references)}
    storages: dict[str, Span] = {}
    for key in keys:
        if not isinstance(key, str):  # a tuple could take for ever to be hashed
            raise ValueError("not as torch writes it")
        count, length = sizes[key]
        if int.from_bytes(file.read(8), "little") != count:
            raise ValueError("a storage of another size than its tensor says")
        storages[key] = Span(file.tell(), length)
        if file.tell() + length > end:
            raise ValueError("cut off")
        file.seek(length, 1)
    if file.tell() != end:
        raise ValueError(f"{end - file.tell()} bytes where it should end")
    return content, storages


def _storage(reference: object) -> tuple[str, int, np.dtype[Any]]:
    """Return the key of a storage, the number of its values, and their type."""
    match reference:
        case Call("reference", (("storage", Call(kind), str(key), str(), int(count), *view),)) if (
            kind in _STORAGES and count >= 0 and view in ([], [None])
        ):
            return key, count, np.dtype(_STORAGES[kind])
    raise ValueError("a tensor without a storage")


def _tensor(storage: object, first: int, shape: _Axes, strides: _Axes, source: PickledFile) -> StoredArray:
    spans = source.storages
    match storage:
        # A file of its own inside the pickle, as tensors in NumPy's object arrays have it.
        case Call("_load_from_bytes", (Span(offset, length),)):
            source.file.seek(offset)
            storage, spans = read_legacy(source.file, offset + length, source.path)
    key, count, dtype = _storage(storage)
    size, span = dtype.itemsize, spans[key]
    sizes, steps = _axes(shape), _axes(strides)
    last = first + sum((n - 1) * step for n, step in zip(sizes, steps, strict=True))
    if count * size > span.length or math.prod(sizes) > count or first < 0 or (0 not in sizes and last >= count):
        raise ValueError(f"a tensor of shape {sizes} in a storage of {count} values and {span.length} bytes")
    return StoredArray(
        source.path,
        source.path.stem,
        sizes,
        dtype,
        span.offset + first * size,
        tuple(step * size for step in steps),
        bfloat16=dtype == np.uint16,
    )


def _array(values: Span, dtype: object, shape: _Axes, fortran: bool, source: PickledFile) -> StoredArray:
    match dtype:
        case Call("dtype", (str(code), *_), (int(), "<" | ">" | "|" as order, *_)) if code in _NUMBERS:
            numbers, sizes = np.dtype(order + code), _axes(shape)
        case _:
            raise ValueError("values that are no numbers")
    if math.prod(sizes) * numbers.itemsize != values.length:
        raise ValueError(f"an array of shape {sizes} and type {numbers} in {values.length} bytes")
    strides = (fortran_strides if fortran else c_strides)(sizes, numbers.itemsize)
    return StoredArray(source.path, source.path.stem, sizes, numbers, values.offset, strides)


def _axes(sizes: _Axes) -> tuple[int, ...]:
    axes = tuple(size for size in sizes if isinstance(size, int) and 0 <= size <= sys.maxsize)
    if len(axes) != len(sizes) or len(axes) > _MOST_AXES:
        raise ValueError("a shape that is none")
    return axes
