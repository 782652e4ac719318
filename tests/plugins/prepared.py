"""A method that keeps what it is shown before its first step, and what its training was said to be."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, Method, MethodConfig, MethodError, PairBatch, TrainingContext


class Prepared(Method):
    """Scores by the distance from the mean of all normal training videos, once this is known."""

    inputs: ClassVar = {"motion": ("given", "none"), "classes": ("given", "none")}
    begun: TrainingContext | None = None

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.weight = nn.Parameter(torch.ones(()))
        for name in ("normal", "abnormal"):
            self.register_buffer(name, torch.zeros(features.dim))
        self.register_buffer("videos", torch.zeros(2, dtype=torch.long))
        self.register_buffer("context", torch.zeros(2, dtype=torch.long))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def begin_training(self, context: TrainingContext) -> None:
        if self.begun or self.videos.any() or not self.training:
            raise MethodError("training began twice, late, or in evaluation mode")
        self.begun = context
        self.context.copy_(torch.tensor([context.steps, context.seed % 2**62]))

    def prepare(self, bags: PairBatch) -> None:
        if self.begun is None or self.videos.any() or self.steps or torch.is_grad_enabled():
            raise MethodError("prepared before training began, twice, after a step, or with gradients")
        for place, (name, half) in enumerate((("normal", bags.normal), ("abnormal", bags.abnormal))):
            self.get_buffer(name).copy_(self.mean(half))
            self.videos[place] = len(half.video_ids)

    def mean(self, bags: Bags) -> Tensor:
        return bags.features.to(self.device).mean((0, 1, 2))

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        if not self.videos.all():
            raise MethodError("a step before it was prepared")
        self.steps += 1
        seen = batch.normal.features.mean() + batch.abnormal.features.mean()
        return {"loss": self.weight.square() * (1 + seen.square())}

    def score(self, features: Tensor) -> Tensor:
        distance = (features.mean(1) - self.normal).norm(dim=-1)
        return 1 - torch.exp(-self.weight.abs() * distance)
