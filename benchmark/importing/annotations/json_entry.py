"""One video's entry in annotations of JSON: its fields, under the names that people give them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from benchmark.datasets.frames_csv import frame_number
from benchmark.datasets.video_names import name_parts, video_name
from benchmark.datasets.words import Label, labels_in
from benchmark.importing.annotations.annotated import (
    AnnotatedVideo,
    Interval,
    interval,
    mask_intervals,
)
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more, shown
from benchmark.terms import MOST_FRAMES, Split

FORM = (
    '{"videos": [{"name": "a", "split": "test", "label": 1, "class": "Arson", "frames": 320, "intervals": [[16, 64]]}]}'
)
"""The form in one line, for messages."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "video", "video_name", "video_id", "file", "filename", "path"),
    "split": ("split", "subset"),
    "label": ("label",),
    "class": ("class", "classes", "category", "categories"),
    "frames": ("frames", "frame_count", "n_frames", "num_frames", "nframes"),
    "intervals": ("intervals",),
    "labels": ("labels",),
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names}
# Elsewhere these are seconds as often as frames, and a number does not tell which.
_TIMES = frozenset({"events", "segments", "timestamps", "annotations", "temporal_annotations"})
_PASSED_OVER = frozenset({"fps", "duration", "width", "height", "resolution", "id", "url", "comment", "note"})

_SPLITS: Mapping[str, Split] = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_LABELS: Mapping[str, Label] = {
    "0": 0,
    "false": 0,
    "normal": 0,
    "1": 1,
    "true": 1,
    "abnormal": 1,
    "anomaly": 1,
    "anomalous": 1,
}


