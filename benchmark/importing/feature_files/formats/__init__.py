"""Formats of feature files: each is opened as arrays of numbers that are read in blocks, and none can run code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.importing.feature_files.formats.array_file import ArrayFile, NoRowsError
from benchmark.importing.feature_files.formats.contents import content_of, refused
from benchmark.importing.feature_files.formats.hdf5 import open_hdf5
from benchmark.importing.feature_files.formats.mat import open_mat
from benchmark.importing.feature_files.formats.npy import open_npy
from benchmark.importing.feature_files.formats.npz import open_npz
from benchmark.importing.feature_files.formats.text import is_number_text, open_text
from benchmark.importing.feature_files.formats.torch_file import open_torch
from benchmark.system.errors import InputError

__all__ = [
    "SUFFIXES",
    "ArrayFile",
    "NoRowsError",
    "content_of",
    "is_number_text",
    "open_arrays",
    "open_as_stored",
    "refused",
]

_OPENERS: Mapping[str, Callable[[Path], Sequence[ArrayFile]]] = {
    ".npy": lambda path: [open_npy(path)],
    ".pt": lambda path: [open_torch(path)],
    ".pth": lambda path: [open_torch(path)],
    ".npz": open_npz,
    ".txt": lambda path: [open_text(path)],
    ".csv": lambda path: [open_text(path)],
    ".h5": open_hdf5,
    ".hdf5": open_hdf5,
    ".mat": lambda path: [open_mat(path)],
}
_OF_MANY = (".npz", ".h5", ".hdf5")
# What a file of an ending may be by its first bytes; anything else that is recognised is refused by what it is.
_OWN_CONTENTS = {
    ".npy": {"an .npy file"},
    ".npz": {"a zip archive", "an empty zip archive"},
    ".pt": {"a zip archive"},
    ".pth": {"a zip archive"},
    ".h5": {"an HDF5 file"},
    ".hdf5": {"an HDF5 file"},
    ".mat": {"a MATLAB file"},
}
SUFFIXES = tuple(_OPENERS)
"""Endings of the files that can be opened."""


def open_arrays(path: Path) -> list[ArrayFile]:
    """Open a feature file by its ending: one array, or all arrays of a file of many; only what describes them is read.

    Where a file holds several arrays, numbers that stand alone, such as a frame rate, are left out, and one array
    beside them, or one in each group, goes by the name of the file or group.

    Raises
    ------
    NoRowsError
        If the file holds no rows, but what may lie beside features.
    InputError
        If the file is missing or damaged, is not what its ending says, or holds anything but arrays of numbers.
    """
    arrays = open_as_stored(path)
    if path.suffix.lower() in _OF_MANY:
        return _of_videos(path, arrays)
    if not arrays[0].shape:
        raise NoRowsError(path, "holds a single number")
    return arrays


def open_as_stored(path: Path) -> list[ArrayFile]:
    """Open all arrays of a file by its ending, under the names that they have there.

    Raises
    ------
    InputError
        If the file is missing or damaged, is not what its ending says, or holds anything but arrays of numbers.
    """
    suffix, content = path.suffix.lower(), content_of(path)
    if content and content not in _OWN_CONTENTS.get(suffix, set()):
        raise refused(path, content)
    if (opener := _OPENERS.get(suffix)) is None:
        raise InputError(f"{path}: not a feature file; {', '.join(SUFFIXES)} can be read")
    return list(opener(path))


def _of_videos(path: Path, arrays: Sequence[ArrayFile]) -> list[ArrayFile]:
    """Return the arrays of a file of many that may be features, by the names that may be videos'."""
    left = [array for array in arrays if len(array.shape) > 1] or [array for array in arrays if array.shape]
    if not left:
        raise InputError(f"{path}: holds single numbers, not rows of them; extract it again")
    beside = tuple(dict.fromkeys(array.name for array in arrays if array not in left))
    left = [replace(array, beside=beside) for array in left]
    if len(left) > 1 and {len(array.shape) for array in left} == {1} and len({array.shape for array in left}) == 1:
        raise InputError(
            f"{path}: holds {len(left)} single rows, such as {left[0].name} {left[0].shape}; "
            "save the rows of each video as one array, (snippets, dim)"
        )
    if len(left) == 1 and len(arrays) > 1 and not left[0].folders:
        return [replace(left[0], name=path.stem)]
    groups = {array.folders for array in left}
    if len(left) == len(groups) > 1 and () not in groups and len({array.name for array in left}) == 1:
        return [replace(array, name=array.folders[-1], folders=array.folders[:-1]) for array in left]
    return left
