"""The UCF-Crime text form: `Anomaly_Train.txt` and `Temporal_Anomaly_Annotation.txt`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.datasets.frames_csv import frame_number
from benchmark.datasets.video_names import video_name
from benchmark.importing.annotations.annotated import (
    AnnotatedVideo,
    Annotations,
    Interval,
    by_name,
    frame_pairs,
    interval,
)
from benchmark.importing.feature_files.lists import read_list, split_of, video_of
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines
from benchmark.terms import Split

TRAIN_FILE = "Anomaly_Train.txt"
TEST_FILE = "Temporal_Anomaly_Annotation.txt"
COUNTED_TEST_FILE = "UCF_Annotation.txt"
FILES = (TEST_FILE, COUNTED_TEST_FILE, TRAIN_FILE)

# `Abuse001_x264`, `Normal_Videos_003_x264`; a feature file carries more after it, such as `_i3d`.
_OFFICIAL_NAME = re.compile(r"(?P<category>[A-Za-z_]+?)_?\d+.*?_x264")


def read(main: Path, lists: Sequence[Path] = ()) -> Annotations:
    """Read the form; frame numbers are 1-based and inclusive, so ``start end`` is ``[start - 1, end)``.

    Parameters
    ----------
    main
        The test file (`UCF_Annotation.txt` of UR-DMU has a frame count before the class), or the training file; the
        other is looked for beside it by its official name.
    lists
        Lists of feature files. The training ones stand in for `Anomaly_Train.txt` where that is not there; labels
        and classes are then those of the names.
    """
    train = main.with_name(TRAIN_FILE)
    test = main if main.name != TRAIN_FILE else _test_file_beside(main)
    training_lists = [path for path in lists if split_of(path) == "train"]
    if train.is_file() or not training_lists:
        training, origin = _train(train), train.name
    else:
        training, origin = _listed(training_lists), ", ".join(path.name for path in training_lists)
    videos = by_name([*training, *_test(test)], main.parent)
    form = (
        "Annotations in the UCF-Crime text form (frames 1-based, end inclusive; "
        f"training videos from {origin}, test videos from {test.name})."
    )
    return Annotations(form, videos)


def _test_file_beside(train: Path) -> Path:
    found = (train.with_name(name) for name in (TEST_FILE, COUNTED_TEST_FILE))
    return next((path for path in found if path.is_file()), train.with_name(TEST_FILE))


def _train(path: Path) -> Iterator[AnnotatedVideo]:
    for number, line in read_lines(path):
        folder, _, name = line.replace("\\", "/").rpartition("/")
        if not folder or not name:
            raise InputError(f"{path}:{number}: malformed line, `Class/name.mp4` is expected")
        yield _video(video_name(name), "train", folder.rpartition("/")[2])


def _listed(lists: Sequence[Path]) -> Iterator[AnnotatedVideo]:
    """Read training videos from lists of feature files, which may name a video once per crop."""
    seen: set[str] = set()
    for path in lists:
        for number, entry in read_list(path):
            match = _OFFICIAL_NAME.match(video_of(entry))
            if not match:
                raise InputError(f"{path}:{number}: malformed line, a feature file `Abuse001_x264...` is expected")
            if match[0] not in seen:
                seen.add(match[0])
                yield _video(match[0], "train", match["category"])


def _test(path: Path) -> Iterator[AnnotatedVideo]:
    for number, line in read_lines(path):
        name, *words = line.split()
        # UR-DMU's list has the frame count before the class; 0 stands for one that no video has.
        frames = (frame_number(words.pop(0)) or 0) if words and words[0].isdecimal() else None
        if not words or frames == 0:
            raise InputError(f"{path}:{number}: malformed line, `name.mp4  Class  start  end ...` is expected")
        category, *numbers = words
        intervals = tuple(
            interval(start - 1, end, f"{video_name(name)} ({path.name}:{number})")
            for start, end in frame_pairs(numbers, f"{path}:{number}")
            if (start, end) != (-1, -1)
        )
        yield _video(video_name(name), "test", category, frames, intervals)


def _video(
    name: str, split: Split, category: str, frames: int | None = None, intervals: tuple[Interval, ...] = ()
) -> AnnotatedVideo:
    # The normal classes are called Normal, Training_Normal_Videos_Anomaly and Testing_Normal_Videos_Anomaly.
    label = int("normal" not in category.lower())
    return AnnotatedVideo(name, split, label, (category,) if label else (), frames, intervals)
