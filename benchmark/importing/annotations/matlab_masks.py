"""Pixel masks in a MATLAB file, one frame held at a time: the official ones are 331 MB in 1.3 MB."""

from __future__ import annotations

import math
from collections.abc import Iterator
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import opened
from benchmark.importing.matlab_file import CELL, MATRIX, NUMBERS, Elements, MatlabError, variables
from benchmark.system.errors import InputError

# The official masks are 1,439 of 0.2 MiB at most.
_MOST_BYTES = 2 << 30
_MOST_MASK_BYTES = 64 << 20
_MOST_FRAMES = 1_000_000


def frames_with_pixels(path: Path, variable: str) -> NDArray[np.bool_]:
    """Read which frames have a pixel that is not zero.

    Parameters
    ----------
    path
        A MATLAB file of level 5, compressed or not.
    variable
        A cell array with one mask per frame; an empty one is a frame without pixels.

    Returns
    -------
    positive
        Shape (frames,).

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, is of another level (7.3 is HDF5), has no such variable, or inflates
        beyond all reason.
    """
    try:
        with opened(path) as file:
            return np.fromiter(_frames(file, variable), dtype=np.bool_)
    except MatlabError as error:
        raise InputError(f"{path}: not a readable MATLAB file of frame masks ({error}); download it again") from None


def _frames(file: BufferedReader[FileIO], variable: str) -> Iterator[bool]:
    """Yield whether a mask has pixels, for each cell of a variable."""
    for found in variables(file, _MOST_BYTES, _MOST_MASK_BYTES):
        elements = found.elements
        header = elements.header()
        if header.name != variable:
            continue
        size = math.prod(header.shape)
        if header.kind != CELL or not 0 < size <= _MOST_FRAMES:
            raise MatlabError(f"{variable} is not a cell array of masks")
        for _ in range(size):
            inner, data = elements.element()
            if inner != MATRIX:
                raise MatlabError("a cell that holds no mask")
            yield bool(data) and _has_pixel(Elements(BytesIO(data), elements.order, _MOST_MASK_BYTES))
        return
    raise MatlabError(f"it has no variable {variable}")


def _has_pixel(mask: Elements) -> bool:
    header = mask.header()
    pixels = mask.numbers() if header.kind in NUMBERS else np.empty(0)
    if header.kind not in NUMBERS or pixels.size != math.prod(header.shape):
        raise MatlabError("a cell that holds no mask")
    return bool(pixels.any())
