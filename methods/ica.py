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
from methods.parts.layers import TemporalConvolution, init_xavier_uniform

Kernel = Literal[1, 3]
Activation = Literal["ica", "conv", "conv-wide", "none"]


class TwoHalves(nn.Module):
    """One convolution along time to 2D channels, whose halves become one: (…, T, D) -> (…, T, D).

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
        return self._merge(first, second)

    def _merge(self, first: Tensor, second: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} defines no _merge")


class ImplicitClassActivation(TwoHalves):
    """The larger half, element by element (Eq. 1-3). The gradient flows to that half only."""

    def _merge(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.maximum(first, second)


class WideConvolution(TwoHalves):
    """Control with ICA's parameters and receptive field but without its maximum: the mean of the halves.

    It is linear, and can do what a convolution to D channels can: it tells what the parameters alone do for training.
    """

    def _merge(self, first: Tensor, second: Tensor) -> Tensor:
        return (first + second) / 2


ACTIVATIONS: Mapping[Activation, Callable[[int, int], nn.Module]] = {
    "ica": ImplicitClassActivation,
    "conv": lambda dim, kernel: TemporalConvolution(dim, dim, kernel),
    "conv-wide": WideConvolution,
    "none": lambda dim, kernel: nn.Identity(),
}
"""What may stand between the features and a method, each made from feature size and kernel."""


class InFront(AddOn):
    """One of `ACTIVATIONS` in front of a method."""

    activation: ClassVar[Activation]

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


class ICA(InFront):
    """ICA in front of a method, as the paper adds it to MMIL (section 4.3)."""

    title, activation = "ICA", "ica"


class PlainConvolution(InFront):
    """Control: a convolution of ICA's kernel to D channels, without the maximum. Same temporal context."""

    title, activation = "conv", "conv"


class PlainWideConvolution(InFront):
    """Control: ICA's convolution with as many parameters, the mean of its halves instead of the larger one."""

    title, activation = "wide conv", "conv-wide"
