"""The input stage: what a method, with its add-ons, is given of a video's stored features."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.segments import make_segments
from benchmark.terms import Training

_Float = TypeVar("_Float", np.float32, np.float64)


def input_rows(stored: NDArray[Any], training: Training) -> NDArray[np.float32]:
    """Return a video's rows as they are scored: one by one.

    Parameters
    ----------
    stored
        Features of a video, (rows, crops, dim).
    training
        Its `crops` are taken. Either `unit_features` divides each row by its L2 norm.

    Returns
    -------
    rows
        Shape (crops, rows, dim).
    """
    rows = stored[:, : training.crops_of(stored.shape[1])].astype(np.float32)
    return (rows if training.unit_features == "none" else unit_length(rows)).swapaxes(0, 1)


def input_segments(stored: NDArray[Any], training: Training) -> NDArray[np.float32]:
    """Return a video's segments as they are trained on.

    Parameters
    ----------
    stored
        Features of a video, (rows, crops, dim).
    training
        Its `crops` are taken and made `segments` by the rule `segmenting`; `unit_features` says which are divided by
        their L2 norm: the rows before, or the segments after.

    Returns
    -------
    segments
        Shape (crops, T, dim).
    """
    rows = stored[:, : training.crops_of(stored.shape[1])]
    if training.unit_features == "snippets":
        rows = unit_length(rows.astype(np.float32))
    segments = make_segments(rows, training.segments, training.segmenting)
    return (unit_length(segments) if training.unit_features == "segments" else segments).swapaxes(0, 1)


def unit_length(features: NDArray[_Float]) -> NDArray[_Float]:
    """Return features divided by their L2 norm along the last axis; zero stays zero."""
    norms = np.linalg.norm(features, axis=-1, keepdims=True)
    return np.divide(features, np.where(norms > 0, norms, 1), dtype=features.dtype)
