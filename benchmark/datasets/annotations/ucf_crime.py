"""The UCF-Crime text form: `Anomaly_Train.txt` and `Temporal_Anomaly_Annotation.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.annotations.types import (
    AnnotatedVideo,
    Annotations,
    Interval,
    by_name,
    integers,
    interval,
)
from benchmark.datasets.manifest import Split
from benchmark.datasets.names import read_lines, video_name
from benchmark.errors import InputError

TRAIN_FILE = "Anomaly_Train.txt"
TEST_FILE = "Temporal_Anomaly_Annotation.txt"
FILES = (TEST_FILE, TRAIN_FILE)


def read(main: Path) -> Annotations:
    """Read the form; frame numbers are 1-based and inclusive, so ``start end`` is ``[start - 1, end)``.

    Parameters
    ----------
    main
        The test file, or the training file; the other is looked for beside it by its official name.
    """
    train = main if main.name == TRAIN_FILE else main.with_name(TRAIN_FILE)
    test = main.with_name(TEST_FILE) if main.name == TRAIN_FILE else main
    videos = by_name([*_train(train), *_test(test)], main.parent)
    form = "Annotations in the UCF-Crime text form (frames 1-based, end inclusive)."
    return Annotations(form, videos)


def _train(path: Path) -> Iterator[AnnotatedVideo]:
    for number, line in read_lines(path):
        folder, _, name = line.replace("\\", "/").rpartition("/")
        if not folder or not name:
            raise InputError(f"{path}:{number}: malformed line, `Class/name.mp4` is expected")
        yield _video(video_name(name), "train", folder.rpartition("/")[2], ())


def _test(path: Path) -> Iterator[AnnotatedVideo]:
    for number, line in read_lines(path):
        words = line.split()
        if len(words) < 2:
            raise InputError(f"{path}:{number}: malformed line, `name.mp4  Class  start  end ...` is expected")
        name = video_name(words[0])
        frames = integers(words[2:], f"{path}:{number}")
        intervals = []
        for start, end in zip(frames[::2], frames[1::2], strict=True):
            if (start, end) != (-1, -1):
                intervals.append(interval(start - 1, end, f"{name} ({path.name}:{number})"))
        yield _video(name, "test", words[1], tuple(intervals))


def _video(name: str, split: Split, category: str, intervals: tuple[Interval, ...]) -> AnnotatedVideo:
    # The normal classes are called Normal, Training_Normal_Videos_Anomaly and Testing_Normal_Videos_Anomaly.
    label = int("normal" not in category.lower())
    return AnnotatedVideo(name, split, label, (category,) if label else (), None, intervals)
