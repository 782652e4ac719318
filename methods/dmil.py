"""DMIL: dynamic multiple-instance learning with a centre term, the loss of AR-Net (Wan et al., ICME 2020)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, PairBatch
from methods.parts.layers import init_xavier_uniform, mean_logit, top_indices
from methods.parts.losses import add_total, bag_cross_entropy, score_variance
from methods.parts.scorers import LogitScorer
from methods.parts.switches import Need, SwitchedConfig


class DMIL(LogitScorer):
    """A two-layer scorer taught by a share of each video's scores, as AR-Net's official code.

    Terms of `training_step`, weighted as they enter the loss: mil, centre. The k = ceil(T / `top_divisor`) highest
    scores stand for a video (8 at T = 32); the centre term keeps the scores of a normal video together.
    """

    title = "DMIL"

    class Config(SwitchedConfig):
        """Settings of DMIL."""

        top_divisor: int = Field(4, ge=1, description="alpha; k = ceil(T / alpha) highest scores stand for a video")
        centre_term: Literal["variance", "distance"] = Field(
            "variance", description="unbiased variance of a video's scores (code); mean squared distance to their mean"
        )
        centre_weight: float = Field(20.0, ge=0, description="lambda, weight of the centre term")
        dropout: float = Field(0.7, ge=0, lt=1, description="dropout between the two layers")

        def _needs(self) -> Sequence[Need]:
            return [Need("centre_weight above 0", self.centre_weight > 0, ("centre_term",))]

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.fc = nn.Linear(features.dim, features.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(features.dim, 1)
        self.apply(init_xavier_uniform)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and the hidden layer after dropout (videos, crops, T, dim)."""
        hidden = self.dropout(self.fc(features).relu())
        return mean_logit(self.classifier(hidden).squeeze(-1), 1), hidden

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; the centre term concerns normal videos only."""
        config = self.config
        logits, _ = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        top = top_indices(logits, math.ceil(logits.shape[1] / config.top_divisor))
        spread = score_variance(logits.chunk(2)[0].sigmoid(), unbiased=config.centre_term == "variance")
        return add_total(
            {
                "mil": bag_cross_entropy(logits.gather(1, top), mean_first=False),
                "centre": config.centre_weight * spread.mean(),
            }
        )
