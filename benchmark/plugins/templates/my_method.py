"""MyMethod: the mean of a video's highest scores against its label."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, Method, MethodConfig, PairBatch


class MyMethod(Method):
    """A scorer of single segments, trained by what its highest scores say of a video."""

    title = "MyMethod"  # what tables call it

    class Config(MethodConfig):
        """Settings, each with a default; `--set hidden=128` changes one for a run."""

        hidden: int = Field(64, ge=1, le=65_536, description="width of the hidden layer")
        share: float = Field(0.25, gt=0, le=1, description="share of a video's segments that stand for it")
        dropout: float = Field(0.5, ge=0, le=0.8, description="dropout after the hidden layer")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        # Random numbers come from PyTorch's global generator: the engine has seeded it.
        self.layers = nn.Sequential(
            nn.Linear(features.dim, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, 1),
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets) in [0, 1], 1 = abnormal."""
        scores: Tensor = self.layers(features).squeeze(-1).sigmoid()  # one per crop
        return scores.mean(1)

    def video_scores(self, bags: Bags) -> Tensor:
        """Score videos: the mean of their highest segments, (videos,)."""
        scores = self.score(bags.features)
        k = max(1, int(self.config.share * scores.shape[1]))
        return scores.topk(k, dim=1).values.mean(1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return the loss terms of a batch: "loss" is minimised, the others are kept as curves."""
        normal, abnormal = self.video_scores(batch.normal), self.video_scores(batch.abnormal)
        terms = {
            "normal": F.binary_cross_entropy(normal, torch.zeros_like(normal)),
            "abnormal": F.binary_cross_entropy(abnormal, torch.ones_like(abnormal)),
        }
        return {"loss": terms["normal"] + terms["abnormal"], **terms}
