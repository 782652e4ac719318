"""Graphs over the segments of a video, and convolutions on them, of HL-Net, VadCLIP, BN-SVP and WAGCN.

Source: the official code of the first three (Wu et al., ECCV 2020; Wu et al., AAAI 2024; Sapkota and Yu, CVPR 2022);
WAGCN's (Cao et al., IEEE SPL 2022) are reconstructed. A graph is never held as a whole where a video is long: its rows
are made in blocks, and made again where it is used again.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.parts.layers import TemporalConvolution, full_precision, unit_vectors

__all__ = [
    "Graph",
    "GraphConvolution",
    "affinity_graph",
    "cosine_graph",
    "distance_graph",
    "graph_of_rows",
    "normalise_graph",
    "score_graph",
    "similarity_graph",
]

Graph = Callable[[Tensor], Tensor]
"""A graph as what it makes of segments: (sequences, T, C) -> its matrix times that, of the same shape."""

BLOCK = 2**21
"""Numbers that a block of a graph's rows has at most: 8 MiB in float32."""
BAND = 512
"""Rows of a block of the distance graph."""
REACH = 128
"""Distance from which on exp(-distance / e) is below 4e-21, and adds nothing even in float64."""

FAINT = -80.0
"""Logarithm of an affinity that counts as none, below 2e-35."""


class GraphConvolution(nn.Module):
    """A x W + residual of x, for a graph A: (sequences, T, `dim`) -> (sequences, T, `out`).

    W has no bias. The residual is a convolution of kernel 5, or x itself where `dim` equals `out`.
    """

    def __init__(self, dim: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim, out))
        self.residual = nn.Identity() if dim == out else TemporalConvolution(dim, out, 5)
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor, graph: Graph) -> Tensor:
        """Map (sequences, T, dim) to (sequences, T, out)."""
        out: Tensor = graph(x @ self.weight) + self.residual(x)
        return out


def similarity_graph(x: Tensor, lengths: Tensor | None = None, threshold: float = 0.7) -> Graph:
    """Connect segments that look alike: softmax_j of the cosine of x_i and x_j, SIM.

    A cosine of `threshold` or less counts as 0, not as minus infinity: such a pair keeps the weight of a zero logit.

    Parameters
    ----------
    x
        Features, shape (sequences, T, D).
    lengths
        How many segments of each sequence are its own, shape (sequences,): the others have no part in the graph, and
        their rows are zero. All, if None.
    """
    norms = torch.linalg.vector_norm(x, dim=-1, keepdim=True)

    def logits(start: int, stop: int) -> Tensor:
        cosines = x[:, start:stop] @ x.mT / (norms[:, start:stop] @ norms.mT + 1e-20)
        return F.threshold(cosines, threshold, 0)

    return _softmax_graph(x, lengths, logits)


def score_graph(scores: Tensor, lengths: Tensor | None = None, temperature: float = 0.1) -> Graph:
    """Connect segments of like scores: softmax_j of sigmoid(((1 - |s_i - s_j|) - 0.5) / temperature).

    Parameters
    ----------
    scores
        In [0, 1], shape (sequences, T).
    lengths
        See `similarity_graph`.
    """

    def logits(start: int, stop: int) -> Tensor:
        closeness = 1 - (scores[:, start:stop, None] - scores[:, None]).abs()
        return ((closeness - 0.5) / temperature).sigmoid()

    return _softmax_graph(scores, lengths, logits)


def cosine_graph(x: Tensor, threshold: float, scale: float | None = None) -> Graph:
    """Connect segments that look alike by the cosine of x_i and x_j itself, where that is `threshold` or more; else 0.

    A segment of zeros is connected to none, not even to itself.

    Parameters
    ----------
    x
        Features, shape (sequences, T, D).
    threshold
        From 0 on: no connection is negative.
    scale
        Where given, the connections are multiplied by those of the distance graph of that scale.
    """
    units = unit_vectors(x)
    place = torch.arange(x.shape[1], device=x.device)

    def rows(start: int, stop: int) -> Tensor:
        cosines = units[:, start:stop] @ units.mT
        kept = torch.where(cosines >= threshold, cosines, torch.zeros_like(cosines))
        return kept if scale is None else kept * _nearness(place[start:stop, None] - place, scale, x)

    return graph_of_rows(x, rows)


