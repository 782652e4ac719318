"""The two-branch transformer that UR-DMU (Zhou et al., AAAI 2023) and BN-WVAD (Zhou et al., 2023) share."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.parts.layers import TemporalConvolution
from methods.parts.temporal_graphs import distance_graph

__all__ = ["OFFICIAL_LAYERS", "TwoBranchNetwork"]

DEPTH = 2
HEADS = 4

OFFICIAL_LAYERS = {
    "embedding.conv_1.0.": "network.embedding.",
    **{
        f"selfatt.layers.{i}.{official}.": f"network.layers.{i}.{ours}."
        for i in range(DEPTH)
        for official, ours in {
            "0.norm": "attention_norm",
            "0.fn.to_qkv": "attention.to_qkvt",
            "0.fn.to_out.0": "attention.to_out",
            "1.norm": "feed_forward_norm",
            "1.fn.net.0": "feed_forward.0",
            "1.fn.net.3": "feed_forward.3",
        }.items()
    },
}
"""Layers of the official network, as the names of its weights begin, and ours in a method's `network`."""


class TwoBranchNetwork(nn.Module):
    """A convolution of kernel 3 with ReLU, then two pre-norm transformer layers without a norm at their end.

    Input (M, T, D), output (M, T, width). PyTorch's own initialisation, as in the official codes.
    """

    def __init__(self, dim: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = TemporalConvolution(dim, width, 3)
        self.layers = nn.ModuleList(_Layer(width, dropout) for _ in range(DEPTH))

    def forward(self, x: Tensor) -> Tensor:
        """Map (M, T, D) to (M, T, width)."""
        x = self.embedding(x).relu()
        for layer in self.layers:
            x = layer(x)
        return x


class _Layer(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): (M, T, width) -> (M, T, width)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = TwoBranchAttention(width)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        out: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return out


class TwoBranchAttention(nn.Module):
    """Attention to what is alike beside a fixed mixing of what is near: (M, T, width) -> (M, T, width).

    Each of four heads, width/4 wide (128 at the published width), joins A1 v and A2 t, where A1 = softmax_j(<q_i, k_j>
    / sqrt(width/4)) and A2_ij = e_ij / sum_l e_jl with e_ij = exp(-|i - j| / e). As in the official codes, A2 is
    divided by the sums of its columns: near the ends its rows do not sum to one.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = max(1, width // HEADS)
        self.to_qkvt = nn.Linear(width, 4 * HEADS * self.head, bias=False)
        self.to_out = nn.Linear(2 * HEADS * self.head, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (M, T, width) to itself."""
        sequences, length, _ = x.shape
        parts = self.to_qkvt(x).view(sequences, length, 4, HEADS, self.head).permute(2, 0, 3, 1, 4)
        query, key, value, moved = parts
        alike = F.scaled_dot_product_attention(query, key, value)
        near = distance_graph(moved / _column_sums(length, x)[:, None])
        out: Tensor = self.to_out(torch.cat([alike, near], -1).transpose(1, 2).flatten(2))
        return out


def _column_sums(length: int, like: Tensor) -> Tensor:
    """Return sum_l exp(-|j - l| / e) over all l, (T): two geometric series."""
    ratio = math.exp(-1 / math.e)
    j = torch.arange(length, dtype=torch.float64, device=like.device)
    return ((1 + ratio - ratio ** (j + 1) - ratio ** (length - j)) / (1 - ratio)).to(like.dtype)
