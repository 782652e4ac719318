"""The pictures of a video that was scored: with the times at which they are shown, and those of its peaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.extraction.frame_sources import Frame, open_frames
from benchmark.prediction.answer import Prediction
from benchmark.terms import LEAST_FPS, MOST_FPS


def rate_of(prediction: Prediction) -> float:
    """Return the frames a second of the video itself, which its scores may have been brought to another of."""
    return stated_rate(prediction.source) or prediction.fps


def stated_rate(path: Path) -> float | None:
    """Return the frames a second that a video states; None where it states none that can be.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    rate = open_frames(path).rate
    return rate if LEAST_FPS <= rate <= MOST_FPS else None


def timed_frames(prediction: Prediction) -> Iterator[tuple[float, Frame]]:
    """Yield each frame of a video, (height, width, BGR), with the second at which it is shown."""
    rate = rate_of(prediction)
    for place, frame in enumerate(open_frames(prediction.source)):
        yield place / rate, frame


def key_frames(prediction: Prediction) -> dict[int, Frame]:
    """Return the frame in the middle of each peak, (height, width, BGR), by the peak's snippet.

    Frames are decoded in order: seeking lands elsewhere in some files. A video that breaks off before has fewer.
    """
    wanted = {place: prediction.second_of(place) for place in prediction.peaks()}
    found: dict[int, Frame] = {}
    for second, frame in timed_frames(prediction):
        for place, time in wanted.items():
            if place not in found and second >= time:
                found[place] = frame
        if len(found) == len(wanted):
            break
    return found
