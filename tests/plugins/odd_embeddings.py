"""Methods whose embeddings are odd, each in another way."""

import torch
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch


class Odd(Method):
    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.layer = nn.Linear(features.dim, 1)

    def score(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(features)).squeeze(-1).mean(dim=1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return {"loss": (self.score(batch.normal.features) - self.score(batch.abnormal.features)).mean()}


class Constant(Odd):
    def embed(self, features: Tensor) -> Tensor:
        return torch.ones(1, features.shape[2], 4)


class Raises(Odd):
    def embed(self, features: Tensor) -> Tensor:
        raise KeyError("no such thing")


class Tuple(Odd):
    def embed(self, features: Tensor) -> Tensor:
        return (features,)  # type: ignore[return-value]


class WrongShape(Odd):
    def embed(self, features: Tensor) -> Tensor:
        return features.mean(1)[:, :-1]


class NotFinite(Odd):
    def embed(self, features: Tensor) -> Tensor:
        return features.mean(1) * torch.nan
