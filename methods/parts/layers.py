"""Layers shared by the methods: selection of segments, scorer, temporal networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "CausalConvolution",
    "CausalWindowAttention",
    "MultiScaleTemporalNetwork",
    "NonLocal",
    "Scorer",
    "TemporalConvolution",
    "full_precision",
    "init_xavier_normal",
    "init_xavier_uniform",
    "mean_logit",
    "relu_batch_norm",
    "take_segments",
    "top_indices",
    "unit_vectors",
]


def init_xavier_uniform(module: nn.Module) -> None:
    """Give a linear or convolutional layer Xavier-uniform weights and a zero bias; for `nn.Module.apply`."""
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
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


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which products with `x` are made at its own precision, whatever that of the training is."""
    device = x.device.type
    return nullcontext() if device == "meta" else torch.autocast(device, enabled=False)


class TemporalConvolution(nn.Conv1d):
    """Convolution along time of an odd kernel, zero-padded to the same length: (…, T, dim) -> (…, T, out)."""

    def __init__(self, dim: int, out: int, kernel: int) -> None:
        super().__init__(dim, out, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, dim) to (…, T, out)."""
        rows = x.reshape(-1, *x.shape[-2:]).transpose(1, 2)
        return super().forward(rows).transpose(1, 2).reshape(*x.shape[:-1], -1)


class Scorer(nn.Module):
    """Fully connected scorer D-width-128-1: ReLU and dropout after the first two layers (RTFM's code).

    Input (…, D); returns the scores' logits (…) and the second layer's activations before dropout (…, 128),
    CLAV's F_FC2.
    """

    hidden = 128

    def __init__(self, dim: int, dropout: float, width: int = 512) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, width)
        self.fc2 = nn.Linear(width, self.hidden)
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


def relu_batch_norm(channels: int) -> tuple[nn.Module, nn.Module]:
    """Make what follows a convolution in RTFM's code: ReLU, and only then batch normalisation."""
    return nn.ReLU(), nn.BatchNorm1d(channels)


class MultiScaleTemporalNetwork(nn.Module):
    """RTFM's multi-scale temporal network: a dilated pyramid and a non-local branch, fused, plus the input.

    Input and output (N, T, D). Each of the four branches is `width` wide, D // 4 if None (512 for the
    published D = 2048), the non-local block half of that, both at least 1. `after` makes what follows the
    convolutions of the pyramid and the fusing one, by their channels.
    """

    def __init__(
        self, dim: int, width: int | None = None, after: Callable[[int], Iterable[nn.Module]] = relu_batch_norm
    ) -> None:
        super().__init__()
        width = width or max(1, dim // 4)
        self.pyramid = nn.ModuleList(
            nn.Sequential(nn.Conv1d(dim, width, 3, padding=dilation, dilation=dilation), *after(width))
            for dilation in (1, 2, 4)
        )
        self.reduce = nn.Sequential(nn.Conv1d(dim, width, 1, bias=False), nn.ReLU())
        self.non_local = NonLocal(width, max(1, width // 2))
        self.fuse = nn.Sequential(nn.Conv1d(4 * width, dim, 3, padding=1, bias=False), *after(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, D) to (N, T, D)."""
        x = x.transpose(1, 2)
        branches = [branch(x) for branch in self.pyramid]
        branches.append(self.non_local(self.reduce(x)))
        fused: Tensor = self.fuse(torch.cat(branches, dim=1)) + x
        return fused.transpose(1, 2)


class CausalConvolution(nn.Conv1d):
    """Convolution along time of a segment and `kernel` - 1 before it: (…, T, dim) -> (…, T, out).

    They are `dilation` apart. Before the start there are zeros; the last weight of the kernel is that of the segment
    itself.
    """

    def __init__(self, dim: int, out: int, kernel: int, dilation: int = 1) -> None:
        super().__init__(dim, out, kernel, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, dim) to (…, T, out)."""
        before = (self.kernel_size[0] - 1) * self.dilation[0]
        rows = F.pad(x.reshape(-1, *x.shape[-2:]).transpose(1, 2), (before, 0))
        return super().forward(rows).transpose(1, 2).reshape(*x.shape[:-1], -1)


class CausalWindowAttention(nn.Module):
    """Attention of each segment to itself and the `window` - 1 before it: (…, T, D) -> (…, T, D).

    The weights are softmax_i(<q_t, k_i> / sqrt(width) - (t - i) / e) over i in [t - window + 1, t], without the
    places before the start. The weighted sum of the values passes a linear layer back to D. Memory grows linearly
    with T.

    Parameters
    ----------
    dim
        Feature size D.
    width
        Size of queries, keys and values.
    window
        Number of segments that a segment sees, itself among them.
    position_prior
        Whether the term - (t - i) / e is there: the position prior exp(-|t - i| / e) of HL-Net (Wu et al., ECCV 2020).
    """

    def __init__(self, dim: int, width: int, window: int, position_prior: bool = True) -> None:
        super().__init__()
        self.window, self.position_prior = window, position_prior
        # A bias of the keys would cancel in the softmax, and one of the values would be a second bias of the output.
        self.query = nn.Linear(dim, width, bias=False)
        self.key = nn.Linear(dim, width, bias=False)
        self.value = nn.Linear(dim, width, bias=False)
        self.output = nn.Linear(width, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, D) to (…, T, D)."""
        query = self.query(x).unsqueeze(-2) / math.sqrt(self.query.out_features)
        logits = query @ self._history(self.key(x)) + self._place(x)
        attended = logits.softmax(-1) @ self._history(self.value(x)).mT
        out: Tensor = self.output(attended.squeeze(-2))
        return out

    def _history(self, x: Tensor) -> Tensor:
        """Lay what each segment sees along a last axis, oldest first: (…, T, width) -> (…, T, width, window)."""
        return F.pad(x, (0, 0, self.window - 1, 0)).unfold(-2, self.window, 1)

    def _place(self, x: Tensor) -> Tensor:
        """Return what the logits of (…, T, D) owe to the places alone, -inf before the start: (T, 1, window)."""
        back = torch.arange(self.window - 1, -1, -1, device=x.device)
        before = torch.arange(x.shape[-2], device=x.device)[:, None, None] < back
        prior = -back.to(x.dtype) / math.e if self.position_prior else torch.zeros_like(back, dtype=x.dtype)
        return prior.masked_fill(before, -torch.inf)
