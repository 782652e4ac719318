"""Frame masks: one 0 or 1 per frame of a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy
from benchmark.importing.annotations.annotated import Interval
from benchmark.system.errors import InputError


def read_mask(path: Path) -> tuple[int, tuple[Interval, ...]]:
    """Read the `.npy` mask of a video: its number of frames and where it is abnormal.

    Raises
    ------
    InputError
        If the file is not readable, or holds anything but one 0 or 1 per frame.
    """
    mask = read_npy(path)
    if mask.ndim != 1 or not np.isin(mask, (0, 1)).all():
        raise InputError(f"{path}: not a frame mask; one value per frame, 0 or 1, is expected")
    return len(mask), mask_intervals(mask)


def mask_intervals(mask: NDArray[Any]) -> tuple[Interval, ...]:
    """Return the runs of ones in a mask, shape (frames,), as ``[start, end)``."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return tuple((int(start), int(end)) for start, end in edges.reshape(-1, 2))
