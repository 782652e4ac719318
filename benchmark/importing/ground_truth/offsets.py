"""A constant offset: as many frames of every video left out or added at its ends, as by models of several frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmark.importing.ground_truth.sources import Labels
from benchmark.importing.ground_truth.truth import Truth, labels_of, stretch
from benchmark.system.amounts import count

_MOST = 64
"""Frames; the longest clip that a model in circulation leaves out is of 16."""


@dataclass(frozen=True)
class Offset:
    """How the part of every video lies in it.

    Attributes
    ----------
    start, end
        Frames that the part lacks at the video's start and end; negative, it has as many more.
    certain
        Whether the labels tell how the frames are shared between start and end.
    """

    start: int
    end: int
    certain: bool = True

    def __str__(self) -> str:
        total = self.start + self.end
        if not self.certain:
            how = "short" if total > 0 else "longer"
            return f"each video is {count(abs(total), 'frame')} {how}, at which end is not told"
        ends = [(self.start, "first", "start"), (self.end, "last", "end")]
        lacking = [
            f"its {which} {count(n, 'frame')}" if n > 1 else f"its {which} frame" for n, which, _ in ends if n > 0
        ]
        more = [f"{count(-n, 'frame')} more at its {where}" for n, _, where in ends if n < 0]
        said = [f"{verb} {' and '.join(parts)}" for verb, parts in (("lacks", lacking), ("has", more)) if parts]
        return f"each video {' and '.join(said)}"


def find_offset(videos: Sequence[Truth], parts: Sequence[Labels]) -> Offset | None:
    """Find the offset at which the fewest labels of the videos' parts differ.

    Parameters
    ----------
    videos, parts
        The videos, and the labels of each, shape (frames,).

    Returns
    -------
    None if the parts are not all longer, or all shorter, by the same number of frames; and of a single video, of
    which that says nothing.
    """
    missing = {video.frames - len(part) for video, part in zip(videos, parts, strict=True)}
    if len(missing) != 1 or len(videos) < 2:
        return None
    offsets = list(possible_offsets(missing.pop()))
    counts = [mismatches(videos, parts, offset) for offset in offsets]
    best = [offset for offset, count in zip(offsets, counts, strict=True) if count == min(counts)]
    return replace(best[0], certain=len(best) == 1) if best else None


def possible_offsets(missing: int) -> Iterator[Offset]:
    """Yield the ways in which so many frames, more if negative, can be missing; at the end first."""
    if 0 < abs(missing) <= _MOST:
        for start in range(missing + 1) if missing > 0 else range(0, missing - 1, -1):
            yield Offset(start, missing - start)


def mismatches(videos: Sequence[Truth], parts: Sequence[Labels], offset: Offset) -> int:
    """Count the frames whose label is not the video's, if the parts lie in the videos with that offset."""
    pairs = ((without_start(video, offset.start), part) for video, part in zip(videos, parts, strict=True))
    return sum(different(video, part) for video, part in pairs)


def different(video: Truth, labels: Labels) -> int:
    """Count the frames whose label is not the video's; those beyond its last frame are expected to repeat its label."""
    if video.intervals is None:
        return 0
    expected = labels_of(stretch(video.intervals, video.frames, len(labels)), len(labels))
    return int((labels != expected).sum())


def without_start(video: Truth, start: int) -> Truth:
    """Return a video without its first frames or, if negative, with so many more that repeat the first one's label."""
    moved = (
        (begin if start < 0 and begin == 0 else max(0, begin - start), end - start)
        for begin, end in video.intervals or ()
    )
    intervals = None if video.intervals is None else tuple((begin, end) for begin, end in moved if begin < end)
    return replace(video, frames=video.frames - start, intervals=intervals)
