"""Key frames: evenly spaced frames of the videos whose files are at hand."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.system.errors import InputError
from reports.figures.figure import Figure
from reports.figures.key_frames import FRAMES, GAP, HEIGHT, find_videos, read_strips
from reports.figures.score_curves import draw_score_curves
from reports.figures.style import render
from tests.unit.reports.figures.test_figures import evidence_of

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed; make install")


def write_video(path: Path, frames: int) -> None:
    """Write a video that brightens evenly from black to white."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (160, 120))
    for k in range(frames):
        writer.write(np.full((120, 160, 3), round(255 * k / (frames - 1)), dtype=np.uint8))
    writer.release()


def test_frames_are_evenly_spaced_and_side_by_side(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", 160)
    strip = read_strips({"v": tmp_path / "v.avi"}, {"v": 160})["v"]
    assert strip.shape == (HEIGHT, FRAMES * 160 + (FRAMES - 1) * GAP, 3)
    means = [strip[:, i * (160 + GAP) : i * (160 + GAP) + 160].mean() for i in range(FRAMES)]
    assert means == pytest.approx([255 * (i + 0.5) / FRAMES for i in range(FRAMES)], abs=4)


def test_files_are_found_by_name_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "Arson").mkdir()
    for name in ("Arson/Arson_000.MP4", "Arson/Arson_000.txt", "other.avi"):
        (tmp_path / name).write_bytes(b"")
    assert find_videos(tmp_path, ["Arson_000", "Assault_005"]) == {"Arson_000": tmp_path / "Arson" / "Arson_000.MP4"}


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_a_file_that_is_no_video_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"v\.mp4: cannot be read as a video of 160 frames"):
        read_strips({"v": tmp_path / "v.mp4"}, {"v": 160})


def test_a_video_that_is_too_short_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", 20)
    with pytest.raises(InputError, match=r"v\.avi: cannot be read as a video of 1600 frames; is it the right one\?"):
        read_strips({"v": tmp_path / "v.avi"}, {"v": 1600})


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: no folder of videos"):
        find_videos(tmp_path / "none", ["v"])


def test_key_frames_stand_above_the_scores(tmp_path: Path) -> None:
    write_video(tmp_path / "Assault_005.avi", 160)
    evidence = evidence_of(tmp_path / "results")
    figure = draw_score_curves(evidence, ["Assault_005", "Arson_000"], tmp_path)
    plain = draw_score_curves(evidence, ["Assault_005", "Arson_000"])
    assert isinstance(figure, Figure)
    assert isinstance(plain, Figure)
    images = [image for axis in figure.draw().axes for image in axis.images]
    assert len(images) == 1
    assert render(figure.draw, ["png"]).size[1] > render(plain.draw, ["png"]).size[1]