class EntryReader:
    """Reads the entries of a file, and notes what it passes over and whether their intervals look like seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed: dict[str, None] = {}
        self._within: list[str] = []
        self._beyond = False

    def read(self, content: Any, place: str, name: str | None, split: str | None) -> AnnotatedVideo:
        """Read an entry.

        Parameters
        ----------
        place
            Where it stands in the file, for messages as long as it has no name.
        name, split
            What stands before it as a key; None where nothing does.

        Raises
        ------
        InputError
            If a field is missing, unknown or not what is expected; the message names the video.
        """
        if not isinstance(content, dict):
            self._refuse(place, f"an entry is expected, not {_text(content)}", True)
        fields = self._fields(content, place, name)
        name = self._name(fields, place, name)
        labels = self._frame_labels(name, fields)
        intervals = self._intervals(name, fields) if labels is None else mask_intervals(labels)
        frames = self._frames(name, fields)
        if labels is not None and frames not in (None, len(labels)):
            self._refuse(name, f"{frames} frames, but `labels` of {len(labels)}; correct one of the two")
        frames = frames if labels is None else len(labels)
        label = self._label(name, fields, None if labels is None else bool(intervals))
        if intervals and not label:
            self._refuse(name, "a normal video with abnormal frames; correct one of the two")
        self._note_unit(name, content, frames, intervals)
        return AnnotatedVideo(
            name, self._split(name, fields, split), label, self._classes(name, fields, label), frames, intervals
        )

    def check_unit(self) -> None:
        """Refuse intervals that all lie within the seconds of their videos, where the file tells how many these are."""
        if self._within and not self._beyond:
            self._refuse(
                and_more(self._within),
                "every interval ends within the seconds that its video lasts, by `duration` or `fps`, so these look "
                "like seconds; write frames, or take those fields out if they are frames",
            )

    def notes(self) -> tuple[str, ...]:
        """Say which fields were passed over."""
        return (f"Fields passed over: {', '.join(self._passed)}.",) if self._passed else ()

    def _fields(self, content: Mapping[str, Any], place: str, name: str | None) -> dict[str, tuple[str, Any]]:
        """Return the fields by their own names, each with the name that it has here."""
        who = name or next((str(value) for key, value in content.items() if _FIELDS.get(key) == "name"), place)
        fields: dict[str, tuple[str, Any]] = {}
        for key, value in content.items():
            field = _FIELDS.get(key.lower())
            if key.lower() in _TIMES:
                self._refuse(
                    who,
                    f"`{key}` is not read, as it may be in seconds ({_text(value)}); write `intervals`, "
                    "[[start, end]] in whole frames from 0 on, the end exclusive: seconds times frames per second",
                    True,
                )
            elif field is None and key.lower() in _PASSED_OVER:
                self._passed[key] = None
            elif field is None:
                self._refuse(who, f"{shown(key)} is no field that is read ({', '.join(_NAMES)}); take it out", True)
            elif field in fields and fields[field][1] != value:
                self._refuse(who, f"`{fields[field][0]}` and `{key}` say two things; keep one")
            else:
                fields.setdefault(field, (key, value))
        return fields

    def _name(self, fields: Mapping[str, tuple[str, Any]], place: str, name: str | None) -> str:
        _, named = fields.get("name", ("", name))
        if not isinstance(named, str) or not named:
            self._refuse(place, "an entry without the name of its video", True)
        if name is not None and video_name(named) != video_name(name):
            self._refuse(name, f"its entry is named {shown(named)}; correct one of the two")
        return "/".join(name_parts(named))

    def _split(self, name: str, fields: Mapping[str, tuple[str, Any]], around: str | None) -> Split:
        _, value = fields.get("split", ("", around))
        if value is None:
            self._refuse(name, 'no `split`; "train" or "test" is expected', True)
        split = _SPLITS.get(value.lower()) if isinstance(value, str) else None
        if split is None:
            self._refuse(
                name,
                f'split {_text(value)}; "train" or "test" is expected: there is no third part, so validation videos '
                "belong to one of the two, or into no entry",
            )
        if around is not None and _SPLITS.get(around.lower()) != split:
            self._refuse(name, f"split {_text(value)} under {shown(around)}; correct one of the two")
        return split

    def _label(self, name: str, fields: Mapping[str, tuple[str, Any]], marked: bool | None) -> Label:
        """Return the label as given or, where every frame has one, whether any is marked."""
        if "label" not in fields:
            if marked is None:
                self._refuse(name, "no `label`; 1 (abnormal) or 0 (normal) is expected", True)
            return 1 if marked else 0
        _, value = fields["label"]
        label = _LABELS.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(label, (bool, int, float)) or label not in (0, 1):
            self._refuse(name, f"label {_text(value)}; 1 (abnormal) or 0 (normal) is expected")
        if marked is False and label:
            self._refuse(name, "label 1, but none of its `labels` is; correct one of the two")
        return 1 if label else 0

    def _classes(self, name: str, fields: Mapping[str, tuple[str, Any]], label: Label) -> tuple[str, ...]:
        key, value = fields.get("class", ("class", []))
        names = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(each, str) and each.strip() for each in names):
            self._refuse(name, f"{key} {_text(value)}; the name of a class, or a list of names, is expected")
        normal = [each for each in names if labels_in(each) == {0}]
        if label and normal:
            self._refuse(name, f"label 1, but the class {shown(normal[0])}; correct one of the two")
        if not label and len(normal) < len(names):
            other = next(each for each in names if each not in normal)
            self._refuse(
                name, f"label 0, but the class {shown(other)}: a normal video has no abnormal class; correct one"
            )
        return tuple(names) if label else ()

    def _frames(self, name: str, fields: Mapping[str, tuple[str, Any]]) -> int | None:
        if "frames" not in fields:
            return None
        key, value = fields["frames"]
        frames = _whole(int(value) if isinstance(value, float) and value.is_integer() else value)
        if frames is None or frames < 1:
            self._refuse(name, f"{key} {_text(value)}; the number of its frames is expected, a whole number")
        return frames

    def _frame_labels(self, name: str, fields: Mapping[str, tuple[str, Any]]) -> np.ndarray[Any, Any] | None:
        if "labels" not in fields:
            return None
        _, value = fields["labels"]
        if "intervals" in fields:
            self._refuse(name, "`labels` of frames and `intervals`; keep one of the two")
        if not isinstance(value, list) or not value or not all(each in (0, 1) for each in value):
            self._refuse(name, f"labels {_text(value)}; a 0 or 1 for each of its frames is expected")
        return np.array(value, np.bool_)

    def _intervals(self, name: str, fields: Mapping[str, tuple[str, Any]]) -> tuple[Interval, ...]:
        key, value = fields.get("intervals", ("intervals", []))
        pairs = [value] if isinstance(value, list) and value and not isinstance(value[0], list) else value
        if not isinstance(pairs, list):
            self._refuse(name, f"{key} {_text(value)}; [[start, end]] in frames is expected")
        read = []
        for pair in pairs:
            if any(isinstance(each, float) for each in pair if isinstance(pair, list)):
                self._refuse(
                    name,
                    f"interval {_text(pair)} looks like seconds; whole frames from 0 on, the end exclusive, are "
                    "expected: seconds times frames per second",
                )
            ends = [_whole(each) for each in pair] if isinstance(pair, list) else []
            if len(ends) != 2 or ends[0] is None or ends[1] is None:
                self._refuse(name, f"interval {_text(pair)}; [start, end] in whole frames from 0 on is expected")
            read.append(interval(ends[0], ends[1], f"{name} ({self._path.name})"))
        return tuple(read)

    def _note_unit(
        self, name: str, content: Mapping[str, Any], frames: int | None, intervals: Sequence[Interval]
    ) -> None:
        duration, rate = content.get("duration"), content.get("fps")
        if not isinstance(duration, (int, float)) and isinstance(rate, (int, float)) and rate > 0 and frames:
            duration = frames / rate
        if intervals and isinstance(duration, (int, float)):
            within = max(end for _, end in intervals) <= duration
            self._within += [name] if within else []
            self._beyond |= not within

    def _refuse(self, who: str, what: str, with_form: bool = False) -> NoReturn:
        form = f"; the form is {FORM}" if with_form else ""
        raise InputError(f"{who if who.isprintable() else shown(who)}: {what} ({self._path.name}){form}")


def _whole(value: object) -> int | None:
    """Return a whole number of frames, also from a text of digits; None for anything else."""
    number = frame_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not abs(number) < MOST_FRAMES:
        return None
    return number


def _text(value: object) -> str:
    """Return a value as it stands in the file, cut where it is long."""
    return shown(json.dumps(value, ensure_ascii=False)[:200])[1:-1]
