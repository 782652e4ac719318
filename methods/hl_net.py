"""HL-Net: holistic and localized relations of segments, and a causal copy of them (Wu et al., ECCV 2020, XDVioDet)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, MethodConfig, PairBatch
from methods.parts.layers import CausalConvolution, TemporalConvolution, mean_logit
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.padded import is_abnormal, lay_out_crops, own_rows, share_of_rows, top_mean
from methods.parts.scorers import LogitScorer
from methods.parts.temporal_graphs import GraphConvolution, distance_graph, score_graph, similarity_graph

UNUSED = ("conv1d3.", "conv1d4.", "simAdj.", "disAdj.")
"""How the names of those weights of the official code begin that its network never uses."""


class HLNet(LogitScorer):
    """Three graphs over the segments of a video (features alike, scores alike, near in time) and a causal online head.

    Terms of `training_step`, weighted as they enter the loss: mil, mil_online, distillation. The k = L //
    `top_divisor` + 1 highest logits of a sample of L segments stand for it. Crops are samples of their own.
    """

    title = "HL-Net"

    class Config(MethodConfig):
        """Settings of HL-Net."""

        similarity_threshold: float = Field(
            0.7, ge=0, le=1, description="cosine of features from which on segments count as alike"
        )
        score_temperature: float = Field(0.1, gt=0, description="width of the sigmoid on the closeness of two scores")
        top_divisor: int = Field(16, ge=1, description="k = L // top_divisor + 1 segments stand for a video")
        distillation_weight: float = Field(5.0, ge=0, description="weight of the term that the online head copies by")
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after both first layers and all graph layers")
        score_by: Literal["offline", "online"] = Field(
            "offline", description="head that scores: the graphs, which see the whole video, or the causal one"
        )

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.conv1d1 = TemporalConvolution(features.dim, 512, 1)
        self.conv1d2 = TemporalConvolution(512, 128, 1)
        self.gc1, self.gc2 = GraphConvolution(128, 32), GraphConvolution(32, 32)
        self.gc3, self.gc4 = GraphConvolution(128, 32), GraphConvolution(32, 32)
        self.gc5, self.gc6 = GraphConvolution(128, 32), GraphConvolution(32, 32)
        self.classifier = nn.Linear(3 * 32, 1)
        self.approximator = nn.Sequential(
            TemporalConvolution(128, 64, 1), nn.ReLU(), TemporalConvolution(64, 32, 1), nn.ReLU()
        )
        self.conv1d_approximator = CausalConvolution(32, 1, 5)
        self.dropout = nn.Dropout(config.dropout)
        self.apply(_init)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the official code's weights, whose names are ours, without those that its network never uses."""
        return rename_weights(weights, {}, UNUSED)

    def rate_factors(self) -> Mapping[str, float]:
        """Return that the online head learns at half the rate, as in main.py of the official code."""
        return {"approximator.": 0.5, "conv1d_approximator.": 0.5}

    def heads(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return both heads' logits and the features behind them.

        Parameters
        ----------
        x
            Samples, shape (samples, T, D).
        lengths
            How many of the T segments are a sample's own; all if None. The rest has no part in the graphs of like
            features and of like scores, but it has in all else, as in the official code.

        Returns
        -------
        offline, online, offline_features, online_features
            Shapes (samples, T), (samples, T), (samples, T, 96) and (samples, T, 32).
        """
        h = self.dropout(self.conv1d2(self.dropout(self.conv1d1(x).relu())).relu())
        online_features = self.approximator(h)
        online = self.conv1d_approximator(online_features).squeeze(-1)
        alike = similarity_graph(x, lengths, self.config.similarity_threshold)
        like_scores = score_graph(online.detach().sigmoid(), lengths, self.config.score_temperature)
        graphs = (alike, distance_graph, like_scores)
        branches = [h, h, h]
        for layers in (self.gc1, self.gc3, self.gc5), (self.gc2, self.gc4, self.gc6):
            branches = [
                self.dropout(layer(branch, graph).relu())
                for layer, branch, graph in zip(layers, branches, graphs, strict=True)
            ]
        joined = torch.cat(branches, dim=-1)
        return self.classifier(joined).squeeze(-1), online, joined, online_features

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and the features behind them (videos, crops, T, 96 or 32)."""
        offline, online, *behind = self.heads(features.flatten(0, 1))
        logits, embedded = (offline, behind[0]) if self.config.score_by == "offline" else (online, behind[1])
        videos, crops, length, _ = features.shape
        return mean_logit(logits.view(videos, crops, length), 1), embedded.view(videos, crops, length, -1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; what fills up videos is cut to the longest one of the batch."""
        x, lengths = lay_out_crops(batch)
        offline, online, *_ = self.heads(x, lengths)
        k, labels = share_of_rows(lengths, self.config.top_divisor), is_abnormal(lengths).to(x.dtype)
        # Cross-entropy of the mean logit, not of the mean score.
        mil, mil_online = (
            F.binary_cross_entropy_with_logits(top_mean(logits, k, lengths), labels) for logits in (offline, online)
        )
        # Only the half of a cross-entropy that speaks for abnormal.
        missed = -offline.detach().sigmoid() * F.logsigmoid(online)
        distillation = (missed.masked_fill(~own_rows(lengths, x.shape[1]), 0).sum(1) / lengths).mean()
        return add_total(
            {"mil": mil, "mil_online": mil_online, "distillation": self.config.distillation_weight * distillation}
        )


def _init(module: nn.Module) -> None:
    """Draw Xavier-uniform weights; biases stay as PyTorch draws them, as in the official code."""
    if isinstance(module, nn.Linear | nn.Conv1d | GraphConvolution):
        nn.init.xavier_uniform_(module.weight)
