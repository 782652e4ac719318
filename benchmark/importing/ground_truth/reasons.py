"""Why published ground truth differs from a dataset's: known ways of reading the annotation, tried on the video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from benchmark.importing.annotations.annotated import Interval, mask_intervals
from benchmark.importing.ground_truth.sources import Labels
from benchmark.importing.ground_truth.truth import Truth, labels_of, stretch
from benchmark.terms import SNIPPET_FRAMES

_LIE = {
    0: "",
    1: "events lie one frame later (1-based frame numbers read as 0-based)",
    -1: "events lie one frame earlier",
}
_START = {
    0: "",
    1: "events start one frame later (a 1-based start read as 0-based)",
    -1: "events start one frame earlier",
}
_END = {
    0: "",
    1: "events end one frame later (an exclusive end read as inclusive)",
    -1: "events end one frame earlier",
}
_SHIFTS = sorted(product((0, 1, -1), repeat=2), key=lambda shift: abs(shift[0]) + abs(shift[1]))
_MOST_LISTED = 2


class Reason(NamedTuple):
    """Why a video's labels differ: the same words for all videos that differ alike, and what is this video's own."""

    kind: str
    detail: str = ""


def find_reasons(video: Truth, labels: Labels) -> list[Reason]:
    """Find the readings of a video's annotation that give exactly these labels, the likely ones first.

    Parameters
    ----------
    video
        With known intervals.
    labels
        Shape (any number of frames,), and not those of the video where those beyond its last frame repeat its label.

    Returns
    -------
    At least one: where no reading gives the labels, the events that differ.
    """
    events = video.intervals or ()
    tails = {"": len(labels)}
    if len(labels) > video.frames:
        tails["frames after the video's last are normal"] = video.frames
    found = [
        Reason(", and ".join(filter(None, (reading.kind, tail))), reading.detail)
        for reading, read in _readings(events, video.frames)
        for tail, end in tails.items()
        if np.array_equal(labels_of(stretch(read, video.frames, end), len(labels)), labels)
    ]
    return found or [_other(stretch(events, video.frames, len(labels)), mask_intervals(labels))]


def _readings(events: Sequence[Interval], frames: int) -> Iterator[tuple[Reason, list[Interval]]]:
    """Yield ways of reading the annotation, the likely ones first."""
    for missing, kept in _kept(events):
        for start, end in _SHIFTS:
            moved = [(max(0, a + start), b + end) for a, b in kept]
            if all(a < b for a, b in moved):
                yield Reason(", and ".join(filter(None, (missing, _shift(start, end))))), moved
    yield Reason("no frame is abnormal"), []
    yield Reason("every frame is abnormal"), [(0, frames)]
    for gap in sorted({b - a for a, b in _gaps(events)}):
        yield Reason("short gaps between events are filled", f"up to {gap} frames"), _filled(events, gap)
    snippets = [(a // SNIPPET_FRAMES * SNIPPET_FRAMES, -(-b // SNIPPET_FRAMES) * SNIPPET_FRAMES) for a, b in events]
    yield Reason("events are rounded out to whole snippets"), snippets
    for late in range(2, SNIPPET_FRAMES + 1):
        yield Reason(f"events lie {late} frames later"), [(a + late, b + late) for a, b in events]
        yield Reason(f"events lie {late} frames earlier"), [(max(0, a - late), b - late) for a, b in events]


def _gaps(events: Sequence[Interval]) -> list[Interval]:
    return [(end, start) for (_, end), (start, _) in pairwise(events)]


def _filled(events: Sequence[Interval], most: int) -> list[Interval]:
    """Join events with up to so many frames between them."""
    return [*events, *(gap for gap in _gaps(events) if gap[1] - gap[0] <= most)]


def _kept(events: Sequence[Interval]) -> Iterator[tuple[str, list[Interval]]]:
    """Yield the events, then without one of them, then without the last ones."""
    yield "", list(events)
    count = len(events)
    for i in range(count if count > 1 else 0):
        yield f"event {i + 1} of {count} is missing", [*events[:i], *events[i + 1 :]]
    for i in range(count - 2, 0, -1):
        yield f"events after {'the first' if i == 1 else f'the first {i}'} are missing", list(events[:i])


def _shift(start: int, end: int) -> str:
    if start == end:
        return _LIE[start]
    return ", and ".join(filter(None, (_START[start], _END[end])))


def _other(here: Sequence[Interval], there: Sequence[Interval]) -> Reason:
    sides = {"here": sorted(set(here) - set(there)), "there": sorted(set(there) - set(here))}
    return Reason("other events", "; ".join(f"{side} {_listed(events)}" for side, events in sides.items() if events))


def _listed(events: Sequence[Interval]) -> str:
    listed = ", ".join(f"[{start}, {end})" for start, end in events[:_MOST_LISTED])
    return listed + (f" and {len(events) - _MOST_LISTED} more" if len(events) > _MOST_LISTED else "")
