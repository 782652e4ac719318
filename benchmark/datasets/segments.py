"""Segments: the means of consecutive snippets that training sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def segment_edges(rows: int, T: int) -> NDArray[np.int64]:
    """Return the edges r_i = trunc(i * rows / T), i = 0..T, shape (T + 1,), as in RTFM's published code."""
    return np.arange(T + 1, dtype=np.int64) * rows // T


def segment_mean(array: NDArray[Any], T: int) -> NDArray[np.float32]:
    """Average the rows of one video into T segments.

    Segment i is the mean of the rows r_i .. r_{i+1} - 1 and, where that is none, row r_i alone: a video
    with fewer rows than T repeats rows. Rows that are segments already are averaged again by the same rule.

    Parameters
    ----------
    array
        Shape (rows, ...) with at least one row.

    Returns
    -------
    segments
        Shape (T, ...), averaged in float32.
    """
    if len(array) == T:
        return array.astype(np.float32)
    edges = segment_edges(len(array), T)
    counts = np.maximum(np.diff(edges), 1).astype(np.float32)
    # reduceat gives the row alone where two edges are equal. It never sees an edge beyond the last row.
    sums = np.add.reduceat(array, edges[:-1], axis=0, dtype=np.float32)
    means: NDArray[np.float32] = np.divide(sums, counts.reshape(-1, *[1] * (array.ndim - 1)), dtype=np.float32)
    return means


def streamed_segment_mean(blocks: Iterable[NDArray[Any]], rows: int, T: int) -> NDArray[np.float32]:
    """Average a video's rows into T segments as `segment_mean` does, without having them all in memory.

    Parameters
    ----------
    blocks
        The rows front to back, (some rows, ...) each.
    rows
        Their number in all.

    Returns
    -------
    segments
        Shape (T, ...), averaged in float32.
    """
    starts = segment_edges(rows, T)
    ends = np.maximum(starts[1:], starts[:-1] + 1)
    sums: NDArray[np.float32] | None = None
    first = 0
    for block in blocks:
        if sums is None:
            sums = np.zeros((T, *block.shape[1:]), np.float32)
        last = first + len(block)
        for i in np.flatnonzero((starts[:-1] < last) & (ends > first)):
            part = block[max(starts[i] - first, 0) : ends[i] - first]
            sums[i] += part.sum(axis=0, dtype=np.float32)
        first = last
    if sums is None or first != rows:
        raise ValueError(f"{first} rows in place of {rows}")
    sums /= (ends - starts[:-1]).astype(np.float32).reshape(-1, *[1] * (sums.ndim - 1))
    return sums
