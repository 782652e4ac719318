"""RN: a relation network over pairs of motion and context features (Santoro et al., NeurIPS 2017)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

PairPooling = Literal["mean", "sum"]

PAIRS_AT_ONCE = 2**16
"""Pairs that are in memory at the same time; more are done piece by piece."""


class RelationNetwork(nn.Module):
    """Relates each segment to all context features by one network on pairs (the alternative of CLAV's Table 5).

    r_t = mean over j of g([f_t, G_j]) with g: Linear(2D, hidden), ReLU, Linear(hidden, out_dim), ReLU. The first layer
    is applied to f_t and to G_j apart, which is the same and does not repeat it for every pair. Its work grows with
    T x T', its memory does not.

    Parameters
    ----------
    dim
        Feature size D.
    hidden
        Width of g's first layer.
    out_dim
        Size of the relational features.
    pooling
        ``"mean"`` over the context features, whose number varies with the length of a video, or their ``"sum"`` as in
        the original.
    """

    def __init__(self, dim: int, hidden: int = 512, out_dim: int = 128, pooling: PairPooling = "mean") -> None:
        super().__init__()
        self.out_dim, self.pooling = out_dim, pooling
        self.pair = nn.Linear(2 * dim, hidden)
        self.out = nn.Linear(hidden, out_dim)

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """Return the relational features F_R: (N, T, D), (N, T', D) -> (N, T, out_dim)."""
        of_features, of_context = self.pair.weight.chunk(2, dim=1)
        first = nn.functional.linear(features, of_features, self.pair.bias)
        second = nn.functional.linear(context, of_context)
        at_once = max(1, PAIRS_AT_ONCE // (second.shape[0] * second.shape[1]))
        related = torch.cat([self._relate(part, second) for part in torch.split(first, at_once, dim=1)], dim=1)
        return related if self.pooling == "mean" else related * second.shape[1]

    def _relate(self, first: Tensor, second: Tensor) -> Tensor:
        pairs = (first[:, :, None] + second[:, None]).relu()
        related: Tensor = self.out(pairs).relu().mean(2)
        return related
