"""What a file is by its first bytes, where that is not what its name says."""

from __future__ import annotations

from pathlib import Path

from benchmark.datasets.arrays import opened
from benchmark.system.errors import InputError

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "an .npy file"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
    (b"MATLAB 7.3 MAT-file", "a file of MATLAB 7.3"),
    (b"# Created by Octave", "text of Octave"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"version https://git-lfs", "a Git LFS pointer, which stands for the file"),
    (b"%PDF-", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_TAR = slice(257, 262)
_REMEDIES = {
    "archive": "unpack it",
    "pointer": "fetch it with `git lfs pull`",
    "UTF-16": "save it in UTF-8",
    "HDF5": "call it .h5",
    ".npy": "call it .npy",
    "MATLAB 7.3": "save it with `save -v7`",
    "Octave": "save it with `save -v7`",
    "MATLAB": "call it .mat",
}


def content_of(path: Path) -> str:
    """Say what a file is: empty, a web page, an archive, ...; empty if that cannot be told.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    with opened(path) as file:
        head = file.read(512)
    if not head:
        return "empty"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page"
    if head[_TAR] == b"ustar":
        return "a tar archive"
    return next((what for beginning, what in _BEGINNINGS if head.startswith(beginning)), "")


def refused(path: Path, content: str) -> InputError:
    """Return the error for a file that is something else than features."""
    remedy = next((remedy for word, remedy in _REMEDIES.items() if word in content), "download or copy it again")
    return InputError(f"{path}: is {content}, not features; {remedy}")
