"""The input stage: what a method, with its add-ons, is given of a video's stored features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.segments import segment_mean
from benchmark.terms import Training


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
    rows = stored[:, : training.crops].astype(np.float32)
    return (rows if training.unit_features == "none" else _unit(rows)).swapaxes(0, 1)


def input_segments(stored: NDArray[Any], training: Training) -> NDArray[np.float32]:
    """Return a video's segments as they are trained on.

    Parameters
    ----------
    stored
        Features of a video, (rows, crops, dim).
    training
        Its `crops` are taken and averaged into `segments`; `unit_features` says which are divided by their L2 norm:
        the rows before, or the segments after.

    Returns
    -------
    segments
        Shape (crops, T, dim).
    """
    rows = stored[:, : training.crops]
    segments = segment_mean(_unit(rows) if training.unit_features == "snippets" else rows, training.segments)
    return (_unit(segments) if training.unit_features == "segments" else segments).swapaxes(0, 1)


def _unit(features: NDArray[Any]) -> NDArray[np.float32]:
    """Divide features, along the last axis, by their L2 norm; zero stays zero."""
    values = features.astype(np.float32)
    norms = np.linalg.norm(values, axis=-1, keepdims=True)
    values /= np.where(norms > 0, norms, 1)
    return values
