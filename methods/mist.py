"""MIST generator: the first stage of multiple-instance self-training (Feng, Hong and Zheng, CVPR 2021)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.losses import add_total
from methods.parts.mist_generator import make_regressor, ranking_terms


class MIST(Method):
    """A three-layer scorer that ranks the mean of an abnormal video's highest scores above every normal video's.

    Terms of `training_step`, weighted as they enter the loss: hinge, smooth, sparse. The k = max(1, T // 32) highest
    scores stand for a video (7 at T = 224). Its second stage trains an encoder on frames and is not here;
    `methods.mist_encoder` has a stand-in for it on features.
    """

    title = "MIST generator"

    class Config(MethodConfig):
        """Settings of the MIST generator."""

        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the first two layers")
        smoothness: float = Field(0.0, ge=0, description="weight of temporal smoothness")
        sparsity: float = Field(0.01, ge=0, description="weight of sparsity")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.regressor = make_regressor(features.dim, config.dropout)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the official code's weights, whose names are ours.

        A prefix ``module.`` of all names, which data-parallel training leaves, is dropped. Source: MIL_Generator.py of
        the official code.
        """
        prefix = "module." if all(name.startswith("module.") for name in weights) else ""
        return {name.removeprefix(prefix): value for name, value in weights.items()}

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), the mean over crops.

        Neither smoothed nor stretched to [0, 1]: that makes pseudo-labels of training videos for the second stage.
        """
        scores: Tensor = self.regressor(features).squeeze(-1).mean(1)
        return scores

    def embed(self, features: Tensor) -> Tensor:
        """Return the second layer, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, 32)."""
        embedded: Tensor = self.regressor[:4](features).mean(1)
        return embedded

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        scores = self.score(torch.cat([batch.normal.features, batch.abnormal.features]))
        return add_total(ranking_terms(scores, self.config.smoothness, self.config.sparsity))
