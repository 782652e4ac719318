"""A method with diagnostics of every kind, each simple enough to be computed by hand."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.api import Diagnostics, FeatureSpec, Method, MethodConfig, PairBatch


class TwoHeads(Method):
    """Scores segments by one layer, and videos by the mean of their features in another."""

    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"motion": ("given",), "objects": ("given",)}

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.segment = nn.Linear(features.dim, 1)
        self.whole = nn.Linear(features.dim, 1)

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor]:
        segment = self.segment(features).squeeze(-1).mean(1)
        return segment, self.whole(features.mean((1, 2))).squeeze(-1)

    def score(self, features: Tensor) -> Tensor:
        segment, whole = self.heads(features)
        return (segment + whole[:, None]).sigmoid()

    def diagnostics(self, features: Tensor) -> Diagnostics:
        segment, whole = self.heads(features)
        objects = features.mean(1)[..., : self.features.object_classes].abs()
        return Diagnostics(
            scores={"segment": segment.sigmoid()},
            predictions={"motion": segment, "objects": objects},
            crossed={"both": (segment[:, None] + whole[None, :, None]).sigmoid()},
        )

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        normal, abnormal = self.score(batch.normal.features), self.score(batch.abnormal.features)
        terms = {"normal": normal.square().mean(), "abnormal": (1 - abnormal).square().mean()}
        return {"loss": terms["normal"] + terms["abnormal"], **terms}


class NotFinite(TwoHeads):
    """Breaks the contract once it is trained."""

    def diagnostics(self, features: Tensor) -> Diagnostics:
        return Diagnostics({"segment": torch.full_like(self.score(features), torch.nan)})
