"""What must hold between a video's features and its annotation: rows, frames and intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.importing.annotations import Interval
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES

PUBLISHED_SEGMENTS = 32


def fits(rows: int, frames: int) -> bool:
    """Whether a video may have so many snippets: floor or ceiling of frames / 16, or one short."""
    return is_short(rows, frames) or rows in (frames // SNIPPET_FRAMES, -(-frames // SNIPPET_FRAMES))


def is_short(rows: int, frames: int) -> bool:
    """Whether the last whole snippet is missing, as some extractors leave it."""
    return rows == frames // SNIPPET_FRAMES - 1


def are_segments(rows: Sequence[int], frames: Sequence[int | None]) -> bool:
    """Whether videos were segmented before: one number of rows for all, against most of their frame counts.

    Where no frame count is known, that number must be the 32 in which segmented features are published.
    """
    if len(set(rows)) != 1:
        return False
    known = [fits(n, count) for n, count in zip(rows, frames, strict=True) if count is not None]
    return known.count(False) > len(known) / 2 if known else rows[0] == PUBLISHED_SEGMENTS


def clip_intervals(name: str, intervals: Iterable[Interval], frames: int) -> tuple[tuple[Interval, ...], int]:
    """Sort a video's intervals, join those that overlap, and clip those that end up to a snippet beyond it.

    Returns
    -------
    intervals
        Disjoint, ascending, inside ``[0, frames)``.
    clipped
        Number of frames cut off.

    Raises
    ------
    InputError
        If an interval starts beyond the video or ends more than a snippet beyond it.
    """
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= frames:
            raise InputError(
                f"{name}: an interval starts at frame {start}, but the video has {frames} frames; correct either"
            )
        if end > frames + SNIPPET_FRAMES:
            raise InputError(
                f"{name}: an interval ends at frame {end}, more than a snippet beyond the video's {frames}; "
                "correct either"
            )
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    clipped = max(0, joined[-1][1] - frames) if joined else 0
    return tuple((start, min(end, frames)) for start, end in joined), clipped
