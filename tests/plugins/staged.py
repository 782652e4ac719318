"""A method of three stages, of which each but the first learns to repeat what the one before it gives."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, MethodError, PairBatch, TrainingVideo

SHARES = {"first": 0.5, "second": 0.25, "third": 0.25}


class Staged(Method):
    """Keeps what it is shown where a stage ends, and after which step that was."""

    title: ClassVar[str] = "Staged"

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.heads = nn.ModuleList(nn.Linear(features.dim, 1) for _ in SHARES)
        for name in SHARES:
            self.register_buffer(f"{name}_ended", torch.zeros(3, dtype=torch.float64))
        self.stage = 0
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def training_stages(self) -> Mapping[str, float]:
        return SHARES

    def stage_ended(self, name: str, videos: Iterable[TrainingVideo]) -> None:
        if self.training or torch.is_grad_enabled() or name != list(SHARES)[self.stage]:
            raise MethodError("a stage ended in training mode, with gradients, or out of turn")
        shown = list(videos)
        total = sum(float(video.features.double().sum()) for video in shown)
        abnormal = sum(video.label for video in shown)
        self.get_buffer(f"{name}_ended").copy_(torch.tensor([float(self.steps), abnormal, total]))
        self.stage += 1

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        self.steps += 1
        features = torch.cat([batch.normal.features, batch.abnormal.features]).mean((1, 2))
        labels = torch.arange(2, device=features.device).repeat_interleave(len(batch.normal.features)).float()
        logits = self.heads[self.stage](features).squeeze(-1)
        return {"loss": nn.functional.binary_cross_entropy_with_logits(logits, labels)}

    def score(self, features: Tensor) -> Tensor:
        scores: Tensor = self.heads[-1](features).squeeze(-1).sigmoid().mean(1)
        return scores
