"""Numbers that come with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """Return the folder of some numbers: in an installed package, or ``results/NAME`` of a checkout."""
    package = Path(str(files("benchmark")))
    installed = package / name
    return installed if installed.is_dir() else package.parent / "results" / name
