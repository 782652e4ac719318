"""Decoding a video: one pass, in order, one snippet in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.extraction.frame_sources import Frame, Resampled, open_frames
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, VideoTail

_LOST = 0.9
"""Share of the promised frames below which decoding stopped early."""
_UNEVEN = 0.5
"""Seconds that a frame may be shown earlier or later than the frame rate says."""
_LONGEST = 1e9
"""Frames; a year at 30 a second. Streams without a length state numbers beyond all bounds."""


class SnippetReader:
    """The snippets of a video, each a list of frames; iterated once.

    Parameters
    ----------
    path
        File of the video, or folder of its frames.
    tail
        What becomes of the last frames where they do not fill a snippet: ``drop`` leaves them out, ``keep`` and
        ``loop`` give them as a shorter snippet; ``lookahead`` gives only snippets that a frame follows.
    span
        Frames given of each snippet: 16, or 17 with the one that follows, which `lookahead` has.
    fewest
        Videos of fewer frames are too short.
    rate
        Frames per second that the video is brought to; None for as it decodes.

    Attributes
    ----------
    frames
        Frames decoded so far, those of the tail included. They are counted by decoding, as the number that a
        container states is often wrong.
    snippets
        Snippets given so far.
    rate
        Frames per second that the video states; 0 where it states none.

    Raises
    ------
    InputError
        If the file cannot be opened as a video, or the folder lacks a frame.
    """

    def __init__(
        self,
        path: Path,
        tail: VideoTail,
        *,
        span: int = SNIPPET_FRAMES,
        fewest: int = 1,
        rate: float | None = None,
    ) -> None:
        source = open_frames(path)
        self.rate = source.rate
        self._source = source if rate is None else Resampled(source, path, rate)
        self._path, self._tail, self._span, self._fewest = path, tail, span, fewest
        self.frames = self.snippets = 0

    @property
    def promised_snippets(self) -> int:
        """How many snippets the frames make that the video states; 0 where it states none that can be believed."""
        promised = self._source.promised
        if not 0 < promised < _LONGEST:
            return 0
        frames = round(promised)
        if self._tail in ("keep", "loop"):
            return -(-frames // SNIPPET_FRAMES)
        return (frames - (self._tail == "lookahead")) // SNIPPET_FRAMES

    def __iter__(self) -> Iterator[list[Frame]]:
        snippet: list[Frame] = []
        enough = SNIPPET_FRAMES + (self._tail == "lookahead")
        for frame in self._source:
            self.frames += 1
            snippet.append(frame)
            if len(snippet) == enough:
                self.snippets += 1
                yield snippet[: self._span]
                snippet = snippet[SNIPPET_FRAMES:]
        if snippet and self._tail in ("keep", "loop"):
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
        if self.snippets == 0 and self.frames < SNIPPET_FRAMES:
            raise InputError(
                f"{self._path}: {self.frames} frames are fewer than a snippet of {SNIPPET_FRAMES}; "
                "leave it out, or count the shorter snippet with --tail keep"
            )
        needed = max(self._fewest, SNIPPET_FRAMES + 1 if self._tail == "lookahead" else 1)
        if self.frames < needed:
            raise InputError(f"{self._path}: {self.frames} frames are fewer than the {needed} needed; leave it out")

    def warning(self) -> str:
        """Say that decoding stopped long before the end that the file states, or that its rate varies; or nothing."""
        promised, drift = self._source.promised, self._source.drift
        if promised - self.frames < SNIPPET_FRAMES or self.frames >= _LOST * promised:
            if drift < _UNEVEN:
                return ""
            return (
                f"{self._path}: its frame rate varies, frames come up to {drift:.1f} s earlier or later than at "
                f"{self.rate:.4g} a second. They are taken as they decode, and times in seconds are as far off."
            )
        return (
            f"{self._path}: shorter than its header says, {self.frames} of {promised:.0f} frames could be decoded. "
            "These are kept. If it was cut off, copy it again and take its line out of frames.csv to extract it anew."
        )


def fill_up(places: Sequence[int], length: int, tail: VideoTail) -> list[int]:
    """Return which frames stand at places of a snippet that has fewer: the first again (`loop`), or the last.

    Parameters
    ----------
    length
        Frames that the snippet has.
    """
    if tail == "loop":
        return [place % length for place in places]
    return [min(place, length - 1) for place in places]


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