def affinity_graph(x: Tensor, length_scale: Tensor) -> Graph:
    """Connect segments of near features: exp(-||(x_i - x_j) / l||^2 / 2), the Gaussian kernel of BN-SVP's code.

    Parameters
    ----------
    x
        Features, shape (sequences, T, D).
    length_scale
        l, one of each feature, shape (D).
    """
    with full_precision(x):  # distances are differences of large numbers
        scaled = (x - x.mean(-2, keepdim=True)) / length_scale
        squares = scaled.square().sum(-1, keepdim=True)

    def rows(start: int, stop: int) -> Tensor:
        with full_precision(x):
            halves = scaled[:, start:stop] @ scaled.mT - (squares[:, start:stop] + squares.mT) / 2
            # A CPU takes many times as long for numbers that are almost too small for it.
            return F.threshold(halves.clamp_max(0), FAINT, -torch.inf).exp()

    return graph_of_rows(x, rows)


def distance_graph(x: Tensor, scale: float = math.e) -> Tensor:
    """Apply the graph exp(-|i - j| / scale), DIST where that is e: (sequences, T, C) -> (sequences, T, C).

    Its rows do not sum to one, and it knows of no lengths: what fills a sequence up acts on the segments before it.
    """
    length, made, reach = x.shape[-2], [], math.ceil(REACH * scale / math.e)
    place = torch.arange(length, device=x.device)
    for start in range(0, length, BAND):
        first, last = max(0, start - reach), start + BAND + reach
        near = _nearness(place[start : start + BAND, None] - place[first:last], scale, x)
        made.append(near @ x[..., first:last, :])
    return torch.cat(made, dim=-2)


def normalise_graph(graph: Graph, like: Tensor) -> Graph:
    """Return D^-1/2 A D^-1/2 of a graph A without negative connections, D the sums of its rows.

    Of a symmetric A the largest eigenvalue is then 1, with the vector D^1/2 1. Rows of zeros stay so.

    Parameters
    ----------
    like
        A tensor (sequences, T, …) of the segments that A is of.
    """
    degrees = graph(like.new_ones(*like.shape[:2], 1))
    root = torch.where(degrees > 0, degrees, torch.ones_like(degrees)).rsqrt()
    return lambda x: root * graph(root * x)


def _nearness(apart: Tensor, scale: float, like: Tensor) -> Tensor:
    """Return exp(-|apart| / scale) in the kind of `like`."""
    return (-apart.abs().to(like.dtype) / scale).exp()


def _softmax_graph(like: Tensor, lengths: Tensor | None, logits: Callable[[int, int], Tensor]) -> Graph:
    """Return the graph whose rows from one place to another are softmax_j of `logits`, within the lengths.

    Parameters
    ----------
    like
        A tensor (sequences, T, …).
    """
    length = like.shape[1]
    own = None if lengths is None else torch.arange(length, device=like.device) < lengths[:, None]
    # A softmax needs something to sum over, also where a sequence has no segment of its own.
    seen = None if own is None else own | ~own.any(1, keepdim=True)

    def rows(start: int, stop: int) -> Tensor:
        row = logits(start, stop)
        if own is None or seen is None:
            return row.softmax(-1)
        row = row.masked_fill(~seen[:, None], -torch.inf).softmax(-1)
        return row.masked_fill(~own[:, start:stop, None], 0)

    return graph_of_rows(like, rows)


def graph_of_rows(like: Tensor, rows: Callable[[int, int], Tensor]) -> Graph:
    """Return the graph of a function that makes its rows from one place to another, (sequences, stop - start, T).

    Parameters
    ----------
    like
        A tensor (sequences, T, …) of the segments that it is of.
    """
    sequences, length = like.shape[:2]
    size = max(1, BLOCK // (sequences * length))
    if torch.is_grad_enabled() or size >= length:
        whole = rows(0, length)
        return lambda x: whole @ x

    def apply(x: Tensor) -> Tensor:
        out = x.new_empty(sequences, length, x.shape[-1])  # pieces that stay would split up the heap
        for start in range(0, length, size):
            stop = min(start + size, length)
            out[..., start:stop, :] = rows(start, stop) @ x
        return out

    return apply
