"""Hashes: of files, of JSON that carries its own sum, of what a key is made of, and of the code of a package."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path

from benchmark.system.files import open_regular

_BEFORE, _AFTER = b',\n "sha256": "', b'"\n}\n'
_DIGITS = 64
_SEAL = len(_BEFORE) + _DIGITS + len(_AFTER)


SUFFIXES = (".py", ".yaml")
"""Files of a package that what it does depends on: code and recipes."""


@cache
def hash_package(package: str) -> str | None:
    """Hash the code and the recipes of a package or module, wherever it lies; None where there is no such package."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    found = hashlib.sha256()
    for folder in map(Path, spec.submodule_search_locations or ()):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
            found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    if not spec.submodule_search_locations:
        found.update(Path(str(spec.origin)).read_bytes())
    return found.hexdigest()


def digest(content: object) -> str:
    """Return 16 hex digits of the hash of what can be written as JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sum_of(path: Path) -> str:
    """Return the SHA-256 sum of a file, which is read in blocks."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(content: bytes) -> bytes:
    """Add the sum of a JSON object to it as its last field; a sealed one stays as it is."""
    if is_sealed(content):
        return content
    body = content.rstrip().removesuffix(b"}").rstrip()
    return body + _BEFORE + hashlib.sha256(body).hexdigest().encode() + _AFTER


def is_sealed(content: bytes) -> bool:
    """Return whether a JSON object ends with its sum, right or wrong."""
    tail = content[-_SEAL:]
    return tail.startswith(_BEFORE) and tail.endswith(_AFTER)


def unseal(content: bytes) -> bytes:
    """Return a JSON object without its sum; one from before there were sums is returned as it is.

    Raises
    ------
    ValueError
        If the sum is another.
    """
    if not is_sealed(content):
        return content
    body = content[:-_SEAL]
    if hashlib.sha256(body).hexdigest().encode() != content[-len(_AFTER) - _DIGITS : -len(_AFTER)]:
        raise ValueError("the content is not what was written")
    return body + b"}"
