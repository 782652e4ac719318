"""Where the frames of a video come from: a file that is decoded, or a folder of numbered pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from math import floor
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.extraction.extra import load_opencv
from benchmark.system.errors import InputError
from benchmark.system.files import read_regular

Frame = NDArray[np.uint8]
"""(height, width, 3), blue, green, red."""

FEWEST = 4
"""Numbered pictures that make a folder of frames; fewer may be anything."""
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_NUMBERED = re.compile(r"(.*?)([0-9]{1,18})", re.DOTALL)


class FrameSource(Protocol):
    """The frames of a video in their order, iterated once.

    Attributes
    ----------
    promised
        How many frames the source states that it has.
    rate
        How many a second, as the source states it; 0 where it states none.
    """

    promised: float
    rate: float

    @property
    def drift(self) -> float:
        """By how many seconds a frame so far was shown earlier or later than the rate says, at most."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""


def open_frames(path: Path) -> FrameSource:
    """Open a video, or a folder of frames.

    Raises
    ------
    InputError
        If the file cannot be opened as a video, or the folder lacks a frame.
    """
    return FrameFolder(path) if path.is_dir() else VideoFile(path)


class VideoFile:
    """The frames of a video as OpenCV decodes them, on one thread."""

    def __init__(self, path: Path) -> None:
        cv2 = load_opencv()
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not self._capture.isOpened():
            raise InputError(f"{path}: cannot be opened as a video; copy it again or leave it out")
        self.promised: float = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.rate: float = self._capture.get(cv2.CAP_PROP_FPS)
        self.drift = 0.0
        self._millisecond = cv2.CAP_PROP_POS_MSEC

    def __iter__(self) -> Iterator[Frame]:
        first = last = 0.0
        try:
            for place in count():
                read, frame = self._capture.read()
                if not read:
                    return
                shown = self._capture.get(self._millisecond) / 1000
                if place == 0:
                    first = shown
                elif self.rate > 0 and shown > last:  # streams without times have none that grow
                    self.drift = max(self.drift, abs(shown - first - place / self.rate))
                last = shown
                yield frame
        finally:
            self._capture.release()


class FrameFolder:
    """The pictures of a folder, in the order of their numbers."""

    rate = drift = 0.0

    def __init__(self, path: Path) -> None:
        self._path = path
        pictures = [each for each in path.iterdir() if is_picture(each.name)]
        if odd := odd_picture(pictures):
            raise InputError(f"{path}: {odd.name} is no frame with a number, as others are; move it elsewhere")
        self._pictures = sorted(pictures, key=lambda each: (_number(each), each.name))
        for before, after in pairwise(self._pictures):
            step = _number(after) - _number(before)
            if step == 0:
                raise InputError(f"{path}: {before.name} and {after.name} have the same number; leave out one of them")
            if step > 1:
                first, last = _number(before) + 1, _number(after) - 1
                missing = f"frame {first} is" if first == last else f"frames {first} to {last} are"
                raise InputError(
                    f"{path}: {missing} missing, {after.name} comes after {before.name}; copy the folder again, or "
                    "number the frames without gaps"
                )
        self.promised: float = len(self._pictures)

    def __iter__(self) -> Iterator[Frame]:
        shape: tuple[int, ...] | None = None
        for picture in self._pictures:
            frame = self._decode(picture)
            shape = shape or frame.shape
            if frame.shape != shape:
                raise InputError(
                    f"{self._path}: {picture.name} is {_size(frame.shape)} pixels, those before it {_size(shape)}; "
                    "frames of one video have one size"
                )
            yield frame

    def _decode(self, picture: Path) -> Frame:
        cv2 = load_opencv()
        try:
            content = read_regular(picture)
        except OSError as error:
            raise InputError(f"{self._path}: {picture.name} cannot be read ({error.strerror})") from None
        # From memory, as a JPEG file that is cut off is filled up with grey where OpenCV opens it itself.
        frame: Frame | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
        if frame is None:
            raise InputError(f"{self._path}: {picture.name} is empty or damaged; copy it again or leave the folder out")
        return frame


class Resampled:
    """A video brought to another frame rate by repeating and leaving out frames, each shown nearest to its time.

    Frame i is shown from ``round(i r)`` up to ``round((i + 1) r)`` of the new ones, with r the ratio of the rates.

    Raises
    ------
    InputError
        If the source states no frame rate.
    """

    def __init__(self, source: FrameSource, path: Path, rate: float) -> None:
        if not source.rate > 0:
            raise InputError(f"{path}: states no frame rate to bring to {rate:g}; leave frame_rate as it is")
        self._source, self._ratio = source, rate / source.rate
        self.promised = source.promised * self._ratio
        self.rate = rate

    @property
    def drift(self) -> float:
        """That of the source."""
        return self._source.drift

    def __iter__(self) -> Iterator[Frame]:
        for place, frame in enumerate(self._source):
            for _ in range(floor(place * self._ratio + 0.5), floor((place + 1) * self._ratio + 0.5)):
                yield frame


def is_picture(name: str) -> bool:
    """Whether a file's name, if it is not hidden, has the ending of a picture."""
    return not name.startswith(".") and Path(name).suffix.lower() in _PICTURES


def odd_picture(pictures: Sequence[Path]) -> Path | None:
    """Return the first picture that is not of one numbered series with the others; None if all are.

    Names of a series are the same but for the number at their ends: `000.jpg`, `img_00001.jpg`.
    """
    matches = [_NUMBERED.fullmatch(each.stem) for each in pictures]
    series = Counter(match[1] for match in matches if match)
    most = max(series, key=lambda before: series[before], default=None)
    of_others = (each for each, match in zip(pictures, matches, strict=True) if match is None or match[1] != most)
    return next(of_others, None)


def _number(picture: Path) -> int:
    match = _NUMBERED.fullmatch(picture.stem)
    assert match is not None  # of a series
    return int(match[2])


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
