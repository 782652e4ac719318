"""Pixel masks in a MATLAB file, read as a stream: one frame is held at a time, and nothing in the file can run.

MATLAB's level 5 form (The MathWorks, "MAT-File Format"): a header of 128 bytes, then elements of type, length and data.
A variable is a matrix element, mostly inside a compressed one: the official masks are 331 MB in 1.3 MB, so a small
hostile file could fill the memory of a reader that takes it whole.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import opened
from benchmark.system.errors import InputError

_Order = Literal["<", ">"]

_MATRIX, _COMPRESSED = 14, 15
_CELL, _NUMBERS = 1, range(6, 16)
_DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CHUNK = 1 << 16

# The official masks are 1,439 of 0.2 MiB at most.
_MOST_BYTES = 2 << 30
_MOST_MASK_BYTES = 64 << 20
_MOST_FRAMES = 1_000_000


def frames_with_pixels(path: Path, variable: str) -> NDArray[np.bool_]:
    """Read which frames have a pixel that is not zero.

    Parameters
    ----------
    path
        A MATLAB file of level 5, compressed or not.
    variable
        A cell array with one mask per frame; an empty one is a frame without pixels.

    Returns
    -------
    positive
        Shape (frames,).

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, is of another level (7.3 is HDF5), has no such variable, or inflates
        beyond all reason.
    """
    try:
        with opened(path) as file:
            return np.fromiter(_frames(file, variable), dtype=np.bool_)
    except (_UnreadableError, zlib.error) as error:
        raise InputError(f"{path}: not a readable MATLAB file of frame masks ({error}); download it again") from None


class _UnreadableError(Exception):
    """The file is not what it should be; the message says how."""


class _Source(Protocol):
    def read(self, count: int, /) -> bytes: ...


class _Inflating:
    """Inflates a compressed element as it is read, up to a limit."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length
        self._inflate = zlib.decompressobj()
        self._inflated = 0

    def read(self, count: int, /) -> bytes:
        self._inflated += count
        if self._inflated > _MOST_BYTES:
            raise _UnreadableError(f"it inflates to more than {_MOST_BYTES >> 30} GiB")
        parts = bytearray()
        while len(parts) < count and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(min(_CHUNK, self._left))
            if not packed:
                break
            if not self._inflate.unconsumed_tail:
                self._left -= len(packed)
            parts += self._inflate.decompress(packed, count - len(parts))
        return bytes(parts)


class _Header(NamedTuple):
    kind: int
    size: int
    name: str


class _Elements:
    """Reads elements one after the other."""

    def __init__(self, source: _Source, order: _Order) -> None:
        self._source = source
        self._order = order

    def take(self, count: int) -> bytes:
        if count > _MOST_MASK_BYTES:
            raise _UnreadableError(f"a mask of {count:,} bytes")
        data = self._source.read(count)
        if len(data) < count:
            raise _UnreadableError("it ends too early")
        return data

    def element(self) -> tuple[int, bytes]:
        """Return the next element's type and data; short data stands inside the tag."""
        tag = self.take(8)
        kind, length = struct.unpack(f"{self._order}II", tag)
        if kind >> 16:
            return kind & 0xFFFF, tag[4 : 4 + min(kind >> 16, 4)]
        return kind, self.take(length + -length % 8)[:length]

    def numbers(self) -> NDArray[np.generic]:
        kind, data = self.element()
        if kind not in _DTYPES or len(data) % np.dtype(_DTYPES[kind]).itemsize:
            raise _UnreadableError("numbers are expected where there are none")
        return np.frombuffer(data, np.dtype(_DTYPES[kind]).newbyteorder(self._order))

    def header(self) -> _Header:
        """Return what stands at the beginning of a matrix."""
        flags, shape = self.numbers(), self.numbers()
        if not flags.size or flags.dtype.kind not in "iu" or shape.dtype.kind not in "iu":
            raise _UnreadableError("a matrix without class and shape")
        name = self.element()[1].decode("latin-1")
        return _Header(int(flags[0]) & 0xFF, math.prod(int(length) for length in shape), name)


def _frames(file: BinaryIO, variable: str) -> Iterator[bool]:
    """Yield whether a mask has pixels, for each cell of a variable."""
    order = _byte_order(file.read(128))
    for elements in _matrices(file, order):
        kind, size, name = elements.header()
        if name != variable:
            continue
        if kind != _CELL or not 0 < size <= _MOST_FRAMES:
            raise _UnreadableError(f"{variable} is not a cell array of masks")
        for _ in range(size):
            inner, data = elements.element()
            if inner != _MATRIX:
                raise _UnreadableError("a cell that holds no mask")
            yield bool(data) and _has_pixel(_Elements(BytesIO(data), order))
        return
    raise _UnreadableError(f"it has no variable {variable}")


def _has_pixel(mask: _Elements) -> bool:
    kind, size, _ = mask.header()
    pixels = mask.numbers() if kind in _NUMBERS else np.empty(0)
    if kind not in _NUMBERS or pixels.size != size:
        raise _UnreadableError("a cell that holds no mask")
    return bool(pixels.any())


def _byte_order(header: bytes) -> _Order:
    orders: dict[bytes, _Order] = {b"IM": "<", b"MI": ">"}
    if len(header) < 128 or header[126:] not in orders:
        raise _UnreadableError("no header of level 5")
    order = orders[header[126:]]
    (version,) = struct.unpack(f"{order}H", header[124:126])
    if version != 0x0100:
        raise _UnreadableError("a newer level, such as 7.3; save it with -v7")
    return order


def _matrices(file: BinaryIO, order: _Order) -> Iterator[_Elements]:
    """Yield what follows the tag of each variable, inflated if need be."""
    while tag := file.read(8):
        if len(tag) < 8:
            raise _UnreadableError("it ends too early")
        kind, length = struct.unpack(f"{order}II", tag)
        end = file.tell() + length
        elements = _Elements(_Inflating(file, length) if kind == _COMPRESSED else file, order)
        if kind == _COMPRESSED:
            kind, _ = struct.unpack(f"{order}II", elements.take(8))
        if kind == _MATRIX:
            yield elements
        file.seek(end)
