"""Labels of training videos that a method makes itself and learns from, kept for the segments of their bags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.api import PairBatch
from methods.parts.padded import own_rows

__all__ = [
    "BagShape",
    "VideoTable",
    "box_filter",
    "masked_mean",
    "own_segments",
    "segment_means",
    "stretch",
    "weighted_cross_entropy",
]

CONSTANT = 1e-6
"""Scores of a video that differ by no more than this differ by rounding: stretched, that would become labels."""


class BagShape(NamedTuple):
    """How the bags of a training are made of its videos, as a batch shows it."""

    segments: int = 1
    """Segments T of a bag."""
    filled_up: bool = False
    """Whether zeros fill up videos of fewer rows."""

    @classmethod
    def of(cls, batch: PairBatch) -> Self:
        """Return the shape of a batch's bags."""
        return cls(batch.normal.features.shape[2], batch.normal.lengths is not None)

    def own(self, rows: int) -> int:
        """Return how many segments a video of so many rows has of its own."""
        return min(rows, self.segments) if self.filled_up else self.segments


class VideoTable:
    """What is kept of each training video, by its name, in columns of shape (videos, T).

    It serves training only, and is never scored with.

    Parameters
    ----------
    names
        Of the videos, in the order of the rows.
    columns
        Tensors of shape (videos, T), by what they are.
    """

    def __init__(self, names: Sequence[str], columns: Mapping[str, Tensor]) -> None:
        self._rows = {name: row for row, name in enumerate(names)}
        self._columns = dict(columns)

    def __getitem__(self, column: str) -> Tensor:
        """Return a column, to read or to write."""
        return self._columns[column]

    def __setitem__(self, column: str, values: Tensor) -> None:
        """Set a column, or add one."""
        self._columns[column] = values

    def row(self, name: str) -> int:
        """Return where a video stands."""
        return self._rows[name]

    def rows(self, batch: PairBatch) -> Tensor:
        """Return where the videos of a batch stand, the normal ones first: (2B)."""
        rows = [self.row(name) for half in (batch.normal, batch.abnormal) for name in half.video_ids]
        return torch.tensor(rows, device=batch.normal.features.device)


def own_segments(batch: PairBatch) -> Tensor:
    """Return which segments are a video's own, and not zeros that fill it up: (2B, T), normal videos first."""
    lengths = []
    for bags in (batch.normal, batch.abnormal):
        videos, _, length, _ = bags.features.shape
        lengths.append(torch.full((videos,), length) if bags.lengths is None else bags.lengths)
    return own_rows(torch.cat(lengths).to(batch.normal.features.device), batch.normal.features.shape[2])


def segment_means(rows: Tensor, count: int) -> Tensor:
    """Average the rows of a video, or labels of them, into segments as its bag does: (n, …) -> (count, …).

    Segment i is the mean of the rows from trunc(i n / count) on to the next one's first or, where that is none, its
    first row alone. Bags that are made by another rule have their labels by this one all the same.
    """
    edges = torch.arange(count + 1, device=rows.device) * len(rows) // count
    if len(rows) < count:
        return rows[edges[:-1]]
    return torch.segment_reduce(rows, "mean", lengths=edges.diff(), axis=0)


def box_filter(values: Tensor, reach: int) -> Tensor:
    """Average each value with `reach` on both sides, the outermost ones repeated beyond the ends: (n) -> (n)."""
    padded = F.pad(values[None, None], (reach, reach), mode="replicate")[0, 0]
    return padded.unfold(0, 2 * reach + 1, 1).mean(-1)


def stretch(values: Tensor) -> Tensor:
    """Scale a video's values to [0, 1], (v - min) / (max - min): (…, n) -> (…, n).

    Values that are all the same stay as they are, cut to [0, 1]: there, the formula divides by zero.
    """
    lowest, highest = values.amin(-1, keepdim=True), values.amax(-1, keepdim=True)
    span = highest - lowest
    return torch.where(span > CONSTANT, (values - lowest) / span.clamp_min(CONSTANT), values.clamp(0, 1))


def masked_mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of the chosen values along the last axis, 0 where none is: (…, T), (…, T) -> (…)."""
    return values.masked_fill(~chosen, 0).sum(-1) / chosen.sum(-1).clamp_min(1)


def weighted_cross_entropy(logits: Tensor, labels: Tensor, positive: float = 1.0, negative: float = 1.0) -> Tensor:
    """Cross-entropy of sigmoid(logits) with labels in [0, 1], its two parts weighted: (…), (…) -> (…).

    -positive y log s - negative (1 - y) log(1 - s). Source: losses.py of MIST's official code, which adds 1e-8 inside
    the logarithms.
    """
    logits = logits.to(labels.dtype)  # of which a training in bfloat16 has less
    return -positive * labels * F.logsigmoid(logits) - negative * (1 - labels) * F.logsigmoid(-logits)
