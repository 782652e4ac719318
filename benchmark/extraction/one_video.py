"""Extracting one video: all that is measured in one pass, written row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from benchmark.datasets.arrays import write_header
from benchmark.extraction.instruments import Instruments
from benchmark.system.ahead import ahead
from benchmark.system.errors import NOT_THEIRS, InputError, describe
from benchmark.system.files import replacing


@dataclass(frozen=True)
class Outcome:
    """How the extraction of a video ended.

    Attributes
    ----------
    frames
        Number of frames that were decoded; 0 if the extraction failed.
    snippets
        Number of snippets that were measured.
    rate
        Frames per second that the video states; 0 where it states none.
    warning
        What is odd about the video; empty if nothing is.
    reason
        Why the extraction failed; empty if it did not.
    """

    name: str
    frames: int = 0
    snippets: int = 0
    rate: float = 0.0
    warning: str = ""
    reason: str = ""


def extract_video(
    name: str, path: Path, instruments: Instruments, out: Path, advanced: Callable[[int], None] = lambda snippets: None
) -> Outcome:
    """Write all that is measured of a video, one file for each instrument; trouble is an outcome, not an error.

    The video is decoded once, by a thread that makes the next snippets ready while one is measured. A few snippets are
    in memory at a time.

    Parameters
    ----------
    advanced
        Called with the number of snippets that were measured since it was called before.
    """
    try:
        reader = instruments.open(path)
        with ExitStack() as stack:
            files = [stack.enter_context(growing(out / i.folder / f"{name}.npy")) for i in instruments]
            prepared = stack.enter_context(closing(ahead(map(instruments.prepare, reader), instruments.together + 1)))
            while batch := list(islice(prepared, instruments.together)):
                for rows, file in zip(instruments.measure(batch), files, strict=True):
                    for row in rows:
                        file.append(row)
                advanced(len(batch))
            reader.check_length()
    except InputError as error:
        return Outcome(name, reason=str(error))
    except NOT_THEIRS:
        raise
    except BaseException as error:  # of a decoder, a disk or a network: the other videos go on
        return Outcome(name, reason=describe(error))
    return Outcome(name, reader.frames, reader.snippets, reader.rate, reader.warning())


class RowFile:
    """An `.npy` file that grows along its first axis."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rows = 0

    def append(self, row: NDArray[Any]) -> None:
        """Append a row; all have the shape and type of the first."""
        if self._rows == 0:
            self._dtype, self._shape = row.dtype, row.shape
            self._write_header()
        if (row.dtype, row.shape) != (self._dtype, self._shape):
            raise ValueError(f"row of {row.dtype} {row.shape} in a file of {self._dtype} {self._shape}")
        self._file.write(row.tobytes())
        self._rows += 1

    def finish(self) -> None:
        """Write the number of rows into the header, which NumPy leaves room for in every header that it writes."""
        if self._rows:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        write_header(self._file, (self._rows, *self._shape), self._dtype)


@contextmanager
def growing(path: Path) -> Iterator[RowFile]:
    """Open a file that appears under its name when it is complete, and not at all on an error."""
    with replacing(path) as file:
        rows = RowFile(file)
        yield rows
        rows.finish()
