"""How the process treats memory that tensors have given back."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# Of glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_BLOCK = 1 << 30
_NEVER = (1 << 31) - 1


@cache
def keep_freed_memory() -> None:
    """Keep memory that is freed for the next tensor, where the C library is glibc.

    Otherwise it gives blocks of some megabytes back to the system at once, and every step of a training pays for
    having all of its pages mapped and cleared anew: filling a fresh block takes ten times as long as filling a used
    one. For processes that train and then end.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
        mallopt(_TRIM_THRESHOLD, _NEVER)
