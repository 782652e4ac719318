"""A linear scorer whose best snippet stands for the video."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, Method, MethodConfig, PairBatch


class Top1(Method):
    title = "Top-1"
    version = 1

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.layer = nn.Linear(features.dim, 1)

    def score(self, features: Tensor) -> Tensor:
        return self.layer(features).squeeze(-1).sigmoid().mean(1)

    def embed(self, features: Tensor) -> Tensor:
        return (features * self.layer.weight[0]).mean(1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        terms = {"normal": self._loss(batch.normal, 0.0), "abnormal": self._loss(batch.abnormal, 1.0)}
        return {"loss": terms["normal"] + terms["abnormal"], **terms}

    def _loss(self, bags: Bags, label: float) -> Tensor:
        best = self.score(bags.features).amax(1)
        return F.binary_cross_entropy(best, torch.full_like(best, label))
