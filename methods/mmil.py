"""MMIL: deep multiple-instance ranking (Sultani, Chen and Shah, CVPR 2018)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import init_xavier_normal
from methods.parts.losses import add_total, hinge_all_pairs, hinge_paired, smoothness


class MMIL(Method):
    """A three-layer scorer that ranks the highest score of an abnormal video above that of a normal one.

    Terms of `training_step`, weighted as they enter the loss: hinge, smooth, sparse, weights.
    """

    title = "MMIL"
    version = 2

    class Config(MethodConfig):
        """Settings of MMIL."""

        hinge: Literal["paired", "all-pairs"] = Field(
            "paired", description="index pairs, mean (paper); all pairs, sum (code)"
        )
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the first two layers")
        smoothness: float = Field(8e-5, ge=0, description="weight of temporal smoothness")
        sparsity: float = Field(8e-5, ge=0, description="weight of sparsity")
        weight_regularisation: float = Field(1e-3, ge=0, description="weight of the squared weights in the loss")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        dropout = nn.Dropout(config.dropout)
        # No activation after the second layer: so in the authors' network.
        self.hidden = nn.Sequential(nn.Linear(features.dim, 512), nn.ReLU(), dropout, nn.Linear(512, 32))
        self.output = nn.Sequential(dropout, nn.Linear(32, 1), nn.Sigmoid())
        self.apply(init_xavier_normal)

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), the mean over crops."""
        scores: Tensor = self.output(self.hidden(features)).squeeze(-1).mean(1)
        return scores

    def embed(self, features: Tensor) -> Tensor:
        """Return the second layer, mean over crops: (videos, crops, snippets, dim) -> (…, 32)."""
        embedded: Tensor = self.hidden(features).mean(1)
        return embedded

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        config, paired = self.config, self.config.hinge == "paired"
        normal, abnormal = self.score(batch.normal.features), self.score(batch.abnormal.features)
        # The authors' code sums over the abnormal videos of a batch what the paper writes for one pair.
        smooth, sparse = smoothness(abnormal), abnormal.sum(-1)
        hinge = (hinge_paired if paired else hinge_all_pairs)(normal.amax(-1), abnormal.amax(-1))
        weights = [layer.weight.square().sum() for layer in self.modules() if isinstance(layer, nn.Linear)]
        return add_total(
            {
                "hinge": hinge,
                "smooth": config.smoothness * (smooth.mean() if paired else smooth.sum()),
                "sparse": config.sparsity * (sparse.mean() if paired else sparse.sum()),
                "weights": config.weight_regularisation * sum(weights[1:], weights[0]),
            }
        )
