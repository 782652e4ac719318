"""Reading and writing `.npy` files: nothing is unpickled, nothing is held in memory that need not be."""

from __future__ import annotations

import hashlib
import io
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchmark.system.errors import InputError
from benchmark.system.files import ABSENT, NotAFileError, open_regular, unreadable

HEADER_BYTES = 4096
"""More than the header of an array of numbers takes."""
_MOST_AXES = 32


@dataclass(frozen=True)
class NpyHeader:
    """What the header of an `.npy` file says, checked against the file's size.

    Attributes
    ----------
    offset
        Where the values begin, in bytes from the start of the file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    offset: int


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader[FileIO]]:
    """Open a file of others for reading.

    Raises
    ------
    InputError
        If it is missing, not a file, or cannot be read.
    """
    try:
        with BufferedReader(open_regular(path)) as file:
            yield file
    except (*ABSENT, NotAFileError):
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise unreadable(path, error) from None


def read_header(path: Path) -> NpyHeader:
    """Read the header of an `.npy` file; the values are not touched.

    The size of the file must be what the header implies, unless the values are pickled objects, whose size no header
    tells.

    Raises
    ------
    InputError
        If the file is missing, not an `.npy` file, or longer or shorter than its header says.
    """
    with opened(path) as file:
        # Read apart, because numpy reads as much as the file claims before it looks at its own limit.
        head, size = io.BytesIO(file.read(HEADER_BYTES)), os.fstat(file.fileno()).st_size
    try:
        header = parse_header(head)
        _check_size(header, size)
    except Exception as error:  # a damaged header fails in many ways inside numpy and the parser that it uses
        raise InputError(f"{path}: not a readable .npy file ({shorten(error)}); copy or extract it again") from None
    return header


def read_npy(path: Path) -> NDArray[Any]:
    """Open a numeric `.npy` file as a read-only view of the file.

    Raises
    ------
    InputError
        If the file is missing, damaged, not an `.npy` file, or holds anything but numbers: an object
        array would have to be unpickled, which can run any code, so it is refused.
    """
    header = read_header(path)
    if header.dtype.hasobject:
        raise InputError(f"{path}: holds pickled Python objects, never loaded here; save it as an array of numbers")
    check_numbers(header.dtype, path)
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    return np.memmap(path, header.dtype, "r", header.offset, header.shape, order)


def check_numbers(dtype: np.dtype[Any], path: Path) -> None:
    """Raise an error that names the file if its values are not real numbers or booleans."""
    if dtype.kind not in "fiub":
        raise InputError(f"{path}: holds {dtype} values; save it again as an array of numbers")


def shorten(error: Exception) -> str:
    """Return the beginning of what an exception says, as part of a line."""
    return " ".join(str(error).split())[:100] or type(error).__name__


def parse_header(head: BinaryIO) -> NpyHeader:
    """Read the header at the start of an `.npy` file's first `HEADER_BYTES` bytes; a damaged one fails in many ways."""
    version = np.lib.format.read_magic(head)
    if version == (1, 0):
        parsed = np.lib.format.read_array_header_1_0(head)
    elif version == (2, 0):
        parsed = np.lib.format.read_array_header_2_0(head)
    else:  # 3.0 differs in the names of fields only, which an array of numbers has none of
        raise ValueError(f"version {version[0]}.{version[1]} of the format")
    shape, fortran_order, dtype = parsed
    return NpyHeader(tuple(int(n) for n in shape), dtype, fortran_order, head.tell())


def _check_size(header: NpyHeader, size: int) -> None:
    """Raise an error if the file has not the size that its header implies."""
    if any(n < 0 for n in header.shape) or len(header.shape) > _MOST_AXES:
        raise ValueError(f"shape {header.shape}")
    # Zero values of an endless shape take no bytes, but are no array either.
    if math.prod(n or 1 for n in header.shape) * header.dtype.itemsize > sys.maxsize:
        raise ValueError(f"shape {header.shape} is beyond any memory")
    expected, found = math.prod(header.shape) * header.dtype.itemsize, size - header.offset
    if not header.dtype.hasobject and expected != found:
        raise ValueError(f"its header says {expected} bytes of values, {found} are there")


def finite(values: NDArray[Any], dtype: DTypeLike, place: Path | str) -> NDArray[Any]:
    """Return the values of a file, which `place` names, in the type that they are stored in.

    Raises
    ------
    InputError
        If one is NaN, infinite, or beyond the range of that type.
    """
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values, dtype=dtype)
    if _all_finite(stored):
        return stored
    if np.isfinite(values).all():
        limit = np.finfo(stored.dtype).max
        raise InputError(f"{place}: values beyond {limit:g}, which {stored.dtype} cannot hold; scale the features down")
    raise InputError(f"{place}: holds NaN or infinite values; extract it again")


def _all_finite(values: NDArray[Any]) -> bool:
    if values.dtype != np.float16:
        return bool(np.isfinite(values).all())
    # Looking at the bits is 20 times as fast: NaN and infinity have all bits of the exponent set.
    return bool((values.view(np.uint16) & 0x7FFF).max(initial=0) < 0x7C00)


def write_header(file: BinaryIO, shape: tuple[int, ...], dtype: DTypeLike) -> int:
    """Write the header of an `.npy` file, and return where the array begins."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


class NpyWriter:
    """Writes an `.npy` file block by block; a full disk is an `OSError` here, where a memory map would crash.

    Parameters
    ----------
    path
        File to write.
    shape
        Shape of the whole array; the blocks are written one after the other along its first axis.
    dtype
        Type that the blocks are stored as.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._file: BinaryIO = path.open("wb")
        write_header(self._file, shape, self._dtype)

    def write(self, block: NDArray[Any]) -> None:
        """Append rows, which already have the array's type."""
        if block.dtype != self._dtype:
            raise TypeError(f"block of {block.dtype} in an array of {self._dtype}")
        self._file.write(np.ascontiguousarray(block).data)

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def rows_sha256(blocks: Iterable[NDArray[Any]]) -> str:
    """Hash a video's rows as stored: features, then motion, then objects, each in any number of blocks."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()
