"""IBL (reconstructed): the inner bag loss and a causal temporal network, after Zhang, Qing and Miao (ICIP 2019)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import CausalConvolution, init_xavier_uniform
from methods.parts.long_videos import in_windows
from methods.parts.losses import add_total, hinge_paired, smoothness

HIDDEN = 32
"""Width of the head's first layer, as in MMIL."""


class CausalBlock(nn.Module):
    """A causal convolution, ReLU and dropout, and the input on top where it is as wide: (…, T, dim) -> (…, T, width).

    Source: none; the abstract says that the network encodes the preceding adjacent instance, and no more.
    """

    def __init__(self, dim: int, width: int, kernel: int, dilation: int, dropout: nn.Dropout) -> None:
        super().__init__()
        self.convolution = CausalConvolution(dim, width, kernel, dilation)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, T, dim) to (…, T, width)."""
        out: Tensor = self.dropout(self.convolution(x).relu())
        return x + out if x.shape == out.shape else out


class IBL(Method):
    """MMIL whose first layers see the past, with a term for the gap between the scores inside each video.

    A reconstruction: loss from the abstract and from two lines of someone else's code, network mostly guessed. Terms of
    `training_step`, weighted as they enter the loss: outer, inner_abnormal, inner_normal, smooth, sparse.
    """

    title = "IBL (reconstructed)"

    class Config(MethodConfig):
        """Settings of IBL (reconstructed)."""

        layers: int = Field(
            2, ge=0, le=10, description="causal convolutions, of dilation 1, 2, 4 and so on; 0 for MMIL's linear layer"
        )
        kernel: int = Field(2, ge=2, le=63, description="kernel of the convolutions; 2 sees a segment and one before")
        width: int = Field(512, ge=1, le=65_536, description="width of the convolutions")
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after each convolution and in the head")
        inner_weight: float = Field(1.0, ge=0, description="weight of the inner bag loss, both parts")
        smoothness: float = Field(8e-5, ge=0, description="weight of temporal smoothness")
        sparsity: float = Field(8e-5, ge=0, description="weight of sparsity")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        dim, width, dropout = features.dim, config.width, nn.Dropout(config.dropout)
        encoder: list[nn.Module] = [
            CausalBlock(width if place else dim, width, config.kernel, 2**place, dropout)
            for place in range(config.layers)
        ]
        self.encoder = nn.Sequential(*(encoder or (nn.Linear(dim, width), nn.ReLU(), dropout)))
        # No activation after the head's first layer: as in MMIL.
        self.hidden = nn.Linear(width, HIDDEN)
        self.output = nn.Sequential(dropout, nn.Linear(HIDDEN, 1), nn.Sigmoid())
        self.apply(init_xavier_uniform)
        self.reach = (config.kernel - 1) * (2**config.layers - 1)
        """How many segments before one its score depends on."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the scores of segments, the mean over crops: (videos, crops, T, dim) -> (videos, T)."""
        scores: Tensor = self.output(self.hidden(self.encoder(features))).squeeze(-1).mean(1)
        return scores

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets); none depends on a later one."""
        return self._along_time(lambda x: self.output(self.hidden(self.encoder(x))), features).squeeze(-1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the head's first layer, mean over crops: (videos, crops, snippets, dim) -> (…, 32)."""
        return self._along_time(lambda x: self.hidden(self.encoder(x)), features)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only.

        The inner terms draw the highest and the lowest score of an abnormal video apart, and those of a normal one
        together. Source: commented lines of github.com/zuble/uws4vad, which adds them to Sultani's hinge.
        """
        config = self.config
        scores = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        (normal_top, top), (normal_bottom, bottom) = scores.amax(-1).chunk(2), scores.amin(-1).chunk(2)
        abnormal = scores.chunk(2)[1]
        return add_total(
            {
                "outer": hinge_paired(normal_top, top),
                "inner_abnormal": config.inner_weight * F.relu(1 - top + bottom).mean(),
                "inner_normal": config.inner_weight * (normal_top - normal_bottom).mean(),
                "smooth": config.smoothness * smoothness(abnormal).mean(),
                "sparse": config.sparsity * abnormal.sum(-1).mean(),
            }
        )

    def _along_time(self, network: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        """Apply a network to every crop in windows, and average: (videos, crops, n, dim) -> (videos, n, any)."""
        widest = max(self.features.dim, self.config.width)
        rows = in_windows(network, features.flatten(0, 1), self.reach, widest)
        return torch.unflatten(rows, 0, features.shape[:2]).mean(1)
