"""Key frames in the score browser: of the videos that are at hand, as far as there is room."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.system.errors import InputError
from reports.figures.key_frames import FRAMES, GAP, HEIGHT
from reports.island.key_frames import add_key_frames
from reports.island.line_up import Content
from tests.unit.reports.figures.test_key_frames import write_video


def content_of(names: Sequence[str], abnormal: Sequence[bool]) -> Content:
    frames = [32, 32, 16]
    return {"videos": [{"name": n, "abnormal": a, "frames": frames} for n, a in zip(names, abnormal, strict=True)]}


def test_videos_at_hand_get_a_strip_once_for_all_line_ups(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", 80)
    one, other = content_of(["a", "b"], [True, False]), content_of(["b", "a"], [False, True])
    add_key_frames([one, other], tmp_path)
    assert ["strip" in video for video in one["videos"]] == [True, False]
    assert one["videos"][0]["strip"] == other["videos"][1]["strip"]
    assert one["strips_left_out"] == other["strips_left_out"] == 0
    with Image.open(io.BytesIO(base64.b64decode(one["videos"][0]["strip"]))) as picture:
        assert (picture.format, picture.height) == ("JPEG", HEIGHT)
        means = [np.asarray(picture)[:, i * (160 + GAP) : i * (160 + GAP) + 160].mean() for i in range(FRAMES)]
    assert means == pytest.approx([255 * (i + 0.5) / FRAMES for i in range(FRAMES)], abs=5)


def test_abnormal_videos_come_first_where_there_is_no_room_for_all(tmp_path: Path) -> None:
    for name in "abc":
        write_video(tmp_path / f"{name}.avi", 80)
    content = content_of(["a", "b", "c", "d"], [False, True, False, True])
    add_key_frames([content], tmp_path, most_bytes=1)
    assert [video["name"] for video in content["videos"] if "strip" in video] == ["b"]
    assert content["strips_left_out"] == 2  # d has no file


def test_a_folder_without_any_of_them_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no file of any video shown; they would be called like a\.mp4"):
        add_key_frames([content_of(["a"], [True])], tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"a\.mp4: cannot be read as a video of 80 frames"):
        add_key_frames([content_of(["a"], [True])], tmp_path)
