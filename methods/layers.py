"""Layers shared by the methods: selection of segments, scorer, temporal networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "MultiScaleTemporalNetwork",
    "NonLocal",
    "Scorer",
    "init_xavier_normal",
    "init_xavier_uniform",
    "mean_logit",
    "take_segments",
    "top_indices",
    "unit_vectors",
]


def init_xavier_uniform(module: nn.Module) -> None:
    """Give a linear or convolutional layer Xavier-uniform weights and a zero bias; for `nn.Module.apply`."""
    if isinstance(module, nn.Linear | nn.Conv1d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def init_xavier_normal(module: nn.Module) -> None:
    """Give a linear layer Xavier-normal weights and a zero bias; for `nn.Module.apply`."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_normal_(module.weight)
        nn.init.zeros_(module.bias)


def top_indices(values: Tensor, k: int) -> Tensor:
    """Return the indices of the k largest values along the last axis, (…, T) -> (…, min(k, T)).

    Largest first; of equal values the earlier one, on every device (`torch.topk` leaves that open).
    """
    return values.sort(dim=-1, descending=True, stable=True).indices[..., :k]


def take_segments(x: Tensor, index: Tensor) -> Tensor:
    """Select segments by indices shared by the crops: (videos, crops, T, D), (videos, K) -> (…, K, D)."""
    return torch.take_along_dim(x, index[:, None, :, None], dim=2)


def mean_logit(logits: Tensor, dim: int) -> Tensor:
    """Return the logit of the mean of sigmoid(logits) along `dim`.

    Mean scores (over crops, or over selected segments) stay in this form until the loss is taken: a score
    that rounds to exactly 0 or 1 would pass no gradient and could never recover.
    """
    return F.logsigmoid(logits).logsumexp(dim) - F.logsigmoid(-logits).logsumexp(dim)


def unit_vectors(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Divide vectors along the last axis by their L2 norm.

    A vector shorter than `eps` has no direction: it becomes zero and passes no gradient, which would
    otherwise be of the order of 1 / eps.
    """
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return torch.where(norm > eps, x / norm.clamp_min(eps), torch.zeros_like(x))


class Scorer(nn.Module):
    """Fully connected scorer D-512-128-1: ReLU and dropout after the first two layers (RTFM's code).

    Input (…, D); returns the scores' logits (…) and the second layer's activations before dropout (…, 128),
    CLAV's F_FC2.
    """

    hidden = 128

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 512)
        self.fc2 = nn.Linear(512, self.hidden)
        self.fc3 = nn.Linear(self.hidden, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (…) and hidden activations (…, 128)."""
        hidden = self.fc2(self.dropout(self.fc1(x).relu())).relu()
        return self.fc3(self.dropout(hidden)).squeeze(-1), hidden


class NonLocal(nn.Module):
    """Non-local block along time with a dot product over T, without softmax (RTFM's code).

    Input and output (N, width, T). The last batch normalisation starts at zero, so the block starts as the
    identity.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.g = nn.Conv1d(width, inner, 1)
        self.theta = nn.Conv1d(width, inner, 1)
        self.phi = nn.Conv1d(width, inner, 1)
        self.out = nn.Conv1d(inner, width, 1)
        self.norm = nn.BatchNorm1d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return x + norm(out(g(x) phi(x)^T theta(x) / T)), shape (N, width, T)."""
        g, phi, theta = self.g(x), self.phi(x).transpose(1, 2), self.theta(x)
        inner, length = g.shape[1:]
        # The product is associative; the smaller middle matrix keeps memory linear in the length.
        y: Tensor = g @ (phi @ theta) if length <= inner else (g @ phi) @ theta
        out: Tensor = x + self.norm(self.out(y / length))
        return out


class MultiScaleTemporalNetwork(nn.Module):
    """RTFM's multi-scale temporal network: a dilated pyramid and a non-local branch, fused, plus the input.

    Input and output (N, T, D). Each of the four branches is D // 4 wide (512 for the published D = 2048),
    the non-local block half of that, both at least 1. Every convolution is followed by ReLU and then batch
    normalisation, as in the code.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        width = max(1, dim // 4)
        self.pyramid = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(dim, width, 3, padding=dilation, dilation=dilation),
                nn.ReLU(),
                nn.BatchNorm1d(width),
            )
            for dilation in (1, 2, 4)
        )
        self.reduce = nn.Sequential(nn.Conv1d(dim, width, 1, bias=False), nn.ReLU())
        self.non_local = NonLocal(width, max(1, width // 2))
        self.fuse = nn.Sequential(nn.Conv1d(4 * width, dim, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm1d(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, D) to (N, T, D)."""
        x = x.transpose(1, 2)
        branches = [branch(x) for branch in self.pyramid]
        branches.append(self.non_local(self.reduce(x)))
        fused: Tensor = self.fuse(torch.cat(branches, dim=1)) + x
        return fused.transpose(1, 2)
