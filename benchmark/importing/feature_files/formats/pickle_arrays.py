"""What the calls in a pickle say about arrays: where the values of NumPy arrays and torch tensors lie in the file.

Every size is checked against the bytes that are there; NumPy and torch are given nothing that a file claims.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from benchmark.importing.feature_files.formats.pickle_stream import Call, Name, Pairs, Reference, Span, read_pickle
from benchmark.importing.feature_files.formats.types import StoredArray, c_strides, fortran_strides

Axes = tuple[object, ...]

_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_CODES = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
_STORAGES: Mapping[str, str] = {
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "<u2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "|i1",
    "torch.ByteStorage": "|u1",
    "torch.BoolStorage": "|b1",
}
_MOST_AXES = 32


@dataclass(frozen=True)
class ObjectArray:
    """An array of Python objects, in the order of its last axis."""

    shape: tuple[int, ...]
    items: list[object]


@dataclass(frozen=True)
class PickledFile:
    """A file that pickles lie in.

    Attributes
    ----------
    storages
        Where the values of tensors lie that the pickle refers to, by key.
    """

    path: Path
    file: BinaryIO
    storages: Mapping[str, Span]


@dataclass(frozen=True)
class _Storage:
    """The values behind one or more tensors, as a pickle refers to them."""

    kind: str
    key: str
    count: int

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(_STORAGES[self.kind])

    @property
    def nbytes(self) -> int:
        return self.count * self.dtype.itemsize


def describe(value: object, source: PickledFile) -> object:
    """Return the `StoredArray` or `ObjectArray` that a value of a pickle is a call for, any other value as it is.

    Raises
    ------
    ValueError, InputError
        If the call is not as NumPy or torch write it, or its sizes do not fit the bytes that are there.
    """
    match value:
        case Call("torch._utils._rebuild_tensor_v2", (storage, int(first), tuple(shape), tuple(strides), *_)):
            return _tensor(storage, first, shape, strides, source)
        case Call(name, arguments, state) if name.endswith("multiarray._reconstruct"):
            return _array(arguments, state, source)
        case Call(name, (Span() as values, dtype, tuple(shape), "C" | "F" as order)) if name.endswith("._frombuffer"):
            return _stored(values, _dtype(dtype), shape, order == "F", source)
        case Call(name, (dtype, Span() as values)) if name.endswith("multiarray.scalar"):
            return _stored(values, _dtype(dtype), (), False, source)
        case Call() | Name() | Reference() | Span():
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
    ValueError, InputError
        If it is not as torch writes it.
    """
    magic, _, system, content, keys = (read_pickle(file, end, path) for _ in range(5))
    if magic.value != _TORCH_MAGIC or not isinstance(system.value, Pairs) or not isinstance(keys.value, list):
        raise ValueError("not as torch writes it")
    if ("little_endian", True) not in system.value:
        raise ValueError("written on a machine of another byte order")
    needed = {storage.key: storage for storage in map(_storage, content.references)}
    storages: dict[str, Span] = {}
    for storage in [needed[key] for key in keys.value if isinstance(key, str)]:
        if int.from_bytes(file.read(8), "little") != storage.count:
            raise ValueError("a storage of another size than its tensor says")
        storages[storage.key] = Span(file.tell(), storage.nbytes)
        file.seek(storage.nbytes, 1)
    if file.tell() != end:
        raise ValueError(f"{end - file.tell()} bytes where it should end")
    return content.value, storages


def _storage(reference: object) -> _Storage:
    match reference:
        case Reference(("storage", Name(kind), str(key), str(), int(count), *view)) if (
            kind in _STORAGES and count >= 0 and view in ([], [None])
        ):
            return _Storage(kind, key, count)
    raise ValueError("a tensor without a storage")


def _tensor(storage: object, first: int, shape: Axes, strides: Axes, source: PickledFile) -> StoredArray:
    if isinstance(storage, Call):
        storage, source = _loaded(storage, source)
    held = _storage(storage)
    span = source.storages[held.key]
    if held.nbytes > span.length:
        raise ValueError(f"a storage of {held.nbytes} bytes in {span.length}")
    sizes, steps = _axes(shape), _axes(strides)
    last = first + sum((n - 1) * step for n, step in zip(sizes, steps, strict=True))
    if math.prod(sizes) > held.count or first < 0 or (0 not in sizes and last >= held.count):
        raise ValueError(f"a tensor of shape {sizes} in a storage of {held.count} values")
    size = held.dtype.itemsize
    return StoredArray(
        source.path,
        source.path.stem,
        sizes,
        held.dtype,
        span.offset + first * size,
        tuple(step * size for step in steps),
        bfloat16=held.kind == "torch.BFloat16Storage",
    )


def _loaded(storage: Call, source: PickledFile) -> tuple[object, PickledFile]:
    """Return a storage that lies in a file of its own inside the pickle, as tensors in NumPy's object arrays do."""
    match storage:
        case Call("torch.storage._load_from_bytes", (Span(offset, length),)):
            source.file.seek(offset)
            content, storages = read_legacy(source.file, offset + length, source.path)
            return content, PickledFile(source.path, source.file, storages)
    raise ValueError("a tensor without a storage")


def _array(arguments: tuple[object, ...], state: object, source: PickledFile) -> StoredArray | ObjectArray:
    match arguments, state:
        case (Name("numpy.ndarray"), _, _), (int(), tuple(shape), dtype, bool(fortran), Span() as values):
            return _stored(values, _dtype(dtype), shape, fortran, source)
        case (Name("numpy.ndarray"), _, _), (int(), tuple(shape), dtype, False, list(items)) if _is_object(dtype):
            if len(items) != math.prod(_axes(shape)):
                raise ValueError(f"{len(items)} objects in an array of shape {shape}")
            return ObjectArray(_axes(shape), items)
    raise ValueError("an array that NumPy does not write so")


def _stored(values: Span, dtype: np.dtype[Any], shape: Axes, fortran: bool, source: PickledFile) -> StoredArray:
    sizes = _axes(shape)
    if math.prod(sizes) * dtype.itemsize != values.length:
        raise ValueError(f"an array of shape {sizes} and type {dtype} in {values.length} bytes")
    strides = (fortran_strides if fortran else c_strides)(sizes, dtype.itemsize)
    return StoredArray(source.path, source.path.stem, sizes, dtype, values.offset, strides)


def _dtype(value: object) -> np.dtype[Any]:
    match value:
        case Call("numpy.dtype", (str(code), *_), (int(), "<" | ">" | "|" as order, *_)) if code in _CODES:
            return np.dtype(order + code)
    raise ValueError("values that are no numbers")


def _is_object(value: object) -> bool:
    return isinstance(value, Call) and value.name == "numpy.dtype" and value.arguments[:1] in (("O8",), ("O4",))


def _axes(sizes: Axes) -> tuple[int, ...]:
    axes = tuple(size for size in sizes if isinstance(size, int) and 0 <= size <= sys.maxsize)
    if len(axes) != len(sizes) or len(axes) > _MOST_AXES:
        raise ValueError("a shape that is none")
    return axes
