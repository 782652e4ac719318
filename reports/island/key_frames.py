"""Key frames above the scores of a test video, where its file is at hand."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from reports.figures.key_frames import Image, find_videos, read_strips
from reports.island.line_up import Content

MOST_BYTES = 2_000_000
"""Of a page, for key frames."""
QUALITY = 50
"""Of a JPEG, in percent: a strip takes about fifteen thousand bytes."""


def add_key_frames(contents: Sequence[Content], folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Give the videos of line-ups a `strip` of key frames each, and line-ups `strips_left_out`, how many had no room.

    Videos of all line-ups take turns, abnormal ones first.

    Parameters
    ----------
    folder
        With the files of videos, called like these; those of some suffice.

    Raises
    ------
    InputError
        If the folder has no file of any video, or one that cannot be read.
    """
    videos = [video for content in contents for video in content["videos"]]
    files = find_videos(folder, [video["name"] for video in videos])
    turns = [sorted(content["videos"], key=lambda video: not video["abnormal"]) for content in contents]
    for content in contents:
        content["strips_left_out"] = 0
    read: dict[tuple[str, int], str] = {}
    for turn in range(max(map(len, turns), default=0)):
        for content, ordered in zip(contents, turns, strict=True):
            if turn >= len(ordered) or (name := ordered[turn]["name"]) not in files:
                continue
            if most_bytes <= 0:
                content["strips_left_out"] += 1
                continue
            key = name, sum(ordered[turn]["frames"])
            if key not in read:
                read[key] = _jpeg(read_strips({name: files[name]}, {name: key[1]})[name])
            ordered[turn]["strip"] = read[key]
            most_bytes -= len(read[key])


def _jpeg(strip: Image) -> str:
    from PIL import Image as Pillow

    with io.BytesIO() as file:
        Pillow.fromarray(strip).save(file, "jpeg", quality=QUALITY, optimize=True)
        return base64.b64encode(file.getvalue()).decode()
