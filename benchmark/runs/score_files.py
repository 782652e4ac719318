"""Files of raw snippet scores, with the labels that they are judged by."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.frame import ScoredVideos, base_rate
from benchmark.system.names import check_file_name, check_name
from benchmark.terms import Metric

SEPARATOR = "\x1f"
"""Between the class names of a video."""

_PART = {"names": "U", "classes": "U", "rows": "iu", "labels": "iu", "positive": "iu", "negative": "iu"}
"""The arrays of a file that are of its test part alone, and what each may hold, as NumPy names it."""
_PARTS = 16
"""Test parts that are kept in memory, some megabytes each: a store has thousands of files of a few."""

_DAMAGE = (OSError, TypeError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile)
"""What `zipfile` and NumPy raise for files that are damaged or made up."""


def chance_level(metric: Metric, scored: ScoredVideos) -> float:
    """Return what a primary metric is at chance: 0.5, or for AP the share of positive frames."""
    match metric:
        case "auc_frame":
            return 0.5
        case "ap_frame":
            return float(base_rate(scored))


def write_scores(file: BinaryIO, scored: ScoredVideos) -> None:
    """Write scores and labels."""
    np.savez(
        file,
        names=np.array(scored.names, dtype=np.str_),
        labels=scored.labels.astype(np.int8),
        classes=np.array([SEPARATOR.join(classes) for classes in scored.classes], dtype=np.str_),
        rows=np.bincount(scored.video),
        scores=scored.scores.astype(np.float32),
        positive=scored.positive.astype(np.int32),
        negative=scored.negative.astype(np.int32),
    )


def parse_scores(content: bytes) -> ScoredVideos | None:
    """Return what `write_scores` has written, or None where it is damaged.

    A file may come in an archive from elsewhere, so it can neither run anything nor grow: a few bytes that say that
    they are many numbers are damage.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            if any(member.compress_type != zipfile.ZIP_STORED for member in members.infolist()):
                return None
            part = _test_part(tuple(members.read(f"{name}.npy") for name in _PART))
            scores = _read_array(members.read("scores.npy"), "f").astype(np.float64)
        if len(scores) != len(part.scores) or not ((scores >= 0) & (scores <= 1)).all():
            return None
        return replace(part, scores=scores)
    except _DAMAGE:
        return None


@lru_cache(_PARTS)
def _test_part(contents: tuple[bytes, ...]) -> ScoredVideos:
    """Return a test part without its scores, from the content of its arrays; it is the same one for all its files.

    Parameters
    ----------
    contents
        In the order of `_PART`.

    Raises
    ------
    ValueError
        If one is damaged, or if they contradict one another.
    """
    arrays = {name: _read_array(content, _PART[name]) for name, content in zip(_PART, contents, strict=True)}
    rows, labels, positive, negative = (arrays[name] for name in ("rows", "labels", "positive", "negative"))
    names, classes = arrays["names"].tolist(), [c.split(SEPARATOR) if c else [] for c in arrays["classes"].tolist()]
    fits = (
        len(rows) == len(labels) == len(names) == len(set(names)) == len(classes)
        and sum(rows.tolist()) == len(positive) == len(negative)
        and np.isin(labels, (0, 1)).all()
        and all((counts >= 0).all() for counts in (rows, positive, negative))
    )
    if not fits:
        raise ValueError("the arrays contradict one another")
    for name in names:
        check_file_name(name)
    for name in chain(*classes):
        check_name(name)
    part = ScoredVideos(
        scores=np.zeros(len(positive)),
        positive=positive.astype(np.int64),
        negative=negative.astype(np.int64),
        video=np.repeat(np.arange(len(rows)), rows),
        labels=labels.astype(np.int64),
        classes=tuple(map(tuple, classes)),
        names=tuple(names),
    )
    for shared in (part.positive, part.negative, part.video, part.labels):
        shared.flags.writeable = False
    return part


class RememberedScores:
    """Scores that were read, for when they are asked for again, so that what was counted of them is still there.

    The first ones stay, as far as there is room: where all are gone through in turn, the latest would not be asked for
    again before they had to leave.

    Parameters
    ----------
    room
        For how many numbers there is room, of scores and of what is counted of them.
    """

    def __init__(self, room: int) -> None:
        self._kept: dict[str, ScoredVideos] = {}
        self._room = room

    def find(self, path: str) -> ScoredVideos | None:
        """Return the scores of a file, if they are kept."""
        return self._kept.get(path)

    def keep(self, path: str, scored: ScoredVideos) -> None:
        """Keep the scores of a file, if there is room."""
        numbers = len(scored.scores) + len(scored.names) ** 2
        if numbers <= self._room:
            self._kept[path] = scored
            self._room -= numbers


def _read_array(content: bytes, kind: str) -> NDArray[Any]:
    """Return a vector of a kind of numbers, or raise what of `_DAMAGE` is wrong with it."""
    array = np.asarray(np.lib.format.read_array(io.BytesIO(content), allow_pickle=False))
    if array.ndim != 1 or array.dtype.kind not in kind:
        raise ValueError("an array is not what belongs there")
    return array
