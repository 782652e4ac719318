"""MA (reconstructed): ranking of attention-weighted videos, after Zhu and Newsam (BMVC 2019), on given features."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import init_xavier_uniform
from methods.parts.long_videos import in_windows
from methods.parts.losses import add_total, hinge_paired

WIDTH, HIDDEN = 512, 32
"""Widths of the scorer's layers, as in MMIL."""


class MA(Method):
    """MMIL's scorer, ranking attention-weighted mean scores of videos where MMIL ranks their highest scores.

    A reconstruction of the ranking model alone: the paper's feature is learned from optical flow and is not here. Terms
    of `training_step`, weighted as they enter the loss: hinge, sparse.
    """

    title = "Temporal MIL ranking (MA, reconstructed)"

    class Config(MethodConfig):
        """Settings of temporal MIL ranking (MA, reconstructed)."""

        features: Literal["all", "flow"] = Field(
            "all", description="what is looked at: features as they are, or their part flow"
        )
        attend: Literal["input", "hidden"] = Field(
            "input", description="what the attention sees: features, or the scorer's first layer"
        )
        weights: Literal["softmax", "sigmoid"] = Field(
            "softmax", description="attention that sums to one over a video; a sigmoid, divided by T"
        )
        scoring: Literal["instance", "weighted"] = Field(
            "instance",
            description="the scorer on each snippet; times the snippet's share of the highest attention of its video",
        )
        attention_width: int = Field(256, ge=1, le=65_536, description="width of the attention's first layer")
        attention_inner: int = Field(64, ge=1, le=65_536, description="width of the attention's second layer")
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the scorer's first two layers")
        sparsity: float = Field(8e-5, ge=0, description="weight of sparsity")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        parts = dict(features.parts) if config.features == "flow" else {"all": features.dim}
        self.part, self.sizes = list(parts).index(config.features), list(parts.values())
        dim, dropout = self.sizes[self.part], nn.Dropout(config.dropout)
        self.first = nn.Sequential(nn.Linear(dim, WIDTH), nn.ReLU(), dropout)
        # No activation after the second layer: as in MMIL.
        self.second = nn.Linear(WIDTH, HIDDEN)
        self.output = nn.Sequential(dropout, nn.Linear(HIDDEN, 1), nn.Sigmoid())
        self.attention = nn.Sequential(
            nn.Linear(dim if config.attend == "input" else WIDTH, config.attention_width),
            nn.Tanh(),
            nn.Linear(config.attention_width, config.attention_inner),
            nn.Tanh(),
            # A bias would be the same for all segments: it would cancel in the softmax and learn nothing.
            nn.Linear(config.attention_inner, 1, bias=config.weights == "sigmoid"),
        )
        self.apply(init_xavier_uniform)

    @classmethod
    def parts_for(cls, config: MethodConfig) -> tuple[str, ...]:
        """Return the part flow where it alone is looked at."""
        return ("flow",) if isinstance(config, cls.Config) and config.features == "flow" else ()

    @classmethod
    def title_for(cls, config: MethodConfig) -> str:
        """Return the title, which says so where only a part of the features is looked at."""
        flow = isinstance(config, cls.Config) and config.features == "flow"
        return cls.title.removesuffix(")") + ", flow features)" if flow else cls.title

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of segments and the logits of the attention to them, (…, T, dim) -> (…, T), (…, T)."""
        x = self._look_at(features)
        first = self.first(x)
        scores: Tensor = self.output(self.second(first)).squeeze(-1)
        return scores, self.attention(x if self.config.attend == "input" else first).squeeze(-1)

    def pool(self, scores: Tensor, attention: Tensor) -> Tensor:
        """Return the scores of whole videos, sum_t w_t f_t: scores and logits of the attention (…, T) -> (…)."""
        if self.config.weights == "softmax":
            return (attention.softmax(-1) * scores).sum(-1)
        return (attention.sigmoid() * scores).mean(-1)

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), the mean over crops.

        The attention alone is no score: it sums to one in every video, so that snippets of long videos would score low.
        """
        rows = in_windows(lambda x: torch.stack(self(x), -1), features.flatten(0, 1), 0, self._widest)
        scores, attention = rows.unbind(-1)
        if self.config.scoring == "weighted":
            logs = attention if self.config.weights == "softmax" else F.logsigmoid(attention)
            scores = scores * (logs - logs.amax(-1, keepdim=True)).exp()
        return torch.unflatten(scores, 0, features.shape[:2]).mean(1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the scorer's second layer, mean over crops: (videos, crops, snippets, dim) -> (…, 32)."""
        sequences = features.flatten(0, 1)
        rows = in_windows(lambda x: self.second(self.first(self._look_at(x))), sequences, 0, self._widest)
        return torch.unflatten(rows, 0, features.shape[:2]).mean(1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms, of videos' scores that are the mean over crops."""
        scores = self.pool(*self(torch.cat([batch.normal.features, batch.abnormal.features]))).mean(1)
        normal, abnormal = scores.chunk(2)
        return add_total({"hinge": hinge_paired(normal, abnormal), "sparse": self.config.sparsity * abnormal.mean()})

    @property
    def _widest(self) -> int:
        return max(self.features.dim, WIDTH, self.config.attention_width, self.config.attention_inner)

    def _look_at(self, features: Tensor) -> Tensor:
        """Take the part of the features that the method looks at, (…, dim) -> (…, its size)."""
        return torch.split(features, self.sizes, -1)[self.part]
