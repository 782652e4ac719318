"""RTFM: robust temporal feature magnitude learning (Tian et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, PairBatch
from methods.parts.feature_magnitude import MagnitudeConfig, magnitude_terms
from methods.parts.layers import MultiScaleTemporalNetwork, Scorer, init_xavier_uniform, mean_logit
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.scorers import LogitScorer
from methods.parts.switches import Need, SwitchedConfig

OFFICIAL_NAMES = {
    "Aggregate.conv_1.": "temporal.pyramid.0.",
    "Aggregate.conv_2.": "temporal.pyramid.1.",
    "Aggregate.conv_3.": "temporal.pyramid.2.",
    "Aggregate.conv_4.": "temporal.reduce.",
    "Aggregate.conv_5.": "temporal.fuse.",
    "Aggregate.non_local.g.": "temporal.non_local.g.",
    "Aggregate.non_local.theta.": "temporal.non_local.theta.",
    "Aggregate.non_local.phi.": "temporal.non_local.phi.",
    "Aggregate.non_local.W.0.": "temporal.non_local.out.",
    "Aggregate.non_local.W.1.": "temporal.non_local.norm.",
    "fc1.": "scorer.fc1.",
    "fc2.": "scorer.fc2.",
    "fc3.": "scorer.fc3.",
}
"""Layers of the official network, as the names of its weights begin, and ours."""


class RTFM(LogitScorer):
    """A temporal network whose features are long where abnormal and short where normal, as the official code.

    Terms of `training_step`, weighted as they enter the loss: mil, magnitude, smooth, sparse. k = max(1, T
    // 10) segments of largest magnitude stand for a video (3 at the published T = 32).
    """

    title = "RTFM"

    class Config(MagnitudeConfig, SwitchedConfig):
        """Settings of RTFM."""

        magnitude_loss: Literal["squared", "hinge"] = Field("squared", description="squared (code); hinge (paper)")
        dropout: float = Field(0.7, ge=0, lt=1, description="dropout on features, scorer and selection")
        branch_width: int | None = Field(
            None, ge=1, le=65_536, description="width of each branch of the temporal network; D/4 if none"
        )

        def _needs(self) -> Sequence[Need]:
            return [Need("magnitude_weight above 0", self.magnitude_weight > 0, ("magnitude_loss",))]

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.temporal = MultiScaleTemporalNetwork(features.dim, config.branch_width)
        self.dropout = nn.Dropout(config.dropout)
        self.scorer = Scorer(features.dim, config.dropout)
        self.apply(init_xavier_uniform)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours; names that are not its own stay as they are.

        A prefix ``module.`` of all names, which data-parallel training leaves, is dropped. Source: model.py of the
        official code.
        """
        return rename_weights(weights, OFFICIAL_NAMES)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and F after dropout (videos, crops, T, dim)."""
        embedded = self.dropout(self.temporal(features.flatten(0, 1)).unflatten(0, features.shape[:2]))
        return mean_logit(self.scorer(embedded)[0], 1), embedded

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        logits, embedded = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        return add_total(magnitude_terms(logits, embedded, self.dropout, self.config, self.config.magnitude_loss))
