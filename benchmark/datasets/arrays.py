"""Reading and writing `.npy` files: nothing is unpickled, nothing is held in memory that need not be."""

from __future__ import annotations

import hashlib
import tokenize
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchmark.errors import InputError


def read_npy(path: Path) -> NDArray[Any]:
    """Open a numeric `.npy` file as a read-only view of the file.

    Raises
    ------
    InputError
        If the file is missing, truncated, not an `.npy` file, or holds anything but numbers: an object
        array would have to be unpickled, which can run any code, so it is refused.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (
        OSError,
        ValueError,
        EOFError,
        TypeError,
        OverflowError,
        SyntaxError,
        tokenize.TokenError,
    ) as error:
        if "Python objects" in str(error):
            raise InputError(
                f"{path}: holds pickled Python objects, never loaded here; save it as an array of numbers"
            ) from None
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a readable .npy file ({reason}); copy or extract it again") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: holds {array.dtype} values; save it again as an array of numbers")
    return array


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
