"""How numbers travel in a page: scores in 8 bits, everything as one compressed JSON text."""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.ranking import Floats

LEVELS = 256
"""Values that 8 bits can tell apart."""


def pack(content: object) -> str:
    """Return what JSON can say, compressed by gzip, as base64; equal contents give equal texts."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return compress(text)


def compress(text: str) -> str:
    """Return a text, compressed by gzip, as base64."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def levels_of(scores: Floats) -> NDArray[np.uint8]:
    """Scale scores, (n,), to the nearest levels, the lowest to 0 and the highest to 255; all to 0 if they are equal."""
    scaled = (scores - scores.min()) / (np.ptp(scores) or 1.0)
    levels: NDArray[np.uint8] = np.rint((LEVELS - 1) * scaled).astype(np.uint8)
    return levels


def bytes_of(levels: NDArray[np.uint8]) -> str:
    """Return levels as base64, a byte each."""
    return base64.b64encode(levels.tobytes()).decode()


def rounded(values: Floats, digits: int = 4) -> list[float | None]:
    """Return numbers for JSON, rounded, and None for what is not finite."""
    return [round(value, digits) + 0.0 if np.isfinite(value) else None for value in values.tolist()]
