"""Libraries that may not be installed: imported when they are first needed, and their versions."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from benchmark.system.errors import InputError


def load_extra(module: str, missing: str) -> ModuleType:
    """Import a library that may not be installed.

    Parameters
    ----------
    missing
        What is said if it is not: what needs it, and how to get it.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(missing) from None


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None: ours may be run from a copied folder."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
