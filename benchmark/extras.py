"""Libraries that an extra brings, imported when they are first needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from benchmark.errors import InputError


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
