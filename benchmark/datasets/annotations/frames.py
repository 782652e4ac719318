"""Frame counts in `frames.csv`."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.datasets.annotations.types import MOST_FRAMES
from benchmark.datasets.names import csv_fields, read_lines, video_name
from benchmark.errors import InputError

FILE = "frames.csv"

_COUNT = re.compile(r"[0-9]{1,10}")


def read_frame_counts(path: Path) -> dict[str, int]:
    """Read `video,frame_count` lines, with that line as the header.

    Raises
    ------
    InputError
        If a line is malformed, a count is not positive or beyond any video's, or a video is there twice.
    """
    counts: dict[str, int] = {}
    for number, line in read_lines(path):
        row = csv_fields(line, f"{path}:{number}")
        if row == ["video", "frame_count"]:
            continue
        if len(row) != 2 or not _COUNT.fullmatch(row[1]) or not 0 < int(row[1]) <= MOST_FRAMES:
            raise InputError(
                f"{path}:{number}: malformed line, `video,frame_count` is expected, 1 to {MOST_FRAMES} frames"
            )
        name = video_name(row[0])
        if name in counts:
            raise InputError(f"{name}: this video is twice in {path} (line {number}); list it once")
        counts[name] = int(row[1])
    return counts
