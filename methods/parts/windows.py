"""Networks that see a video as a whole, on videos longer than they should see at once: cut into windows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.parts.long_videos import by_sequences

__all__ = ["by_windows", "cut_windows", "join_windows", "mean_over_crops_in_windows", "of_windows"]


def by_windows(network: Callable[[Tensor], Tensor], x: Tensor, window: int | None) -> Tensor:
    """Apply a network to windows of `window` rows, one after the other, each as a sequence of its own.

    The last window is moved back so that it ends where the sequence does; what two windows give for a row is averaged.

    Parameters
    ----------
    network
        Maps (any, any, D) to (the same, the same, …); sequences do not touch each other in it.
    x
        Sequences, shape (N, T, D).
    window
        None for no windows: then, and where T is no more than that, the network sees the sequences as they are.

    Returns
    -------
    Tensor
        Shape (N, T, …).
    """
    return join_windows(of_windows(network, x, window), x.shape[1])


def of_windows(network: Callable[[Tensor], Tensor], x: Tensor, window: int | None) -> Tensor:
    """Apply a network to windows as `by_windows` does, and return what it gives of each: (N, windows, …)."""
    parts = cut_windows(x, window)
    made = [torch.unflatten(network(part.flatten(0, 1)), 0, part.shape[:2]) for part in parts]
    return torch.cat(made, dim=1)


def cut_windows(x: Tensor, window: int | None) -> list[Tensor]:
    """Cut sequences (N, n, …) into windows: two views (N, windows, `window`, …), the second of the last one alone.

    It is moved back to end at n, where `window` does not divide n; else there is no second view. A sequence no longer
    than a window is one.
    """
    length = x.shape[1]
    if window is None or window >= length:
        return [x[:, None]]
    whole = length // window * window
    last = [x[:, None, length - window :]] if whole < length else []
    return [torch.unflatten(x[:, :whole], 1, (-1, window)), *last]


def join_windows(made: Tensor, n: int) -> Tensor:
    """Put what was made of the windows in its place, means where two overlap: (N, windows, window, …) -> (N, n, …)."""
    window = made.shape[2]
    whole = n // window * window
    joined = made[:, : whole // window].flatten(1, 2)
    if whole == n:
        return joined
    last, start = made[:, -1], n - window
    both = (joined[:, start:] + last[:, : whole - start]) / 2
    return torch.cat([joined[:, :start], both, last[:, whole - start :]], dim=1)


def mean_over_crops_in_windows(
    network: Callable[[Tensor], Tensor], features: Tensor, window: int | None, width: int
) -> Tensor:
    """Apply a network to every crop in windows and average, (videos, crops, n, D) -> (videos, n, …).

    Parameters
    ----------
    network, window
        See `by_windows`.
    width
        Numbers a row that the network's widest layer gives: a few sequences or windows are seen at a time, or one.
    """
    made = by_windows(lambda part: by_sequences(network, part, width), features.flatten(0, 1), window)
    return torch.unflatten(made, 0, features.shape[:2]).mean(1)
