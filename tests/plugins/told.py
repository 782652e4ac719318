"""A method that shows what it was told: scores of 1 on videos of XD-Violence, else 0; and motion as it is asked to."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.api import Diagnostics, FeatureSpec, Method, MethodConfig, PairBatch


class Config(MethodConfig):
    predicts: str = "motion"


class Told(Method):
    inputs: ClassVar = {"motion": ("given", "none")}
    Config = Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: dict[float, Tensor] = {}

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        for half in (batch.normal, batch.abnormal):
            assert half.motion is not None
            self.seen |= {float(x.sum()): motion for x, motion in zip(half.features, half.motion, strict=True)}
        return {"loss": self.weight.square()}

    def score(self, features: Tensor) -> Tensor:
        return torch.full(features.mean((1, 3)).shape, float(self.features.target == "xd-violence"))

    def diagnostics(self, features: Tensor) -> Diagnostics:
        if self.config.predicts == "failure":
            raise RuntimeError("nobody\nknows")
        if self.config.predicts == "constant":
            return Diagnostics(predictions={"motion": torch.zeros(features.mean((1, 3)).shape)})
        sign = -1 if self.config.predicts == "opposite" else 1
        known = torch.stack([self.seen[float(x.sum())] for x in features])
        return Diagnostics(predictions={} if self.config.predicts == "nothing" else {"motion": sign * known})
