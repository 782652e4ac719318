"""Networks that see a video as a whole, on videos longer than they should see at once: cut into windows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.parts.long_videos import by_sequences

__all__ = ["by_windows", "mean_over_crops_in_windows"]


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
    sequences, length = x.shape[:2]
    if window is None or length <= window:
        return network(x)
    whole, rest = divmod(length, window)
    windows = torch.unflatten(x[:, : whole * window], 1, (whole, window)).flatten(0, 1)
    made = torch.unflatten(network(windows), 0, (sequences, whole)).flatten(1, 2)
    if not rest:
        return made
    last, start = network(x[:, length - window :]), length - window
    both = (made[:, start:] + last[:, : window - rest]) / 2
    return torch.cat([made[:, :start], both, last[:, window - rest :]], dim=1)


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
