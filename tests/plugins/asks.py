"""Small methods that ask for what only some datasets have, or learn from less than others."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from benchmark.terms import Supervision


class Plain(Method):
    """Asks for nothing."""

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.layer = nn.Linear(features.dim, 1)

    def logits(self, features: Tensor) -> Tensor:
        return self.layer(features).squeeze(-1).mean(1)

    def score(self, features: Tensor) -> Tensor:
        return self.logits(features).sigmoid()

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        normal, abnormal = self.logits(batch.normal.features), self.logits(batch.abnormal.features)
        return {"loss": F.softplus(normal).mean() + F.softplus(-abnormal).mean()}


class Classes(Plain):
    """Takes classes and a vector for each where there are any."""

    inputs: ClassVar = {"classes": ("given", "none"), "class_vectors": ("given", "random", "none")}


class NeedsVectors(Plain):
    """Cannot do without vectors that were given, if there are classes."""

    inputs: ClassVar = {"classes": ("given", "none"), "class_vectors": ("given",)}


class SaysClasses(Plain):
    """Says that it learns from classes, and does without where there are none."""

    inputs: ClassVar = {"classes": ("given", "none")}
    supervision: ClassVar[Supervision] = "weak-classes"


class NormalOnly(Plain):
    """Learns from normal videos."""

    supervision: ClassVar[Supervision] = "normal-only"

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return {"loss": F.softplus(self.logits(batch.normal.features)).mean()}


class NoLabels(Plain):
    """Learns from all videos alike."""

    supervision: ClassVar[Supervision] = "none"

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return {"loss": self.logits(torch.cat([batch.normal.features, batch.abnormal.features])).square().mean()}


class TwoCrops(Plain):
    """Compares crops of a video."""

    fewest_crops: ClassVar[int] = 2


class Patches(Plain):
    """Sees patches of the frame behind the usual crops."""

    takes_patches: ClassVar[bool] = True


class TwoStreams(Plain):
    """Scores the parts of a feature vector by themselves."""

    parts: ClassVar = ("visual", "text")

    def logits(self, features: Tensor) -> Tensor:
        sizes = self.features.parts
        assert tuple(sizes) == self.parts, "in this test"
        assert sum(sizes.values()) == features.shape[-1]
        return super().logits(features)
