"""Segments: what training sees of a video's snippets, mostly means of consecutive ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.terms import SegmentRule

PADDED: frozenset[SegmentRule] = frozenset({"index", "average-or-pad"})
"""Rules that fill up a short video with zeros, so that its length has to be known."""


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


def make_segments(array: NDArray[Any], T: int, rule: SegmentRule) -> NDArray[np.float32]:
    """Make T segments of the rows of one video.

    Parameters
    ----------
    array
        Shape (rows, ...) with at least one row.
    rule
        ``average``: `segment_mean`, as RTFM's code. ``interpolate``: the rows between which the middle of a segment
        lies, in proportion, as S3R's code; of many rows most are skipped. ``index``: T rows evenly spaced, as HL-Net's
        code, or all rows and zeros after them. ``average-or-pad``: means where there are more than T rows, or all rows
        and zeros after them, as VadCLIP's code. ``tail``: the last row is repeated until T divides the number of rows,
        then means of equal parts, as WSAL's code.

    Returns
    -------
    segments
        Shape (T, ...), in float32.
    """
    return _RULES[rule](array, T)


def segments_filled(rows: int, T: int, rule: SegmentRule) -> int:
    """Return how many of the T segments of a video are its own, and not zeros after it."""
    return min(rows, T) if rule in PADDED else T


def _interpolated(array: NDArray[Any], T: int) -> NDArray[np.float32]:
    places = np.clip((np.arange(T) + 0.5) * len(array) / T - 0.5, 0, len(array) - 1)
    before = places.astype(np.int64)
    after = np.minimum(before + 1, len(array) - 1)
    share = (places - before).astype(np.float32).reshape(-1, *[1] * (array.ndim - 1))
    first: NDArray[np.float32] = array[before].astype(np.float32)
    return first + share * (array[after].astype(np.float32) - first)


def _picked(array: NDArray[Any], T: int) -> NDArray[np.float32]:
    if len(array) <= T:
        return _filled_up(array, T)
    return array[np.linspace(0, len(array) - 1, T).astype(np.int64)].astype(np.float32)


def _averaged_or_filled_up(array: NDArray[Any], T: int) -> NDArray[np.float32]:
    return segment_mean(array, T) if len(array) > T else _filled_up(array, T)


def _filled_up(array: NDArray[Any], T: int) -> NDArray[np.float32]:
    segments = np.zeros((T, *array.shape[1:]), np.float32)
    segments[: len(array)] = array
    return segments


def _tailed(array: NDArray[Any], T: int) -> NDArray[np.float32]:
    missing = -len(array) % T
    return segment_mean(np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]), T)


_RULES: Mapping[SegmentRule, Callable[[NDArray[Any], int], NDArray[np.float32]]] = {
    "average": segment_mean,
    "interpolate": _interpolated,
    "index": _picked,
    "average-or-pad": _averaged_or_filled_up,
    "tail": _tailed,
}


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
