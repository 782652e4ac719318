"""The file `frames.csv`: frame counts of videos, written by an extraction and read by an import."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from benchmark.datasets.video_names import video_name
from benchmark.system.errors import InputError
from benchmark.system.files import write_atomically
from benchmark.system.text_files import read_rows

FILE = "frames.csv"

_HEADER = ("video", "frame_count")
_INTEGER = re.compile(r"-?\d{1,9}", re.ASCII)


def read_frame_counts(path: Path) -> dict[str, int]:
    """Read `video,frame_count` lines, with that line as the header.

    Raises
    ------
    InputError
        If a line is malformed, a count is not positive, or a video is there twice.
    """
    counts: dict[str, int] = {}
    for number, row in read_rows(path):
        if row == [*_HEADER]:
            continue
        frames = frame_number(row[1]) if len(row) == 2 else None
        if not frames or frames < 0:
            raise InputError(f"{path}:{number}: malformed line, `video,frame_count` is expected")
        name = video_name(row[0])
        if name in counts:
            raise InputError(f"{name}: this video is twice in {path} (line {number}); list it once")
        counts[name] = frames
    return counts


def write_frame_counts(path: Path, counts: Mapping[str, int]) -> None:
    """Write what `read_frame_counts` reads, by name."""
    with io.StringIO(newline="") as text:
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(_HEADER)
        lines.writerows(sorted(counts.items()))
        write_atomically(path, text.getvalue())


def frame_number(text: str) -> int | None:
    """Read the number of a frame, or of frames; None if it is none, or more than any video has."""
    if not _INTEGER.fullmatch(text):
        return None
    return int(text)
