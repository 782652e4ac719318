"""PyTorch tensors inside a pickle: the calls that would build them, and where their storages lie."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.datasets.formats.numpy_calls import is_shape
from benchmark.datasets.formats.pickle_stream import Call, Name, Reference, Span, read_pickle
from benchmark.datasets.formats.types import StoredArray, opened
from benchmark.errors import InputError

# Type of a storage -> type of its values; bfloat16 is the upper half of float32.
_TYPES: Mapping[str, str] = {
    "Double": "<f8",
    "Float": "<f4",
    "Half": "<f2",
    "BFloat16": "<u2",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "|i1",
    "Byte": "|u1",
    "Bool": "|b1",
}
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


@dataclass(frozen=True)
class Storage:
    """The values of a tensor in a file: their type, as of PyTorch, and their place."""

    kind: str
    span: Span


@dataclass(frozen=True)
class StorageKey:
    """What a pickle says of a storage outside of it: its type, its name there, and its number of values."""

    kind: str
    key: str
    count: int


def pickled_tensor(call: Call, path: Path) -> StoredArray | None:
    """Return the tensor that a call of a pickle would have built; None if it is no such call.

    Raises
    ------
    InputError
        If the tensor's description is damaged, or reaches beyond its storage.
    """
    if call.name != "torch._utils._rebuild_tensor_v2":
        return None
    storage = call.arguments[0] if call.arguments else None
    if not (
        isinstance(storage, Call)
        and storage.name == "torch.storage._load_from_bytes"
        and len(storage.arguments) == 1
        and isinstance(storage.arguments[0], Span)
    ):
        raise damaged(path)
    value, storages = read_legacy(storage.arguments[0], path)
    key = storage_key(value)
    if key is None or key.key not in storages:
        raise damaged(path)
    return tensor(call, storages[key.key], path)


def tensor(call: Call, storage: Storage, path: Path) -> StoredArray:
    """Return the tensor that a call of ``torch._utils._rebuild_tensor_v2`` would have built from a storage.

    Raises
    ------
    InputError
        If the tensor's description is damaged, or reaches beyond its storage.
    """
    if len(call.arguments) < 4:
        raise damaged(path)
    _, first, shape, strides = call.arguments[:4]
    if not (isinstance(first, int) and first >= 0 and is_shape(shape) and is_shape(strides)):
        raise damaged(path)
    if len(shape) != len(strides):
        raise damaged(path)
    dtype = np.dtype(_TYPES[storage.kind])
    last = first + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True)) if all(shape) else first
    if last >= max(1, storage.span.length // dtype.itemsize):
        raise damaged(path)
    return StoredArray(
        path=path,
        name=path.stem,
        shape=shape,
        dtype=dtype,
        offset=storage.span.offset + first * dtype.itemsize,
        strides=tuple(stride * dtype.itemsize for stride in strides),
        bfloat16=storage.kind == "BFloat16",
    )


def storage_key(value: object) -> StorageKey | None:
    """Return what a reference of a pickle says of a storage; None if it is not one."""
    if not isinstance(value, Reference) or not isinstance(value.identity, tuple) or len(value.identity) < 5:
        return None
    word, kind, key, _, count = value.identity[:5]
    if word != "storage" or not isinstance(kind, Name) or not isinstance(key, str) or not isinstance(count, int):
        return None
    name = kind.text.removeprefix("torch.").removesuffix("Storage")
    return StorageKey(name, key, count) if name in _TYPES and count >= 0 else None


def read_legacy(span: Span, path: Path) -> tuple[object, dict[str, Storage]]:
    """Read what PyTorch wrote before it wrote zip files: a row of pickles, then the storages.

    Returns
    -------
    value
        The pickle of what was saved.
    storages
        Name -> storage.

    Raises
    ------
    InputError
        If it is damaged.
    """
    end = span.offset + span.length
    with opened(path) as file:
        file.seek(span.offset)
        magic, protocol, _, value, keys = (read_pickle(file, end, path) for _ in range(5))
        if magic != _MAGIC or protocol != _PROTOCOL or not isinstance(keys, list):
            raise damaged(path)
        kinds = {key.key: key for key in _keys(value)}
        storages = {}
        for key in keys:
            if not isinstance(key, str) or key not in kinds:
                raise damaged(path)
            head = file.read(8)
            length = kinds[key].count * np.dtype(_TYPES[kinds[key].kind]).itemsize
            place = Span(file.tell(), length)
            if len(head) != 8 or struct.unpack("<q", head)[0] != kinds[key].count or place.offset + length > end:
                raise damaged(path)
            file.seek(length, 1)
            storages[key] = Storage(kinds[key].kind, place)
    return value, storages


def _keys(value: object) -> list[StorageKey]:
    """Return the storages that a saved tensor, or a bare storage, refers to."""
    if isinstance(value, Call) and value.arguments:
        value = value.arguments[0]
    key = storage_key(value)
    return [] if key is None else [key]


def damaged(path: Path) -> InputError:
    """Return the error for a file that is none of PyTorch's, or damaged."""
    return InputError(f"{path}: not a readable file of PyTorch tensors; save it again as an array of numbers")
