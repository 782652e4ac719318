"""What a dataset knows of a video's frames, to be compared with ground truth from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.datasets.ground_truth.sources import Labels
from benchmark.datasets.manifest import Video
from benchmark.terms import SNIPPET_FRAMES

Interval = tuple[int, int]


@dataclass(frozen=True)
class Truth:
    """A video's frames as the dataset has them.

    Attributes
    ----------
    frames
        Number of frames.
    snippets
        Number of snippets; where the rows are segments, those that cover its frames.
    intervals
        Abnormal frames ``[start, end)``, ascending and apart; None where they are not known (abnormal training videos).
    """

    name: str
    frames: int
    snippets: int
    intervals: tuple[Interval, ...] | None


def stretch(intervals: Sequence[Interval], frames: int, length: int) -> tuple[Interval, ...]:
    """Return a video's intervals in a ground truth of another length: cut, or repeating the last frame's label."""
    stretched = ((start, length if end >= frames else min(end, length)) for start, end in intervals)
    return tuple((start, end) for start, end in stretched if start < end)


def labels_of(intervals: Sequence[Interval], length: int) -> Labels:
    """Return labels, shape (length,), True in the intervals; what of them lies outside is left out."""
    labels = np.zeros(length, np.bool_)
    for start, end in intervals:
        labels[max(0, start) : max(0, end)] = True
    return labels


def truth_of(video: Video) -> Truth | None:
    """Return what the dataset knows of a video's frames; None if not even how many they are."""
    frames = video.frames
    if frames is None:
        if video.unit == "segments":
            return None
        frames = video.rows * SNIPPET_FRAMES
    snippets = video.rows if video.unit == "snippets" else -(-frames // SNIPPET_FRAMES)
    known = video.split == "test" or not video.label
    return Truth(video.name, frames, snippets, video.intervals if known else None)
