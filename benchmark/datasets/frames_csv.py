"""The file `frames.csv`: frame counts of videos, written by an extraction and read by an import."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from benchmark.datasets.video_names import telling_names
from benchmark.system.errors import InputError
from benchmark.system.files import write_atomically
from benchmark.system.text_files import read_rows

FILE = "frames.csv"

_HEADER = ("video", "frame_count")
_NAME_COLUMNS = ("video", "name", "video_name", "video_id", "video_path", "file", "filename", "path")
_COUNT_COLUMNS = ("frame_count", "frames", "num_frames", "n_frames", "nframes", "nb_frames")
_NUMBER = re.compile(r"-?\d+(\.\d*)?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,9}", re.ASCII)


def read_frame_counts(path: Path) -> dict[str, int]:
    """Read `video,frame_count` lines, with or without such a line as the header.

    Under a header, its usual synonyms are read and other columns passed over. Names are those
    of `telling_names`; semicolons or tabs may stand for the commas.

    Raises
    ------
    InputError
        If a line is malformed, the header names no such columns, a count is not positive, or a video is there twice.
    """
    counts: dict[str, int] = {}
    rows = read_rows(path)
    name_column, count_column, width = 0, 1, 2
    if rows and (header := _columns(rows[0][1], f"{path}:{rows[0][0]}")):
        name_column, count_column = header
        width = len(rows.pop(0)[1])
    # Where names are paths, videos of one name are told apart as in annotations.
    names = telling_names([row[name_column] if len(row) == width else "" for _, row in rows])
    for (number, row), name in zip(rows, names, strict=True):
        frames = frame_number(row[count_column]) if len(row) == width else None
        if not frames or frames < 0:
            raise InputError(f"{path}:{number}: malformed line, `{','.join(_HEADER)}` is expected, such as `cam01,320`")
        if name in counts:
            raise InputError(f"{name}: this video is twice in {path} (line {number}); list it once")
        counts[name] = frames
    return counts


def _columns(row: list[str], where: str) -> tuple[int, int] | None:
    """Return which columns hold names and counts, by the first line; None if it is no header."""
    if any(map(_NUMBER.fullmatch, row)) or len(row) < 2:
        return None
    words = [word.lower() for word in row]
    names = [words.index(word) for word in _NAME_COLUMNS if word in words]
    counts = [words.index(word) for word in _COUNT_COLUMNS if word in words]
    if not names or len(counts) != 1:
        raise InputError(
            f"{where}: the first line names no columns that are read, `{','.join(_HEADER)}`; name the columns so"
        )
    return names[0], counts[0]


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
