"""What every format of feature files is opened as, and the form that most of them take: values in a row in a file."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import opened
from benchmark.system.errors import InputError


class NoRowsError(InputError):
    """A file holds no rows of numbers, but something that may lie beside features, such as a video's frame rate.

    Parameters
    ----------
    said
        What it holds.

    Attributes
    ----------
    name
        The file's name.
    """

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(f"{path}: {said}, not rows of numbers; save the features as one full array, (snippets, dim)")
        self.name = path.name


@dataclass(frozen=True)
class ArrayFile(ABC):
    """One array of numbers in a file, read from front to back in blocks; nothing is held that was read before.

    Attributes
    ----------
    name
        The name that a video is recognised by: the file's stem, or the array's own name in a file of many.
    shape
        Shape of the array, with an axis at least, checked against the size of the file before a value is read.
    folders
        Names of the groups in the file that the array lies in, from the outermost; none in a file of one array.
    beside
        Names of what lies beside it and is passed over, such as a frame rate.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    folders: tuple[str, ...] = field(default=(), kw_only=True)
    beside: tuple[str, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield consecutive parts of the first axis, at most `rows` rows each, as floats, integers or booleans.

        Raises
        ------
        InputError
            If the file turns out to be damaged, or has changed since it was opened.
        """

    def inner(self, axes: int) -> ArrayFile:
        """Return the array without its first `axes` axes, which are of length one."""
        return InnerArray(self.path, self.name, self.shape[axes:], self, folders=self.folders) if axes else self


@dataclass(frozen=True)
class InnerArray(ArrayFile):
    """An array without outer axes of length one; it is held as a whole while it is read."""

    outer: ArrayFile

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the values in blocks of rows."""
        for block in self.outer.blocks(1):
            array = block.reshape(self.shape)
            for start in range(0, len(array), rows):
                yield array[start : start + rows]


@dataclass(frozen=True)
class StoredArray(ArrayFile):
    """An array whose values lie in a file as they are, from some byte on.

    Attributes
    ----------
    dtype
        Type that the values are stored in.
    offset
        Where the first value lies, in bytes from the start of the file.
    strides
        Bytes from one value to the next along each axis.
    bfloat16
        Whether the values are the upper halves of float32 numbers; `dtype` is an integer type then.
    """

    dtype: np.dtype[Any]
    offset: int
    strides: tuple[int, ...]
    bfloat16: bool = False

    @property
    def nbytes(self) -> int:
        """Number of bytes that the values take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the values, widened where they are bfloat16."""
        in_order = self.strides == c_strides(self.shape, self.dtype.itemsize)
        for block in self._read(rows) if in_order else self._gather(rows):
            yield (block.astype(np.uint32) << 16).view(np.float32) if self.bfloat16 else block

    def inner(self, axes: int) -> ArrayFile:
        """Return the array without its first axes, where it lies."""
        return replace(self, shape=self.shape[axes:], strides=self.strides[axes:])

    def whole(self) -> NDArray[Any]:
        """Return all of the array, which may have no axis."""
        single = replace(self, shape=(1, *self.shape), strides=(self.nbytes, *self.strides))
        values: NDArray[Any] = next(single.blocks(1))[0]
        return values

    def _read(self, rows: int) -> Iterator[NDArray[Any]]:
        # Reads, not a memory map: the pages of a map count as memory in use for as long as it is open.
        with opened(self.path) as file:
            file.seek(self.offset)
            for start in range(0, self.shape[0], rows):
                shape = (min(rows, self.shape[0] - start), *self.shape[1:])
                values = np.empty(math.prod(shape) * self.dtype.itemsize, np.uint8)
                if file.readinto(values.data) != len(values):
                    raise InputError(f"{self.path}: has become shorter while it was read; copy or extract it again")
                yield values.view(self.dtype).reshape(shape)

    def _gather(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield blocks of an array whose rows do not lie one after the other, out of a memory map."""
        if not self.nbytes:
            yield np.empty(self.shape, self.dtype)
            return
        values = np.memmap(self.path, np.uint8, "r")
        array: NDArray[Any] = np.ndarray(self.shape, self.dtype, values.data, self.offset, self.strides)
        for start in range(0, len(array), rows):
            yield np.array(array[start : start + rows], order="C")


def c_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the strides, in bytes, of an array whose last axis varies fastest."""
    return tuple(math.prod(shape[axis + 1 :]) * itemsize for axis in range(len(shape)))


def fortran_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the strides, in bytes, of an array whose first axis varies fastest."""
    return tuple(math.prod(shape[:axis]) * itemsize for axis in range(len(shape)))
