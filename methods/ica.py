"""ICA: the implicit class-activate module (Cho et al., CVPR 2023, section 3.1.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImplicitClassActivation(nn.Module):
    """One convolution along time to 2D channels, then the larger half, element by element (Eq. 1-3).

    Input and output (…, T, D). The gradient flows to the larger half only.

    Parameters
    ----------
    dim
        Feature size D.
    kernel
        Odd kernel size along time; the paper does not print it. 1 treats each segment for itself.
    """

    def __init__(self, dim: int, kernel: int = 3) -> None:
        super().__init__()
        self.expand = nn.Conv1d(dim, 2 * dim, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, D) to (…, T, D)."""
        first, second = self.expand(x.reshape(-1, *x.shape[-2:]).transpose(1, 2)).chunk(2, dim=1)
        return torch.maximum(first, second).transpose(1, 2).reshape(x.shape)
