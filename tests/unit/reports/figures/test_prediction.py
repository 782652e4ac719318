"""The picture of a prediction and the annotated clip."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from reports.figures.clip import write_clip
from reports.figures.prediction import Peak, clock, draw_prediction, title_of
from reports.figures.style import styled

SCORES, EDGES = np.array([0.2, 0.9, 0.4], np.float32), np.array([0, 1, 2, 2.5])
IMAGE = np.full((6, 8, 3), 120, np.uint8)


def drawn(peaks: list[Peak], threshold: float | None = 0.5) -> Figure:
    with styled():
        return draw_prediction("v", SCORES, EDGES, [(1, 2)] if threshold else [], threshold, peaks)


def test_key_frames_stand_above_the_scores_with_their_times() -> None:
    figure = drawn([Peak(0.5, 0.2, None), Peak(1.5, 0.9, IMAGE)])
    frame, curve = figure.axes
    assert frame.get_title(loc="left") == "2   0:01.5   0.90"
    assert curve.get_xlim() == (0, 2.5)
    assert curve.patches[-1].get_data().values.tolist() == pytest.approx([0.2, 0.9, 0.4])  # type: ignore[attr-defined]
    texts = [text.get_text() for text in curve.texts]
    assert texts == ["threshold\n0.5", "1", "2"]
    assert curve.get_xlabel() == "seconds; shaded: alarms"


def test_without_pictures_and_threshold_the_scores_stand_alone() -> None:
    figure = drawn([Peak(1.5, 0.9, None)], threshold=None)
    (curve,) = figure.axes
    assert [text.get_text() for text in curve.texts] == ["1"]
    assert curve.get_xlabel() == "seconds"


@pytest.mark.parametrize(
    ("second", "text"), [(0, "0:00.0"), (7.46, "0:07.5"), (59.96, "1:00.0"), (723, "12:03.0"), (3723.04, "1:02:03.0")]
)
def test_times_are_as_people_read_them(second: float, text: str) -> None:
    assert clock(second) == text


def test_a_long_name_is_shortened() -> None:
    assert len(title_of("v" * 300, "m" * 300)) < 120


def test_a_clip_shows_time_score_and_alarm(tmp_path: Path) -> None:
    frames = [(place / 5, score, np.full((49, 63, 3), 100, np.uint8)) for place, score in enumerate((0.1, 0.9, None))]
    assert write_clip(tmp_path / "c.mp4", frames, 5, 0.5) == 3
    capture = cv2.VideoCapture(str(tmp_path / "c.mp4"))
    shown = []
    while (read := capture.read())[0]:
        shown.append(read[1])
    assert len(shown) == 3
    assert shown[0].shape == (48 + 28, 62, 3)
    border = [image[:3, 20:40].mean(axis=(0, 1)) for image in shown]
    assert border[1][2] > border[1][0] + 80  # vermilion in alarm
    assert abs(border[0][2] - border[0][0]) < 30
    assert abs(border[2][2] - border[2][0]) < 30
