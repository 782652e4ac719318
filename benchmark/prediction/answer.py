"""What a trained method says of a video: scores over time, alarms, peaks; and both as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Per = Literal["snippet", "second", "frame"]
"""What a row of an answer is about."""
PEAKS = 5
COLUMNS = ("first_frame", "end_frame", "start_second", "end_second", "score", "alarm")


@dataclass(frozen=True)
class Row:
    """A stretch of a video, its score, and whether it is in alarm; None where no threshold is known.

    Attributes
    ----------
    first_frame, end_frame
        Counted from 0, the end not included.
    start, end
        Seconds.
    """

    first_frame: int
    end_frame: int
    start: float
    end: float
    score: float
    alarm: bool | None


@dataclass(frozen=True, eq=False)
class Prediction:
    """The scores of one video.

    Attributes
    ----------
    video
        Its name.
    source
        The video, the folder of its frames, or the first of its feature files.
    has_pictures
        Whether `source` can be looked at.
    scores
        One for each snippet, (snippets,), in [0, 1].
    edges
        Frames at which snippets begin, and the end of the last one, (snippets + 1,).
    fps
        Frames a second, by which frames become seconds.
    threshold
        What a score has to reach for an alarm; None where none is known.
    """

    video: str
    source: Path
    has_pictures: bool
    scores: NDArray[np.float32]
    edges: NDArray[np.int64]
    fps: float
    threshold: float | None

    @property
    def alarms(self) -> list[tuple[float, float]]:
        """Start and end of each alarm in seconds; neighbouring snippets are one."""
        if self.threshold is None:
            return []
        reached = self.scores.astype(np.float64) >= self.threshold  # in float32, it might be rounded down to a score
        inside = np.concatenate(([False], reached, [False])).astype(np.int8)
        places = np.flatnonzero(np.diff(inside)).reshape(-1, 2)
        return [(float(start), float(end)) for start, end in self.edges[places] / self.fps]

    @property
    def seconds(self) -> float:
        """How long the scored part is."""
        return float(self.edges[-1] / self.fps)

    @property
    def alarmed_seconds(self) -> float:
        """How long it is in alarm."""
        return sum(end - start for start, end in self.alarms)

    def peaks(self, most: int = PEAKS) -> list[int]:
        """Return the snippets of the highest peaks, in their order: nothing within a tenth of the video is higher."""
        free, found = np.ones(len(self.scores), dtype=bool), list[int]()
        reach = max(1, len(self.scores) // 10)
        for place in np.argsort(-self.scores, kind="stable"):
            near = slice(max(0, place - reach), place + reach + 1)
            if free[place] and len(found) < most and self.scores[place] >= self.scores[near].max():
                found.append(int(place))
                free[near] = False
        return sorted(found)

    def second_of(self, snippet: int) -> float:
        """Return when the middle of a snippet is shown."""
        return float((self.edges[snippet] + self.edges[snippet + 1]) / 2 / self.fps)

    def score_at(self, second: float) -> float | None:
        """Return the score of the snippet that is shown at a time; None behind the last one."""
        place = int(np.searchsorted(self.edges, second * self.fps, side="right")) - 1
        return float(self.scores[place]) if 0 <= place < len(self.scores) else None

    def rows(self, per: Per = "snippet") -> Iterator[Row]:
        """Yield the answer row by row.

        Parameters
        ----------
        per
            ``frame`` repeats a snippet's score for each of its frames; ``second`` gives the highest score of the
            snippets that a second touches.
        """
        if per == "snippet":
            for first, end, score in zip(self.edges[:-1], self.edges[1:], self.scores, strict=True):
                yield self._row(int(first), int(end), float(score))
        elif per == "frame":
            of_frames = np.repeat(self.scores, np.diff(self.edges))
            for frame, score in enumerate(of_frames, start=int(self.edges[0])):
                yield self._row(frame, frame + 1, float(score))
        else:
            for second in range(int(np.ceil(self.seconds))):
                yield self._second(second)

    def _second(self, second: int) -> Row:
        end = min(second + 1.0, self.seconds)
        touched = (self.edges[:-1] < end * self.fps) & (self.edges[1:] > second * self.fps)
        score = float(self.scores[touched].max())
        first_frame, end_frame = int(np.ceil(second * self.fps)), int(np.ceil(end * self.fps))
        return Row(first_frame, end_frame, float(second), end, score, self._is_alarm(score))

    def _row(self, first: int, end: int, score: float) -> Row:
        return Row(first, end, first / self.fps, end / self.fps, score, self._is_alarm(score))

    def _is_alarm(self, score: float) -> bool | None:
        return None if self.threshold is None else score >= self.threshold


@dataclass(frozen=True)
class Unanswered:
    """A video that could not be scored, and why."""

    video: str
    reason: str


def csv_text(prediction: Prediction, per: Per) -> str:
    """Return an answer as CSV; the alarm is 1 or 0, empty where no threshold is known."""
    with io.StringIO(newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in prediction.rows(per):
            alarm = "" if row.alarm is None else int(row.alarm)
            times = (f"{row.start:.3f}", f"{row.end:.3f}")
            writer.writerow([row.first_frame, row.end_frame, *times, f"{row.score:.6f}", alarm])
        return file.getvalue()


def json_text(prediction: Prediction, per: Per, about: dict[str, Any]) -> str:
    """Return an answer as JSON.

    Parameters
    ----------
    about
        What else belongs to it: what scored, and where its threshold comes from.
    """
    answer = {
        "video": prediction.video,
        "source": prediction.source.name,
        **about,
        "threshold": prediction.threshold,
        "fps": round(prediction.fps, 6),
        "seconds": round(prediction.seconds, 3),
        "alarms": [{"start_second": round(s, 3), "end_second": round(e, 3)} for s, e in prediction.alarms],
        "peaks": [
            {"second": round(prediction.second_of(place), 3), "score": round(float(prediction.scores[place]), 6)}
            for place in prediction.peaks()
        ],
        "per": per,
        "rows": [
            dict(
                zip(
                    COLUMNS,
                    (r.first_frame, r.end_frame, round(r.start, 3), round(r.end, 3), round(r.score, 6), r.alarm),
                    strict=True,
                )
            )
            for r in prediction.rows(per)
        ],
    }
    return json.dumps(answer, indent=1, ensure_ascii=False) + "\n"


def summary(answer: Prediction | Unanswered) -> dict[str, object]:
    """Return the row of a video in the table of all: its length and alarms in seconds; empty where there is nothing."""
    if isinstance(answer, Unanswered):
        return {**dict.fromkeys(_SUMMARY, ""), "video": answer.video, "reason": answer.reason}
    peak, known = int(answer.scores.argmax()), answer.threshold is not None
    return {
        "video": answer.video,
        "seconds": round(answer.seconds, 3),
        "highest_score": round(float(answer.scores[peak]), 6),
        "highest_at_second": round(answer.second_of(peak), 3),
        "alarms": len(answer.alarms) if known else "",
        "alarmed_seconds": round(answer.alarmed_seconds, 3) if known else "",
        "reason": "",
    }


_SUMMARY = ("video", "seconds", "highest_score", "highest_at_second", "alarms", "alarmed_seconds", "reason")
