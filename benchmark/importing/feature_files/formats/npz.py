"""`.npz` files: a zip archive of `.npy` arrays, each read as a stream, so that a packed one takes no more memory."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import HEADER_BYTES, check_numbers, opened, parse_header, shorten
from benchmark.importing.feature_files.formats.array_file import ArrayFile
from benchmark.system.errors import InputError

_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_MEMBERS = 1 << 16


@dataclass(frozen=True)
class NpzArray(ArrayFile):
    """A member of an `.npz` file.

    Attributes
    ----------
    member
        Its name in the archive.
    offset
        Where its values begin, in bytes from its start.
    """

    member: str
    dtype: np.dtype[Any]
    offset: int

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the array in blocks of rows, unpacked when they are asked for."""
        try:
            with opened(self.path) as file, zipfile.ZipFile(file) as archive, archive.open(self.member) as member:
                member.read(self.offset)
                for start in range(0, self.shape[0], rows):
                    shape = (min(rows, self.shape[0] - start), *self.shape[1:])
                    content = member.read(math.prod(shape) * self.dtype.itemsize)
                    yield np.frombuffer(content, self.dtype).reshape(shape)
        except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError, NotImplementedError) as error:
            raise _damaged(self.path, error) from None


def open_npz(path: Path) -> list[ArrayFile]:
    """Open all arrays of numbers in an `.npz` file, by their headers.

    Raises
    ------
    InputError
        If the file is missing or damaged, holds no array, or an array of anything but numbers.
    """
    with opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if len(members) > _MOST_MEMBERS:
                    raise ValueError(f"{len(members)} members")
                arrays: list[ArrayFile] = [_open_member(path, archive, member) for member in members]
        except InputError:
            raise
        except Exception as error:  # a damaged archive fails in many ways inside zipfile and numpy
            raise _damaged(path, error) from None
    if not arrays:
        raise InputError(f"{path}: no arrays in it; extract it again")
    return arrays


def _open_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NpzArray:
    name = member.filename.removesuffix(".npy")
    if not member.filename.endswith(".npy") or not name.isprintable() or "/" in name or "\\" in name:
        raise ValueError("a member that is no array")
    if member.compress_type not in _PACKINGS or member.flag_bits & 1:
        raise ValueError(f"{name} is packed in another way than NumPy's")
    with archive.open(member) as content:
        head = io.BytesIO(content.read(HEADER_BYTES))
    header = parse_header(head)
    if header.dtype.hasobject:
        raise InputError(f"{path}: {name} holds pickled Python objects; save it as an array of numbers")
    check_numbers(header.dtype, path)
    if any(n < 0 for n in header.shape):
        raise ValueError(f"shape {header.shape}")
    if math.prod(header.shape) * header.dtype.itemsize != member.file_size - header.offset:
        raise ValueError(f"{name} is longer or shorter than its header says")
    if header.fortran_order and min(header.shape, default=1) > 1 and len(header.shape) > 1:
        raise InputError(f"{path}: {name} is stored column by column; save it with np.ascontiguousarray")
    return NpzArray(path, name, header.shape, member.filename, header.dtype, header.offset)


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a readable .npz file ({shorten(error)}); copy or extract it again")
