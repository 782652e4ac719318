"""Extracting one video."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmark.extraction.decoding import SnippetReader
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.rows import growing
from benchmark.system.errors import InputError


@dataclass(frozen=True)
class Outcome:
    """How the extraction of a video ended.

    Attributes
    ----------
    frames
        Number of frames that were decoded; 0 if the extraction failed.
    snippets
        Number of snippets that were measured.
    warning
        What is odd about the video; empty if nothing is.
    reason
        Why the extraction failed; empty if it did not.
    """

    name: str
    frames: int = 0
    snippets: int = 0
    warning: str = ""
    reason: str = ""


def extract_video(name: str, path: Path, instruments: Instruments, out: Path) -> Outcome:
    """Write all that is measured of a video, one file for each instrument; trouble is an outcome, not an error.

    The video is decoded once, and one snippet of it is in memory at a time.
    """
    try:
        reader = SnippetReader(path, instruments.tail)
        with ExitStack() as stack:
            files = [stack.enter_context(growing(out / i.folder / f"{name}.npy")) for i in instruments]
            for frames in reader:
                for instrument, file in zip(instruments, files, strict=True):
                    file.append(instrument.measure(frames))
            reader.check_length()
    except InputError as error:
        return Outcome(name, reason=str(error))
    except Exception as error:  # of a decoder or a disk: the other videos go on
        return Outcome(name, reason=f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Outcome(name, reader.frames, reader.snippets, reader.warning())
