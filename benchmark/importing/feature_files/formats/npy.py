"""`.npy` files of numbers."""

from __future__ import annotations

from pathlib import Path

from benchmark.datasets.arrays import check_numbers, read_header
from benchmark.importing.feature_files.formats.pickled import open_pickled
from benchmark.importing.feature_files.formats.types import ArrayFile, StoredArray, c_strides, fortran_strides


def open_npy(path: Path) -> ArrayFile:
    """Open an `.npy` file: an array of numbers, or an object array that holds arrays of numbers.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds anything but numbers.
    """
    header = read_header(path)
    if header.dtype.hasobject:
        return open_pickled(path, header)
    check_numbers(header.dtype, path)
    strides = fortran_strides if header.fortran_order else c_strides
    return StoredArray(
        path, path.stem, header.shape, header.dtype, header.offset, strides(header.shape, header.dtype.itemsize)
    )
