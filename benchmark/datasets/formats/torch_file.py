"""`.pt` and `.pth` files: one PyTorch tensor, alone or in a list or dictionary. PyTorch itself is not asked."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from benchmark.datasets.arrays import shorten
from benchmark.datasets.formats.pickle_stream import Call, Pairs, Span, read_pickle
from benchmark.datasets.formats.tensors import Storage, damaged, read_legacy, storage_key, tensor
from benchmark.datasets.formats.types import StoredArray, opened
from benchmark.errors import InputError

_LOCAL_HEADER = 30
_MOST_ENTRIES = 10_000

_Find = Callable[[str], Span | None]


def open_torch(path: Path) -> StoredArray:
    """Open a file that `torch.save` wrote, of this form or that before version 1.6.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds anything but one tensor of numbers.
    """
    with opened(path) as file:
        size = file.seek(0, 2)
        if zipfile.is_zipfile(file):
            value, find = _read_zip(file, size, path)
            return _only_tensor(value, lambda key: find(f"data/{key}"), path)
    value, storages = read_legacy(Span(0, size), path)
    return _only_tensor(value, lambda key: storages[key].span if key in storages else None, path)


def _read_zip(file: BinaryIO, size: int, path: Path) -> tuple[object, _Find]:
    """Read the pickle in a zip file; the other entries are only looked up."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable file of PyTorch tensors ({shorten(error)}); save it again") from None
    if len(entries) > _MOST_ENTRIES:
        raise damaged(path)
    places: dict[str, Span] = {}
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts
        if entry.filename.startswith("/") or "\\" in entry.filename or ".." in parts:
            raise InputError(f"{path}: an entry leads out of the archive ({entry.filename[:80]!r}); it is not read")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise InputError(f"{path}: compressed, which PyTorch's files are not; save it again")
        places["/".join(parts[1:])] = _place(file, entry, size, path)

    if "data.pkl" not in places:
        raise damaged(path)
    pickle = places["data.pkl"]
    file.seek(pickle.offset)
    return read_pickle(file, pickle.offset + pickle.length, path), places.get


def _place(file: BinaryIO, entry: zipfile.ZipInfo, size: int, path: Path) -> Span:
    """Return where an entry's bytes lie: behind a header of its own, whose length the directory does not tell."""
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) != _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise damaged(path)
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    span = Span(entry.header_offset + _LOCAL_HEADER + name + extra, entry.file_size)
    if span.offset + span.length > size:
        raise damaged(path)
    return span


def _only_tensor(value: object, find: _Find, path: Path) -> StoredArray:
    calls = list(_tensors(value))
    if len(calls) != 1:
        raise InputError(f"{path}: holds {len(calls)} tensors, one is expected; save each video's features alone")
    key = storage_key(calls[0].arguments[0]) if calls[0].arguments else None
    span = find(key.key) if key is not None else None
    if key is None or span is None:
        raise damaged(path)
    return tensor(calls[0], Storage(key.kind, span), path)


def _tensors(value: object) -> Iterator[Call]:
    """Yield the tensors in nested lists and dictionaries; they may be nested as deep as a file can be long."""
    waiting, seen = [value], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, Call) and each.name == "torch._utils._rebuild_tensor_v2":
            yield each
        elif isinstance(each, list | tuple | Pairs) and id(each) not in seen:
            seen.add(id(each))
            waiting += [inner for pair in each for inner in pair] if isinstance(each, Pairs) else list(each)
