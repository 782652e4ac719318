"""Files of `torch.save` that hold one tensor, read without torch.

Its reader for weights alone makes what a file asks for (a `bytearray` of 2 GiB for a few bytes) and cannot leave the
values of the form before 1.6 in the file, which tensors in object arrays have to this day.
"""

from __future__ import annotations

import re
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from benchmark.datasets.arrays import opened, shorten
from benchmark.importing.feature_files.formats.array_file import ArrayFile, StoredArray
from benchmark.importing.feature_files.formats.pickled_arrays import PickledFile, describe, read_legacy
from benchmark.importing.feature_files.formats.unpickler import Call, Pairs, Span, read_pickle
from benchmark.system.errors import InputError

_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LOCAL_HEADER = struct.Struct("<4s22x2H")
_UNSAFE = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|\\")


def open_torch(path: Path) -> ArrayFile:
    """Open a file that holds one tensor, by itself or as the only tensor of a list or dictionary.

    Parameters
    ----------
    path
        A zip archive of `torch.save`, or what torch wrote before 1.6.

    Raises
    ------
    InputError
        If the file is missing or damaged, holds anything but tensors and plain values, not exactly one tensor, or is
        an archive with compressed members or names that lead out of it.
    """
    with opened(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            read = read_legacy if file.peek().startswith(_LEGACY) else _read_archive
            content, storages = read(file, size, path)
            values = [value for _, value in content] if isinstance(content, Pairs) else content
            calls = values if isinstance(values, list | tuple) else [values]
            source = PickledFile(path, file, storages)
            found = [describe(call, source) for call in calls if isinstance(call, Call)]
        except InputError:
            raise
        except Exception as error:  # a damaged archive fails in many ways inside zipfile
            raise InputError(
                f"{path}: not a readable file of torch.save ({shorten(error)}); save the tensor again"
            ) from None
    tensors = [array for array in found if isinstance(array, StoredArray)]
    if len(tensors) > 1:  # a frame rate or time stamps beside the features
        tensors = [array for array in tensors if len(array.shape) > 1]
    if len(tensors) != 1:
        raise InputError(f"{path}: holds {len(tensors)} tensors, one per file is expected; save each by itself")
    return tensors[0]


def _read_archive(file: BinaryIO, size: int, path: Path) -> tuple[object, dict[str, Span]]:
    """Read the pickle of a zip archive, and find where its storages lie, which are members `NAME/data/KEY`."""
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: _locate(info, file, size, path) for info in archive.infolist()}
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"{len(pickles)} members called data.pkl")
    root = pickles[0].removesuffix("data.pkl")
    if (order := members.get(f"{root}byteorder")) is not None:
        file.seek(order.offset)
        if file.read(min(order.length, 16)) != b"little":
            raise ValueError("written on a machine of another byte order")
    span = members[pickles[0]]
    file.seek(span.offset)
    content, _ = read_pickle(file, span.offset + span.length, path)
    prefix = f"{root}data/"
    return content, {name.removeprefix(prefix): member for name, member in members.items() if name.startswith(prefix)}


def _locate(info: zipfile.ZipInfo, file: BinaryIO, size: int, path: Path) -> Span:
    """Return where the bytes of a member lie, which must be stored as they are."""
    # `orig_filename`, because zipfile has cut `filename` at a null byte.
    if _UNSAFE.search(info.orig_filename) or not info.orig_filename.isprintable():
        raise InputError(f"{path}: its member {info.orig_filename} has no safe name; save the tensor again")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
        raise InputError(f"{path}: its member {info.filename} is compressed; save the tensor again with torch.save")
    file.seek(info.header_offset)
    signature, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    offset = info.header_offset + _LOCAL_HEADER.size + name + extra
    if signature != b"PK\x03\x04" or offset + info.file_size > size:
        raise ValueError(f"member {info.filename} lies outside of the file")
    return Span(offset, info.file_size)
