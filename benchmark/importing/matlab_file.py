"""MATLAB files of level 5, read as a stream: little is held at a time, and nothing in a file can run.

The form (The MathWorks, "MAT-File Format"): a header of 128 bytes, then elements of type, length and data. A variable
is a matrix element, mostly inside a compressed one, which inflates up to a thousandfold: a small hostile file could
fill the memory of a reader that takes it whole.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from io import BufferedReader, FileIO
from typing import BinaryIO, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

MATRIX, _COMPRESSED = 14, 15
"""Type of an element that is a matrix."""
CELL, NUMBERS = 1, range(6, 16)
"""Classes of matrices: cell arrays, and arrays of numbers."""
_DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_COMPLEX = 0x800
_CHUNK = 1 << 16
_LONGEST_NAME = 64

_Order = Literal["<", ">"]


class MatlabError(Exception):
    """The file is not what it should be; the message says how."""


class _Source(Protocol):
    def read(self, count: int, /) -> bytes: ...


class Inflating:
    """Inflates a compressed element as it is read, up to a limit.

    Parameters
    ----------
    file
        Stands where the element's data begin.
    length
        Number of bytes of these data.
    most
        Number of bytes beyond which it is refused.
    """

    def __init__(self, file: BinaryIO, length: int, most: int) -> None:
        self._file, self._left, self._most = file, length, most
        self._inflate = zlib.decompressobj()
        self._inflated = 0

    def read(self, count: int, /) -> bytes:
        """Return the next bytes, fewer at the end."""
        self._inflated += count
        if self._inflated > self._most:
            raise MatlabError(f"it inflates to more than {self._most:,} bytes")
        parts = bytearray()
        while len(parts) < count and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(min(_CHUNK, self._left))
            if not packed:
                break
            if not self._inflate.unconsumed_tail:
                self._left -= len(packed)
            try:
                parts += self._inflate.decompress(packed, count - len(parts))
            except zlib.error as error:
                raise MatlabError(str(error)) from None
        return bytes(parts)


class Header(NamedTuple):
    """What stands at the beginning of a matrix."""

    kind: int
    shape: tuple[int, ...]
    name: str
    is_complex: bool


class Elements:
    """Reads elements one after the other.

    Parameters
    ----------
    order
        Which byte of a number comes first.
    most
        Number of bytes beyond which an element is refused.

    Attributes
    ----------
    position
        Number of bytes that have been read.
    """

    def __init__(self, source: _Source, order: _Order, most: int) -> None:
        self._source, self._most = source, most
        self.order = order
        self.position = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes, all of them."""
        if count > self._most:
            raise MatlabError(f"an element of {count:,} bytes")
        data = self._source.read(count)
        if len(data) < count:
            raise MatlabError("it ends too early")
        self.position += count
        return data

    def tag(self) -> tuple[int, int, bytes | None]:
        """Return the next element's type, its length, and its data if they are short and stand inside the tag."""
        tag = self.take(8)
        kind, length = struct.unpack(f"{self.order}II", tag)
        if short := kind >> 16:
            return kind & 0xFFFF, min(short, 4), tag[4 : 4 + min(short, 4)]
        return kind, length, None

    def element(self) -> tuple[int, bytes]:
        """Return the next element's type and data."""
        kind, length, data = self.tag()
        return kind, self.take(length + -length % 8)[:length] if data is None else data

    def dtype(self, kind: int, length: int) -> np.dtype[np.generic]:
        """Return the type of the numbers in an element."""
        dtype = np.dtype(_DTYPES.get(kind, "V")).newbyteorder(self.order)
        if kind not in _DTYPES or length % dtype.itemsize:
            raise MatlabError("numbers are expected where there are none")
        return dtype

    def numbers(self) -> NDArray[np.generic]:
        """Return the numbers of the next element."""
        kind, data = self.element()
        return np.frombuffer(data, self.dtype(kind, len(data)))

    def header(self) -> Header:
        """Return what stands at the beginning of a matrix."""
        flags, shape = self.numbers(), self.numbers()
        if not flags.size or flags.dtype.kind not in "iu" or shape.dtype.kind not in "iu":
            raise MatlabError("a matrix without class and shape")
        name = self.element()[1].decode("latin-1")
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise MatlabError("a variable without a proper name")
        return Header(int(flags[0]) & 0xFF, tuple(map(int, shape)), name, bool(int(flags[0]) & _COMPLEX))


class Variable(NamedTuple):
    """A variable of a file, of which nothing has been read.

    Attributes
    ----------
    elements
        Reads it, from its class and shape on.
    start
        Where its data begin, in bytes from the start of the file.
    length
        Number of its bytes in the file.
    is_packed
        Whether these are compressed.
    """

    elements: Elements
    start: int
    length: int
    is_packed: bool


def variables(file: BufferedReader[FileIO], most_inflated: int, most_element: int) -> Iterator[Variable]:
    """Yield the variables of a file one after the other; each is to be read before the next is asked for.

    Parameters
    ----------
    most_inflated
        Number of bytes beyond which a compressed variable is refused as it is read.
    most_element
        Number of bytes beyond which an element of it is.

    Raises
    ------
    MatlabError
        If the file is of another level (7.3 is HDF5), or damaged.
    """
    order, size = _byte_order(file.read(128)), os.fstat(file.fileno()).st_size
    while tag := file.read(8):
        if len(tag) < 8:
            raise MatlabError("it ends too early")
        kind, length = struct.unpack(f"{order}II", tag)
        start = file.tell()
        if start + length > size:
            raise MatlabError("it ends too early")
        is_packed = kind == _COMPRESSED
        elements = Elements(Inflating(file, length, most_inflated) if is_packed else file, order, most_element)
        if is_packed:
            kind, _ = struct.unpack(f"{order}II", elements.take(8))
        if kind == MATRIX:
            yield Variable(elements, start, length, is_packed)
        file.seek(start + length)


def _byte_order(header: bytes) -> _Order:
    orders: dict[bytes, _Order] = {b"IM": "<", b"MI": ">"}
    if len(header) < 128 or header[126:] not in orders:
        raise MatlabError("no header of level 5")
    order = orders[header[126:]]
    (version,) = struct.unpack(f"{order}H", header[124:126])
    if version != 0x0100:
        raise MatlabError("a newer level, such as 7.3; save it with -v7")
    return order
