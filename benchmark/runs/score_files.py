"""Files of raw snippet scores, with the labels that they are judged by."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.frame import ScoredVideos, base_rate
from benchmark.system.names import check_file_name, check_name
from benchmark.terms import Metric

SEPARATOR = "\x1f"
"""Between the class names of a video."""

_KINDS = {"names": "U", "classes": "U", "rows": "iu", "labels": "iu", "scores": "f", "positive": "iu", "negative": "iu"}
"""The arrays of a file, and what each may hold, as NumPy names it."""

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
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts.infolist()):
                return None
            arrays = {name: _read_array(parts, name) for name in _KINDS}
        if any(arrays[name].ndim != 1 or arrays[name].dtype.kind not in kind for name, kind in _KINDS.items()):
            return None
        return _to_videos(arrays)
    except _DAMAGE:
        return None


def _to_videos(arrays: Mapping[str, NDArray[Any]]) -> ScoredVideos | None:
    """Put the arrays of a file together, unless they contradict one another or hold what no scores can be."""
    rows, scores, labels = arrays["rows"], arrays["scores"].astype(np.float64), arrays["labels"]
    positive, negative = arrays["positive"].astype(np.int64), arrays["negative"].astype(np.int64)
    names, classes = arrays["names"].tolist(), [c.split(SEPARATOR) if c else [] for c in arrays["classes"].tolist()]
    fits = (
        len(rows) == len(labels) == len(names) == len(set(names)) == len(classes)
        and sum(rows.tolist()) == len(scores) == len(positive) == len(negative)
        and np.isin(labels, (0, 1)).all()
        and all((counts >= 0).all() for counts in (rows, positive, negative))
        and ((scores >= 0) & (scores <= 1)).all()
    )
    if not fits:
        return None
    for name in names:
        check_file_name(name)
    for name in chain(*classes):
        check_name(name)
    return ScoredVideos(
        scores=scores,
        positive=positive,
        negative=negative,
        video=np.repeat(np.arange(len(rows)), rows),
        labels=labels.astype(np.int64),
        classes=tuple(map(tuple, classes)),
        names=tuple(names),
    )


def _read_array(parts: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with parts.open(f"{name}.npy") as part:
        return np.asarray(np.lib.format.read_array(part, allow_pickle=False))
