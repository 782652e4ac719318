"""What a dataset knows of a video's frames, and the rules by which published ground truth is longer or shorter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.datasets.manifest import Video
from benchmark.importing.annotations.annotated import Interval
from benchmark.importing.ground_truth.sources import Labels
from benchmark.terms import SNIPPET_FRAMES


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


def truth_of(video: Video, stride: int) -> Truth | None:
    """Return what the dataset knows of a video's frames; None if not even how many they are."""
    frames = video.frames
    if frames is None:
        if video.unit == "segments":
            return None
        frames = video.rows * stride
    of_16 = video.unit == "snippets" and stride == SNIPPET_FRAMES
    snippets = video.rows if of_16 else -(-frames // SNIPPET_FRAMES)
    known = video.split == "test" or not video.label
    return Truth(video.name, frames, snippets, video.intervals if known else None)


_RULES: Mapping[str, Callable[[Truth], int]] = {
    "the true number of frames": lambda video: video.frames,
    "16 x the snippets here": lambda video: SNIPPET_FRAMES * video.snippets,
    "cut to a multiple of 16": lambda video: SNIPPET_FRAMES * (video.frames // SNIPPET_FRAMES),
    "padded to a multiple of 16": lambda video: SNIPPET_FRAMES * -(-video.frames // SNIPPET_FRAMES),
    "padded to a multiple of 16, by a snippet where it is one": lambda video: (
        SNIPPET_FRAMES * (video.frames // SNIPPET_FRAMES + 1)
    ),
    "cut to a multiple of 16, by a snippet where it is one": lambda video: (
        SNIPPET_FRAMES * ((video.frames - 1) // SNIPPET_FRAMES)
    ),
    "cut to a multiple of 16 and a snippet short": lambda video: SNIPPET_FRAMES * (video.frames // SNIPPET_FRAMES - 1),
    "padded to a multiple of 16 and a snippet long": lambda video: (
        SNIPPET_FRAMES * (-(-video.frames // SNIPPET_FRAMES) + 1)
    ),
}


def uniform_rules(videos: Sequence[Truth]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each rule with the lengths that it gives."""
    for rule, length in _RULES.items():
        yield rule, tuple(length(video) for video in videos)


def possible_lengths(video: Truth) -> tuple[int, ...]:
    """Return the lengths that the rules give a video, ascending."""
    return tuple(sorted(length for length in {rule(video) for rule in _RULES.values()} if length > 0))


def describe_lengths(videos: Sequence[Truth], lengths: Sequence[int]) -> str:
    """Say which rule gives all lengths or, where none does, how many videos follow which."""
    for rule, ruled in uniform_rules(videos):
        if ruled == tuple(lengths):
            return f"{rule}, every video"
    followed = Counter(_rule_of(video, length) for video, length in zip(videos, lengths, strict=True))
    return ", ".join(f"{rule} ({count:,})" for rule, count in followed.most_common())


def _rule_of(video: Truth, length: int) -> str:
    return next((name for name, rule in _RULES.items() if rule(video) == length), "another number of frames")
