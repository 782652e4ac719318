"""Files of raw snippet scores, with the labels that they are judged by."""

from __future__ import annotations

import io
import zipfile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.frame import ScoredVideos
from benchmark.system.errors import InputError

SEPARATOR = "\x1f"
"""Between the class names of a video."""

_KINDS = {"names": "U", "classes": "U", "rows": "iu", "labels": "iu", "scores": "f", "positive": "iu", "negative": "iu"}
"""The arrays of a file, and what each may hold, as NumPy names it."""


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
        if sum(arrays["rows"].tolist()) != len(arrays["scores"]):
            return None
        return ScoredVideos(
            scores=arrays["scores"].astype(np.float64),
            positive=arrays["positive"].astype(np.int64),
            negative=arrays["negative"].astype(np.int64),
            video=np.repeat(np.arange(len(arrays["rows"])), arrays["rows"]),
            labels=arrays["labels"].astype(np.int64),
            classes=tuple(tuple(c.split(SEPARATOR)) if c else () for c in arrays["classes"].tolist()),
            names=tuple(arrays["names"].tolist()),
        )
    except (
        InputError,
        OSError,
        TypeError,
        ValueError,
        KeyError,
        EOFError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
    ):
        return None


def _read_array(parts: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with parts.open(f"{name}.npy") as part:
        return np.asarray(np.lib.format.read_array(part, allow_pickle=False))
