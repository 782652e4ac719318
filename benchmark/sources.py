"""Telling code from other code by its content."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

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
