"""ICA, the implicit class-activate module (Cho et al., CVPR 2023, section 3.1.1), and two controls for it.

ICA widens the features by a convolution along time and keeps the larger half. Whatever a method gains from it may be
due to the maximum, to the temporal context that the convolution brings, or to the parameters; the controls tell which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import AddOn, AddOnConfig, FeatureSpec
from methods.layers import TemporalConvolution, init_xavier_uniform

Kernel = Literal[1, 3]
Activation = Literal["ica", "conv", "conv-wide", "none"]


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
        self.expand = TemporalConvolution(dim, 2 * dim, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, D) to (…, T, D)."""
        first, second = self.expand(x).chunk(2, dim=-1)
        return torch.maximum(first, second)


class WideConvolution(nn.Module):
    """Control with ICA's parameters and receptive field but without its maximum: the two halves are averaged.

    Input and output (…, T, D), parameters as for `ImplicitClassActivation`. It is linear: whatever ICA does beyond it
    is due to the maximum.
    """

    def __init__(self, dim: int, kernel: int = 3) -> None:
        super().__init__()
        self.expand = TemporalConvolution(dim, 2 * dim, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, D) to (…, T, D)."""
        first, second = self.expand(x).chunk(2, dim=-1)
        mean: Tensor = (first + second) / 2
        return mean


ACTIVATIONS: Mapping[Activation, Callable[[int, int], nn.Module]] = {
    "ica": ImplicitClassActivation,
    "conv": lambda dim, kernel: TemporalConvolution(dim, dim, kernel),
    "conv-wide": WideConvolution,
    "none": lambda dim, kernel: nn.Identity(),
}
"""What may stand between the features and a method, each made from feature size and kernel."""


class ICA(AddOn):
    """ICA in front of a method, as the paper adds it to MMIL (section 4.3)."""

    title = "ICA"
    activation: ClassVar[Activation] = "ica"

    class Config(AddOnConfig):
        """Settings of ICA and of its controls."""

        kernel: Kernel = Field(3, description="kernel along time; 1 has no temporal context")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.layer = ACTIVATIONS[self.activation](features.dim, config.kernel)
        self.apply(init_xavier_uniform)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, D) to (…, T, D)."""
        return self.layer(x)  # type: ignore[no-any-return]


class PlainConvolution(ICA):
    """Control: a convolution of ICA's kernel to D channels, without the maximum. Same temporal context."""

    title = "conv"
    activation = "conv"


class PlainWideConvolution(ICA):
    """Control: ICA's convolution with as many parameters, its halves averaged instead of the larger one taken."""

    title = "wide conv"
    activation = "conv-wide"
