"""Frame counts of videos, found beside the annotations or the features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmark.datasets.frames_csv import FILE as PLAIN_FILE
from benchmark.datasets.frames_csv import read_frame_counts
from benchmark.datasets.video_names import video_name
from benchmark.importing.annotations.annotated import AnnotatedVideo
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more, read_rows

HEADER_FILE = "header.csv"


def find_frame_counts(folders: Iterable[Path]) -> tuple[dict[str, int], str]:
    """Read the frame counts of the first folder that has `frames.csv` or `header.csv`.

    Returns
    -------
    counts
        Name -> number of frames; empty if no folder has any.
    note
        One sentence for the user on where they come from; empty likewise.

    Raises
    ------
    InputError
        If a file is malformed, or counts a video twice.
    """
    for folder in folders:
        for name, read in ((PLAIN_FILE, read_frame_counts), (HEADER_FILE, read_header)):
            if (folder / name).is_file():
                return read(folder / name), f"Frame counts from {name}."
    return {}, ""


def note_on_counts(counts: Mapping[str, int], note: str, videos: Mapping[str, AnnotatedVideo]) -> str:
    """Complete the note on frame counts where its names are of no annotated video and such videos lack theirs."""
    unknown = [name for name in counts if name not in videos]
    without = [v.name for v in videos.values() if v.split == "test" and v.frames is None and v.name not in counts]
    if not unknown or not without:
        return note
    return (
        f"WARNING: {note.removesuffix('.')}, but {len(unknown)} of its {len(counts)} names are of no annotated video "
        f"({and_more(unknown)}), and {len(without)} annotated test videos have no count there ({and_more(without)})."
    )


def read_header(path: Path) -> dict[str, int]:
    """Read `header.csv` of AnilOsmanTur/video_anomaly_diffusion (UCF-Crime, ShanghaiTech): one line per video.

    The columns are named in the first line. The name is that of `video_path`; without such a column,
    ShanghaiTech's name is put together from `label`, `place` and `video_no`: normal videos have three digits,
    abnormal ones four. A video may be listed twice with the same count, as UCF-Crime's are under two folders.

    Raises
    ------
    InputError
        If a column is missing, a line is malformed, or a video has two different counts.
    """
    counts: dict[str, int] = {}
    for number, row in _rows(path):
        try:
            name, frames = _name(row), int(row["frame_count"])
        except KeyError as error:
            raise InputError(f"{path}: no column {error} in its first line; name the columns there") from None
        except ValueError:
            raise InputError(f"{path}:{number}: malformed line, whole numbers are expected") from None
        if frames <= 0:
            raise InputError(f"{path}:{number}: malformed line, a frame count is positive")
        if counts.setdefault(name, frames) != frames:
            raise InputError(f"{name}: two frame counts in {path}, {counts[name]} and {frames}; correct one")
    return counts


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    columns: list[str] | None = None
    for number, words in read_rows(path):
        if columns is None:
            columns = words
        elif len(words) != len(columns):
            raise InputError(f"{path}:{number}: malformed line, {len(columns)} columns are expected")
        else:
            yield number, dict(zip(columns, words, strict=True))


def _name(row: Mapping[str, str]) -> str:
    if "video_path" in row:
        return video_name(row["video_path"])
    digits = 4 if int(row["label"]) else 3
    return f"{int(row['place']):02d}_{int(row['video_no']):0{digits}d}"
