"""Decoding a video: one pass, in order, one snippet in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.extra import load_opencv
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, VideoTail

Frame = NDArray[np.uint8]
"""(height, width, 3), blue, green, red."""

_LOST = 0.9
"""Share of the promised frames below which decoding stopped early."""


class SnippetReader:
    """The snippets of a video, each a list of frames; iterated once.

    Parameters
    ----------
    path
        File of the video.
    tail
        What becomes of the last frames where they do not fill a snippet: ``drop`` leaves them out, ``keep`` gives
        them as a shorter snippet.

    Attributes
    ----------
    frames
        Frames decoded so far, those of the tail included. They are counted by decoding, as the number that a
        container states is often wrong.
    snippets
        Snippets given so far.

    Raises
    ------
    InputError
        If the file cannot be opened as a video.
    """

    def __init__(self, path: Path, tail: VideoTail) -> None:
        cv2 = load_opencv()
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not self._capture.isOpened():
            raise InputError(f"{path}: cannot be opened as a video; copy it again or leave it out")
        self._promised = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._path, self._tail = path, tail
        self.frames = self.snippets = 0

    def __iter__(self) -> Iterator[list[Frame]]:
        snippet: list[Frame] = []
        try:
            while True:
                read, frame = self._capture.read()
                if not read:
                    break
                self.frames += 1
                snippet.append(frame)
                if len(snippet) == SNIPPET_FRAMES:
                    self.snippets += 1
                    yield snippet
                    snippet = []
        finally:
            self._capture.release()
        if snippet and self._tail == "keep":
            self.snippets += 1
            yield snippet

    def check_length(self) -> None:
        """Check, at the end, that the video gave at least one snippet.

        Raises
        ------
        InputError
            If it did not.
        """
        if self.frames == 0:
            raise InputError(f"{self._path}: not one frame can be decoded; copy it again or leave it out")
        if self.snippets == 0:
            raise InputError(
                f"{self._path}: {self.frames} frames are fewer than a snippet of {SNIPPET_FRAMES}; "
                "leave it out, or count the shorter snippet with --tail keep"
            )

    def warning(self) -> str:
        """Say that decoding stopped long before the end that the container states; empty if it did not."""
        if self._promised - self.frames < SNIPPET_FRAMES or self.frames >= _LOST * self._promised:
            return ""
        return (
            f"{self._path}: decoding stopped after {self.frames} frames, but the file states {self._promised:.0f}; "
            "is it damaged?"
        )


def frame_places(count: int, length: int) -> list[int]:
    """Return which frames of a snippet are looked at, where not all are.

    Places are ``floor(16 i / count)`` frames apart and begin at frame 2, or in the middle of the first interval where
    that is earlier: 4 frames are 2, 6, 10, 14; 2 frames are 2, 10.

    Parameters
    ----------
    count
        Frames wanted of a whole snippet, 1 to 16.
    length
        Frames that the snippet has; places beyond are left out, and its last frame stands in if none is left.
    """
    first = min(2, SNIPPET_FRAMES // count // 2)
    places = [first + i * SNIPPET_FRAMES // count for i in range(count)]
    return [place for place in places if place < length] or [length - 1]
