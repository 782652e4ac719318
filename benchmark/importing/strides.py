"""Rows and frames: how many rows a video of so many frames has, where a row comes every so many frames."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.terms import MOST_STRIDE, SNIPPET_FRAMES

PUBLISHED_SEGMENTS = 32
_STRIDES = range(1, MOST_STRIDE + 1)


def fits(rows: int, frames: int, stride: int = SNIPPET_FRAMES) -> bool:
    """Whether a video may have so many rows: floor or ceiling of frames / stride, or one short."""
    return is_short(rows, frames, stride) or rows in (frames // stride, -(-frames // stride))


def is_short(rows: int, frames: int, stride: int = SNIPPET_FRAMES) -> bool:
    """Whether the last whole row is missing, as some extractors leave it."""
    return rows == frames // stride - 1


def are_segments(rows: Sequence[int], frames: Sequence[int | None], stride: int = SNIPPET_FRAMES) -> bool:
    """Whether videos were segmented before: one number of rows for all, against most of their frame counts.

    Where no frame count is known, that number must be the 32 in which segmented features are published.
    """
    if len(set(rows)) != 1:
        return False
    known = [fits(n, count, stride) for n, count in zip(rows, frames, strict=True) if count is not None]
    return known.count(False) > len(known) / 2 if known else rows[0] == PUBLISHED_SEGMENTS


def fitting_strides(videos: Sequence[tuple[int, int]]) -> list[int]:
    """Return the strides that fit all videos, given as (rows, frames): those by which all are rounded alike, if any."""
    fitting = [stride for stride in _STRIDES if all(fits(rows, frames, stride) for rows, frames in videos)]
    alike = [
        stride
        for stride in fitting
        if all(rows == frames // stride for rows, frames in videos)
        or all(rows == -(-frames // stride) for rows, frames in videos)
    ]
    return alike or fitting
