"""Answers on single videos: rows, alarms and peaks, against plain loops over frames."""

import csv
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.prediction.answer import COLUMNS, Prediction, Unanswered, csv_text, json_text, summary


def prediction(
    scores: list[float], frames: int, fps: float = 25.0, threshold: float | None = 0.5, stride: int = 16
) -> Prediction:
    edges = np.arange(len(scores) + 1) * stride
    edges[-1] = min(edges[-1], frames)
    return Prediction("v", Path("v.mp4"), True, np.array(scores, np.float32), edges, fps, threshold)


SCORES = st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=1, max_size=30)


@given(SCORES, st.integers(1, 16), st.sampled_from([7.5, 23.976, 25.0, 30.0]), st.sampled_from([0.0, 0.35, 0.5, 1.0]))
def test_rows_and_alarms_are_those_of_a_loop_over_frames(
    scores: list[float], last: int, fps: float, threshold: float
) -> None:
    frames = 16 * (len(scores) - 1) + last
    answer = prediction(scores, frames, fps, threshold)
    of_frames = [np.float32(scores[frame // 16]) for frame in range(frames)]
    rows = list(answer.rows("frame"))
    assert [(row.first_frame, row.end_frame) for row in rows] == [(frame, frame + 1) for frame in range(frames)]
    assert [row.score for row in rows] == [float(score) for score in of_frames]
    assert [row.alarm for row in rows] == [float(score) >= threshold for score in of_frames]
    expected, start = [], None
    for frame in range(frames + 1):
        inside = frame < frames and float(of_frames[frame]) >= threshold
        if inside and start is None:
            start = frame
        if not inside and start is not None:
            expected.append((start / fps, frame / fps))
            start = None
    assert len(answer.alarms) == len(expected)
    assert np.array(answer.alarms) == pytest.approx(np.array(expected))
    assert answer.alarmed_seconds == pytest.approx(sum(row.alarm or 0 for row in rows) / fps)
    seconds = list(answer.rows("second"))
    assert len(seconds) == int(np.ceil(frames / fps))
    for second, row in enumerate(seconds):
        touched = [f for f in range(frames) if f < min(second + 1, frames / fps) * fps and f + 1 > second * fps]
        assert row.score == max(float(of_frames[f]) for f in touched)


def test_a_threshold_just_above_a_score_is_not_reached() -> None:
    score = np.float32(0.7)
    answer = prediction([float(score)], 16, threshold=float(np.nextafter(float(score), np.inf)))
    assert answer.alarms == []
    assert [row.alarm for row in answer.rows()] == [False]


@given(SCORES)
def test_peaks_are_the_highest_and_apart(scores: list[float]) -> None:
    answer = prediction(scores, 16 * len(scores))
    peaks = answer.peaks(3)
    assert peaks == sorted(peaks)
    assert 1 <= len(peaks) <= 3
    assert max(scores) in [scores[place] for place in peaks]
    reach = max(1, len(scores) // 10)
    assert all(right - left > reach for left, right in pairwise(peaks))
    assert all(scores[place] == max(scores[max(0, place - reach) : place + reach + 1]) for place in peaks)


def test_without_a_threshold_nothing_is_an_alarm_and_nothing_is_said_to_be_none() -> None:
    answer = prediction([0.1, 0.9], 32, threshold=None)
    assert answer.alarms == []
    assert csv_text(answer, "snippet").splitlines()[1].endswith(",")
    assert json.loads(json_text(answer, "snippet", {}))["rows"][0]["alarm"] is None
    assert summary(answer)["alarms"] == ""


def test_the_files_hold_the_same(tmp_path: Path) -> None:
    answer = prediction([0.1, 0.9, 0.8], 40)
    rows = list(csv.DictReader(io.StringIO(csv_text(answer, "snippet"))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[2] == {
        "first_frame": "32", "end_frame": "40", "start_second": "1.280", "end_second": "1.600", "score": "0.800000",
        "alarm": "1",
    }  # fmt: skip
    said = json.loads(json_text(answer, "snippet", {"run": "k"}))
    assert (said["run"], said["video"], said["seconds"], said["threshold"]) == ("k", "v", 1.6, 0.5)
    assert said["alarms"] == [{"start_second": 0.64, "end_second": 1.6}]
    assert [row["score"] for row in said["rows"]] == [0.1, 0.9, 0.8]
    assert said["peaks"][0]["second"] == 0.32 or said["peaks"][0]["score"] == 0.9


def test_the_table_has_the_same_columns_for_a_video_that_failed() -> None:
    good, bad = summary(prediction([0.4], 10)), summary(Unanswered("w", "why"))
    assert list(good) == list(bad)
    assert (bad["video"], bad["reason"], bad["seconds"]) == ("w", "why", "")
    assert (good["seconds"], good["alarms"]) == (0.4, 0)


def test_a_time_behind_the_last_snippet_has_no_score() -> None:
    answer = prediction([0.25, 0.75], 32, fps=16)
    assert [answer.score_at(second) for second in (0, 0.99, 1, 1.99, 2)] == [0.25, 0.25, 0.75, 0.75, None]
