"""`.npy` files of Python objects that are arrays of numbers, as the published RTFM features of UCF-Crime are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import NpyHeader
from benchmark.datasets.formats.numpy_calls import numpy_array
from benchmark.datasets.formats.pickle_stream import Call, read_pickle
from benchmark.datasets.formats.tensors import pickled_tensor
from benchmark.datasets.formats.types import ArrayFile, StoredArray, opened
from benchmark.errors import InputError


@dataclass(frozen=True)
class StackedArray:
    """Arrays of one shape as the rows of another: what `ArrayFile` describes."""

    path: Path
    name: str
    parts: tuple[StoredArray, ...]
    folders: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of parts, then their shape."""
        return (len(self.parts), *self.parts[0].shape)

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the parts in blocks, see `ArrayFile.blocks`."""
        for start in range(0, len(self.parts), rows):
            yield np.stack([part.whole() for part in self.parts[start : start + rows]])


@dataclass(frozen=True)
class HeldArray:
    """An array of numbers that the file holds one by one, so that they had to be read: what `ArrayFile` describes."""

    path: Path
    name: str
    values: NDArray[np.float64]
    folders: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.values.shape

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the array in blocks, see `ArrayFile.blocks`."""
        for start in range(0, len(self.values), rows):
            yield self.values[start : start + rows]


def open_pickled(path: Path, header: NpyHeader) -> ArrayFile:
    """Open an object array that holds one array of numbers, or one per row, from NumPy or PyTorch.

    The pickle is read as data: nothing in it is called, and values stay in the file until they are asked for.

    Raises
    ------
    InputError
        If it holds anything else, or is damaged.
    """
    with opened(path) as file:
        end = file.seek(0, 2)
        file.seek(header.offset)
        outer = numpy_array(read_pickle(file, end, path), path)
        elements = outer if isinstance(outer, list) else None
        if elements is None:
            raise InputError(f"{path}: not an array of objects, as its header says; save it again")
        if elements and all(type(element) in (int, float) for element in elements):
            return HeldArray(path, path.stem, _numbers(elements, header.shape, path))
        while len(elements) == 1 and isinstance(elements[0], list | tuple):
            elements = list(elements[0])
        arrays = [_array(element, path) for element in elements]
    if len(arrays) == 1:
        return arrays[0]
    return _stack(arrays, path)


def _array(value: object, path: Path) -> StoredArray:
    """Return the array that a call would have made."""
    if isinstance(value, Call):
        tensor = pickled_tensor(value, path)
        array = numpy_array(value, path) if tensor is None else tensor
        if isinstance(array, StoredArray):
            return array
    raise InputError(
        f"{path}: holds pickled Python objects that are no arrays of numbers, never loaded here; "
        "save it as an array of numbers"
    )


def _numbers(elements: list[object], shape: tuple[int, ...], path: Path) -> NDArray[np.float64]:
    try:
        return np.array(elements, np.float64).reshape(shape)
    except (ValueError, OverflowError):
        raise InputError(f"{path}: not an array of {shape} numbers, as its header says; save it again") from None


def _stack(arrays: Sequence[StoredArray], path: Path) -> StackedArray:
    if not arrays:
        raise InputError(f"{path}: an empty array; extract it again")
    for array in arrays:
        if array.shape != arrays[0].shape:
            raise InputError(
                f"{path}: holds arrays of shapes {arrays[0].shape} and {array.shape}; save it as one array of numbers"
            )
    return StackedArray(path, path.stem, tuple(arrays))
