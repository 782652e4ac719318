"""Frame counts in `frames.csv`."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmark.datasets.names import read_lines, video_name
from benchmark.errors import InputError

FILE = "frames.csv"


def read_frame_counts(path: Path) -> dict[str, int]:
    """Read `video,frame_count` lines, with that line as the header.

    Raises
    ------
    InputError
        If a line is malformed, a count is not positive, or a video is there twice.
    """
    counts: dict[str, int] = {}
    for number, line in read_lines(path):
        row = next(csv.reader([line]))
        if row == ["video", "frame_count"]:
            continue
        if len(row) != 2 or not row[1].isdecimal() or int(row[1]) == 0:
            raise InputError(f"{path}:{number}: malformed line, `video,frame_count` is expected")
        name = video_name(row[0])
        if name in counts:
            raise InputError(f"{name}: this video is twice in {path} (line {number}); list it once")
        counts[name] = int(row[1])
    return counts
