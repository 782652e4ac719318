"""Bags whose videos may be shorter than T and end in rows of zeros: their sequences, and the best of their own rows.

M is the number of sequences, that is videos x crops; a video's length is how many of its rows are its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.api import Bags, PairBatch
from methods.parts.layers import top_indices

__all__ = ["is_abnormal", "lay_out_crops", "logit_of_mean", "own_rows", "share_of_rows", "top_mean", "top_rows"]


def lay_out_crops(batch: PairBatch) -> tuple[Tensor, Tensor]:
    """Take each crop of each video for a sequence of its own, normal videos first, cut to the longest length.

    Published code that lists every crop of a video by itself does so.

    Returns
    -------
    Tensor
        Rows, shape (M, longest length, D).
    Tensor
        Lengths, shape (M).
    """
    halves = (batch.normal, batch.abnormal)
    lengths = torch.cat([_lengths(bags) for bags in halves])
    rows = torch.cat([bags.features.flatten(0, 1) for bags in halves])
    if all(bags.lengths is None for bags in halves):
        return rows, lengths
    return rows[:, : int(lengths.max())], lengths


def _lengths(bags: Bags) -> Tensor:
    videos, crops, length, _ = bags.features.shape
    if bags.lengths is None:
        return torch.full((videos * crops,), length, device=bags.features.device)
    return bags.lengths.to(bags.features.device).repeat_interleave(crops)


def is_abnormal(lengths: Tensor) -> Tensor:
    """Return which of the sequences of `lay_out_crops` are abnormal, the second half: (M)."""
    return torch.arange(len(lengths), device=lengths.device) >= len(lengths) // 2


def own_rows(lengths: Tensor, length: int) -> Tensor:
    """Return which of `length` rows are a video's own and no padding: (M) -> (M, length)."""
    return torch.arange(length, device=lengths.device) < lengths[:, None]


def top_rows(values: Tensor, k: Tensor, lengths: Tensor) -> Tensor:
    """Return which rows have a video's k largest values among its own rows: (M, T), (M), (M) -> (M, T)."""
    order = top_indices(values.masked_fill(~own_rows(lengths, values.shape[1]), -torch.inf), values.shape[1])
    return torch.zeros_like(order, dtype=torch.bool).scatter(1, order, own_rows(k, values.shape[1]))


def share_of_rows(lengths: Tensor, divisor: int) -> Tensor:
    """Return how many rows stand for a video of L: L // divisor + 1, or all L where that is more; (M) -> (M)."""
    return torch.minimum(lengths // divisor + 1, lengths)


def top_mean(values: Tensor, k: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean of a video's k largest values among its own rows: (M, T), (M), (M) -> (M).

    Of values (M, T, C) each of the C has largest ones of its own: (M, C).
    """
    if values.ndim == 3:
        columns = values.shape[2]
        repeated = (x.repeat_interleave(columns) for x in (k, lengths))
        return top_mean(values.mT.flatten(0, 1), *repeated).view(-1, columns)
    return values.masked_fill(~top_rows(values, k, lengths), 0).sum(-1) / k


def logit_of_mean(logits: Tensor, chosen: Tensor) -> Tensor:
    """Return the logit of the mean of sigmoid(logits) over the chosen entries of the last axis, see `mean_logit`."""
    above, below = (F.logsigmoid(x).masked_fill(~chosen, -torch.inf).logsumexp(-1) for x in (logits, -logits))
    return above - below
