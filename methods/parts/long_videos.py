"""Networks along time on videos of any length, in memory that does not grow with their layers' widths."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["by_sequences", "in_windows", "mean_over_crops", "rows_at_once"]

ELEMENTS = 2**21
"""Numbers that one layer may give at once, 8 MB in float32."""


def rows_at_once(width: int) -> int:
    """Return how many rows a network may see at once whose widest layer gives `width` numbers a row."""
    return max(1, ELEMENTS // width)


def by_sequences(network: Callable[[Tensor], Tensor], x: Tensor, width: int) -> Tensor:
    """Apply a network that sees sequences whole, (N, T, D) -> (N, …), to a few at a time, or to one.

    Parameters
    ----------
    width
        Numbers a row that the network's widest layer gives.
    """
    return torch.cat([network(part) for part in torch.split(x, max(1, rows_at_once(width) // x.shape[1]))])


def mean_over_crops(network: Callable[[Tensor], Tensor], features: Tensor, width: int) -> Tensor:
    """Apply a network to every crop, see `by_sequences`, and average: (videos, crops, n, D) -> (videos, …)."""
    return torch.unflatten(by_sequences(network, features.flatten(0, 1), width), 0, features.shape[:2]).mean(1)


def in_windows(network: Callable[[Tensor], Tensor], x: Tensor, reach: int, width: int) -> Tensor:
    """Apply a network along time, a few sequences or a window of one at a time: (N, T, D) -> (N, T, any).

    The windows overlap, so that the result is the network's on whole sequences.

    Parameters
    ----------
    network
        Maps (any, any, D) to (the same, the same, any); sequences do not touch each other in it.
    x
        Sequences, shape (N, T, D).
    reach
        How many rows before and behind one the network's result for it depends on, at most.
    width
        Numbers a row that the network's widest layer gives.
    """
    length, rows = x.shape[1], rows_at_once(width)
    parts = []
    for sequences in torch.split(x, max(1, rows // length)):
        windows = []
        for start in range(0, length, rows):
            first, end = max(0, start - reach), min(start + rows, length)
            windows.append(network(sequences[:, first : end + reach])[:, start - first : end - first])
        parts.append(torch.cat(windows, dim=1))
    return torch.cat(parts)
