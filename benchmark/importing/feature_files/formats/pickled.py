"""Object arrays of NumPy: the arrays and torch tensors in them are found, and read one after the other as one array."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import NpyHeader, shorten
from benchmark.importing.feature_files.formats.pickle_arrays import ObjectArray, PickledFile, describe
from benchmark.importing.feature_files.formats.pickle_stream import Pairs, read_pickle
from benchmark.importing.feature_files.formats.types import ArrayFile, StoredArray, opened
from benchmark.system.errors import InputError

_DEEPEST = 8
_VIDEO_AXES = 3

_Part = StoredArray | NDArray[Any]


@dataclass(frozen=True)
class StackedArray:
    """Arrays of one shape, stacked along the outer axes: what `ArrayFile` describes.

    Attributes
    ----------
    outer
        The axes that the parts are stacked along; the first of them is that of the rows.
    parts
        The arrays, in the order of the last outer axis.
    """

    path: Path
    name: str
    outer: tuple[int, ...]
    parts: list[_Part]
    folders: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the stack."""
        return (*self.outer, *(self.parts[0].shape if self.parts else ()))

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the stack in blocks of rows, see `ArrayFile.blocks`."""
        step = rows * math.prod(self.outer[1:])
        for start in range(0, len(self.parts), max(1, step)):
            chosen = self.parts[start : start + step]
            block = [part.whole() if isinstance(part, StoredArray) else part for part in chosen]
            yield np.stack(block).reshape(-1, *self.shape[1:])


def open_pickled(path: Path, header: NpyHeader) -> ArrayFile:
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
                "save it as an array of numbers"
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
        outer, parts = self._stack(shape, array.items, 0)
        if outer[:1] == (1,) and parts and len(outer) + len(parts[0].shape) > _VIDEO_AXES:
            outer = outer[1:]  # a whole video in an array of one object
        if not outer:
            (part,) = parts
            if isinstance(part, StoredArray):
                return part
            outer, parts = part.shape[:1], list(np.atleast_1d(part))
        return StackedArray(self._source.path, self._source.path.stem, outer, parts)

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
            raise ValueError(f"arrays of several shapes or depths, such as {shapes}")
        inner = found[0][0] if found else ()
        return (*shape, *inner), [part for _, parts in found for part in parts]

    def _take(self, size: int) -> None:
        # Each value takes a byte of the file at least; one that is in the pickle more than once may stand for any
        # number of them.
        self._left -= size
        if self._left < 0:
            raise ValueError("values that are in it several times")
