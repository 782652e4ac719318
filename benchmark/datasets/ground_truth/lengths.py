"""The rules by which published ground truth is longer or shorter than the videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmark.datasets.ground_truth.truth import Truth
from benchmark.terms import SNIPPET_FRAMES

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
