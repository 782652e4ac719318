"""Formats of feature files: each is opened as arrays of numbers that are read in blocks, and none can run code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmark.importing.feature_files.formats.array_file import ArrayFile
from benchmark.importing.feature_files.formats.hdf5 import open_hdf5
from benchmark.importing.feature_files.formats.npy import open_npy
from benchmark.importing.feature_files.formats.text import is_number_text, open_text
from benchmark.importing.feature_files.formats.torch_file import open_torch
from benchmark.system.errors import InputError

__all__ = ["SUFFIXES", "ArrayFile", "is_number_text", "open_arrays"]

_OPENERS: Mapping[str, Callable[[Path], Sequence[ArrayFile]]] = {
    ".npy": lambda path: [open_npy(path)],
    ".pt": lambda path: [open_torch(path)],
    ".pth": lambda path: [open_torch(path)],
    ".txt": lambda path: [open_text(path)],
    ".h5": open_hdf5,
    ".hdf5": open_hdf5,
}
SUFFIXES = tuple(_OPENERS)
"""Endings of the files that can be opened."""


def open_arrays(path: Path) -> list[ArrayFile]:
    """Open a feature file by its ending: one array, or all arrays of an HDF5 file; only what describes them is read.

    Raises
    ------
    InputError
        If the file is missing or damaged, is not what its ending says, or holds anything but arrays of numbers.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise InputError(f"{path}: not a feature file; {', '.join(SUFFIXES)} can be read")
    arrays = list(opener(path))
    for array in arrays:
        if not array.shape:
            raise InputError(f"{path}: holds a single number, not rows of them; extract it again")
    return arrays
