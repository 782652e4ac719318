"""However annotations are written down: they are read as meant, or refused in one line."""

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings

from benchmark.importing.annotations import read_annotations
from benchmark.system.errors import InputError
from tests.fuzz.annotation_words import Meant, cases, write

OUTCOMES: Counter[str] = Counter()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_annotations_are_read_as_meant_or_refused(case: tuple[list[Meant], dict[str, bytes | np.ndarray]]) -> None:
    meant, files = case
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        try:
            found = read_annotations(Path(folder))
        except InputError as error:
            OUTCOMES["refused" if str(error).isprintable() else "in several lines"] += 1
            return
    if set(found.videos) != {video.name for video in meant}:
        OUTCOMES["refused"] += 1  # features are matched by name
        return
    OUTCOMES["read"] += 1
    for video in meant:
        read = found.videos[video.name]
        assert (read.split, read.label) == (video.split, video.label), video
        assert read.frames in (None, video.frames), video
        if video.split == "test":
            assert read.intervals == video.intervals, video


def test_some_are_read_and_some_refused() -> None:
    assert OUTCOMES["read"] > 10
    assert OUTCOMES["refused"] > 10
    assert not OUTCOMES["in several lines"]
