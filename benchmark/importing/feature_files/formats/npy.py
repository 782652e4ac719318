"""`.npy` files: of numbers, or of objects, in which arrays and torch tensors are found and read as one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import NpyHeader, check_numbers, opened, read_header, shorten
from benchmark.importing.feature_files.formats.array_file import (
    ArrayFile,
    StoredArray,
    c_strides,
    fortran_strides,
)
from benchmark.importing.feature_files.formats.pickled_arrays import ObjectArray, PickledFile, describe
from benchmark.importing.feature_files.formats.unpickler import Pairs, read_pickle
from benchmark.system.errors import InputError

_DEEPEST = 8
_VIDEO_AXES = 3

_Part = StoredArray | NDArray[Any]


@dataclass(frozen=True)
class StackedArray(ArrayFile):
    """Arrays of one shape, stacked along outer axes, of which the first is that of the rows.

    Attributes
    ----------
    parts
        The arrays, in the order of the last outer axis.
    """

    parts: list[_Part]

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the stack in blocks of rows."""
        step = max(1, rows * len(self.parts) // max(1, self.shape[0]))
        for start in range(0, len(self.parts), step):
            chosen = self.parts[start : start + step]
            block = [part.whole() if isinstance(part, StoredArray) else part for part in chosen]
            yield np.stack(block).reshape(-1, *self.shape[1:])


def open_npy(path: Path) -> ArrayFile:
    """Open an `.npy` file: an array of numbers, or an object array that holds arrays of numbers.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds anything but numbers.
    """
    header = read_header(path)
    if header.dtype.hasobject:
        return _open_objects(path, header)
    check_numbers(header.dtype, path)
    strides = fortran_strides if header.fortran_order else c_strides
    return StoredArray(
        path, path.stem, header.shape, header.dtype, header.offset, strides(header.shape, header.dtype.itemsize)
    )


def _open_objects(path: Path, header: NpyHeader) -> ArrayFile:
    """Open an object array, as `numpy.save` writes what it can make no array of numbers of.

    Parameters
    ----------
    header
        The header of the `.npy` file.

    Raises
    ------
    InputError
        If it holds anything but arrays of numbers, torch tensors or numbers, or these make no array together.
    """
    with opened(path) as file:
        size = file.seek(0, 2)
        file.seek(header.offset)
        content, _ = read_pickle(file, size, path)
        try:
            if file.tell() != size:
                raise ValueError(f"{size - file.tell()} bytes where it should end")
            return _Collector(PickledFile(path, file, {}), size).collect(content, header.shape)
        except (ValueError, LookupError, OverflowError) as error:
            raise InputError(
                f"{path}: holds pickled Python objects that are no array of numbers ({shorten(error)}); "
                "save it as an array of numbers, one file per video"
            ) from None


class _Collector:
    """Finds the arrays in nested lists and object arrays, and what shape they have together."""

    def __init__(self, source: PickledFile, size: int) -> None:
        self._source = source
        self._left = size

    def collect(self, content: object, shape: tuple[int, ...]) -> ArrayFile:
        """Return the array that an object array of the given shape holds."""
        array = describe(content, self._source)
        if not isinstance(array, ObjectArray) or array.shape != shape:
            raise ValueError(f"no object array of shape {shape}, as the header says")
        match array:
            case ObjectArray((), [Pairs() as entries]):
                return self._only_features(entries)
        outer, parts = self._stack(shape, array.items, 0)
        if outer[:1] == (1,) and parts and len(outer) + len(parts[0].shape) > _VIDEO_AXES:
            outer = outer[1:]  # a whole video in an array of one object
        if not outer:
            (part,) = parts
            if isinstance(part, StoredArray):
                return part
            outer, parts = part.shape[:1], list(np.atleast_1d(part))
        path, inner = self._source.path, parts[0].shape if parts else ()
        return StackedArray(path, path.stem, (*outer, *inner), parts)

    def _only_features(self, entries: Pairs) -> ArrayFile:
        """Return the only array of rows among the entries of a dictionary."""
        found = {str(key): describe(value, self._source) for key, value in entries}
        arrays = {key: array for key, array in found.items() if isinstance(array, StoredArray) and len(array.shape) > 1}
        if len(arrays) != 1:
            raise ValueError(f"a dictionary with {len(arrays)} arrays of rows, where one is expected")
        ((name, only),) = arrays.items()
        return replace(only, beside=tuple(key for key in found if key != name))

    def _flatten(self, value: object, depth: int) -> tuple[tuple[int, ...], list[_Part]]:
        """Return the outer axes of a value, and the arrays along them."""
        match describe(value, self._source):
            case StoredArray() as array:
                self._take(array.nbytes)
                return (), [array]
            case int() | float() as number:
                return (), [np.asarray(number, np.float64)]
            case ObjectArray(shape, items):
                return self._stack(shape, items, depth)
            case Pairs():
                raise ValueError("dict values")
            case list() | tuple() as items:
                return self._stack((len(items),), items, depth)
        raise ValueError(f"{type(value).__name__} values")

    def _stack(
        self, shape: tuple[int, ...], items: Sequence[object], depth: int
    ) -> tuple[tuple[int, ...], list[_Part]]:
        self._take(len(items))
        if depth > _DEEPEST:
            raise ValueError("values that are nested too deep")
        if items and all(type(item) in (int, float, bool) for item in items):
            return (), [np.array(items, dtype=np.float64).reshape(shape)]
        found = [self._flatten(item, depth + 1) for item in items]
        # A list of three arrays is not taken for an array of three rows, though the shapes agree.
        layouts = {(axes, parts[0].shape if parts else ()) for axes, parts in found}
        if len(layouts) > 1:
            shapes = " and ".join(str((*outer, *inner)) for outer, inner in sorted(layouts)[:2])
            raise ValueError(f"arrays of several shapes or depths, such as {shapes}: are these several videos?")
        inner = found[0][0] if found else ()
        return (*shape, *inner), [part for _, parts in found for part in parts]

    def _take(self, size: int) -> None:
        # Each value takes a byte of the file at least; one that is in the pickle more than once may stand for any
        # number of them.
        self._left -= size
        if self._left < 0:
            raise ValueError("values that are in it several times")
