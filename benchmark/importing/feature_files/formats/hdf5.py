"""HDF5 files: every dataset in them is an array, usually one per video."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmark.datasets.arrays import shorten
from benchmark.importing.feature_files.formats.array_file import ArrayFile
from benchmark.system.errors import InputError
from benchmark.system.libraries import load_extra

_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 32000: "lzf"}
_LARGEST_CHUNK = 256 * 2**20
_DEEPEST = 16


@dataclass(frozen=True)
class Hdf5Array(ArrayFile):
    """A dataset of an HDF5 file.

    Attributes
    ----------
    key
        Where it lies in the file.
    ones
        Number of its first axes that are of length one and left out of the shape.
    """

    key: str
    ones: int = 0

    def inner(self, axes: int) -> ArrayFile:
        """Return the dataset without its first axes."""
        return replace(self, shape=self.shape[axes:], ones=self.ones + axes)

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the dataset in blocks of rows, each decompressed when it is asked for."""
        first = (0,) * self.ones
        with _open(self.path) as file:
            for start in range(0, self.shape[0], rows):
                try:
                    block: NDArray[Any] = file[self.key][(*first, slice(start, start + rows))]
                except (OSError, RuntimeError, ValueError, KeyError) as error:
                    raise _damaged(self.path, error) from None
                if block.shape != (min(rows, self.shape[0] - start), *self.shape[1:]):
                    raise InputError(f"{self.path}: has changed while it was read; import it again")
                yield block


def open_hdf5(path: Path) -> list[Hdf5Array]:
    """Open all datasets of an HDF5 file; nested groups become their folders.

    Raises
    ------
    InputError
        If h5py is not installed, the file is missing or damaged, holds links or data outside of it, data that no
        chunk in it backs, anything but numbers, or is compressed in a way that needs another library.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with _open(path) as file:
        try:
            arrays = list(_walk(path, file, (), set()))
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, error) from None
    if not arrays:
        raise InputError(f"{path}: no datasets in it; extract it again")
    return arrays


def _open(path: Path) -> Any:
    h5py = load_extra("h5py", f"{path}: HDF5 needs h5py; install it with `pip install 'wvad-bench[hdf5]'`")
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a readable HDF5 file ({shorten(error)}); copy or extract it again")


def _walk(path: Path, group: Any, folders: tuple[str, ...], seen: set[object]) -> Iterator[Hdf5Array]:
    """Yield the datasets of a group and of the groups in it, each checked."""
    import h5py

    for name in group:
        where = f"{path}: {'/'.join((*folders, name))}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"{where} is a link to elsewhere; store the array itself")
        member = group[name]
        address = h5py.h5o.get_info(member.id).addr
        if address in seen or len(folders) > _DEEPEST:
            raise InputError(f"{where} is there twice or nested too deep; store each array once")
        seen.add(address)
        if isinstance(member, h5py.Group):
            yield from _walk(path, member, (*folders, name), seen)
        elif isinstance(member, h5py.Dataset):
            _check_dataset(where, member)
            key = "/".join((*folders, name))
            yield Hdf5Array(path, name, tuple(map(int, member.shape)), key, folders=folders)
        else:
            raise InputError(f"{where} is neither an array nor a group of them; remove it")


def _check_dataset(where: str, dataset: Any) -> None:
    if dataset.shape is None or dataset.dtype.kind not in "fiub":
        raise InputError(f"{where} holds {dataset.dtype} values; save it again as an array of numbers")
    properties = dataset.id.get_create_plist()
    if dataset.is_virtual or properties.get_external_count():
        raise InputError(f"{where} keeps its values in other files; save it again as an array of its own")
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    if unknown := [code for code in filters if code not in _FILTERS]:
        raise InputError(
            f"{where} has passed filter {unknown[0]}; save it plain, or with {', '.join(_FILTERS.values())}"
        )
    _check_size(where, dataset, Path(dataset.file.filename).stat().st_size)


def _check_size(where: str, dataset: Any, size: int) -> None:
    """Raise an error if the file, of so many bytes, does not hold all that the dataset's shape says.

    HDF5 gives a fill value for what was never written, so a shape alone can stand for any number of values.
    """
    stored = dataset.id.get_storage_size()
    if dataset.chunks is None:
        complete = stored >= math.prod(dataset.shape) * dataset.dtype.itemsize
    else:
        if math.prod(dataset.chunks) * dataset.dtype.itemsize > _LARGEST_CHUNK:
            raise InputError(f"{where} is stored in chunks of {dataset.chunks} values; save it in smaller ones")
        chunks = math.prod(-(-n // chunk) for n, chunk in zip(dataset.shape, dataset.chunks, strict=True))
        complete = dataset.id.get_num_chunks() == chunks
    if not complete or stored > size:
        raise InputError(f"{where} has shape {dataset.shape}, but not all of it was written; extract it again")
