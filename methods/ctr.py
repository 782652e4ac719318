"""CTR (reconstructed): causal temporal relation and feature discrimination, after Wu and Liu (TIP 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from benchmark.api import FeatureSpec, PairBatch
from methods.parts.layers import (
    CausalConvolution,
    CausalWindowAttention,
    init_xavier_uniform,
    mean_logit,
    take_segments,
    top_indices,
    unit_vectors,
)
from methods.parts.losses import add_total, bag_cross_entropy, compactness, dispersion
from methods.parts.scorers import LogitScorer
from methods.parts.switches import Need, SwitchedConfig


class CTRConfig(SwitchedConfig):
    """Settings of CTR (reconstructed); each is a guess, since no code is public."""

    hidden: int = Field(512, ge=1, le=65_536, description="width of the features")
    attention: int = Field(128, ge=1, le=65_536, description="width of queries, keys and values")
    window: int = Field(9, ge=1, description="segments that a segment attends to, itself and those before it")
    position_prior: bool = Field(
        True, description="whether nearer segments weigh more in the attention, exp(-|t - i|/e)"
    )
    kernel: int = Field(7, ge=1, le=1_023, description="kernel of the causal classifier")
    dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the first layer")

    centre: Literal["ema", "learned"] = Field(
        "ema", description="centre of the normal features: their moving average, or a parameter"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="share of the old centre in the moving average")
    normalise: bool = Field(True, description="whether features and centre are unit vectors in all distances")
    margin: float = Field(1.0, gt=0, description="distance from the centre that abnormal features are pushed to")
    compactness_weight: float = Field(0.1, ge=0, description="lambda_1, weight of compactness")
    dispersion_weight: float = Field(0.1, ge=0, description="lambda_2, weight of dispersion")
    top_divisor: int = Field(16, ge=1, description="k = T // top_divisor + 1 segments stand for a video")

    @model_validator(mode="after")
    def _margin_can_be_reached(self) -> Self:
        if self.normalise and self.margin > 2:
            raise ValueError(
                f"unit vectors are at most 2 apart, so normalise needs margin <= 2, not {self.margin}: "
                "lower margin or set normalise to false"
            )
        return self

    def _needs(self) -> Sequence[Need]:
        weighted = self.compactness_weight > 0 or self.dispersion_weight > 0
        return [
            Need("centre ema", self.centre == "ema", ("momentum",)),
            Need("compactness_weight or dispersion_weight above 0", weighted, ("centre", "normalise")),
        ]


class CTR(LogitScorer):
    """Features that know the recent past, drawn to a normal centre where normal and pushed from it where abnormal.

    A reconstruction from the paper's abstract and from HL-Net, by the same first author. Terms of `training_step`,
    weighted as they enter the loss: mil, compact, disperse. The k segments of highest scores stand for a video, and
    the k of lowest scores are the normal part of an abnormal one.
    """

    title = "CTR (reconstructed)"
    Config = CTRConfig
    config: CTRConfig

    centre: Tensor
    """Centre c of the normal features (hidden): a buffer, or a parameter if learned."""
    centre_is_set: Tensor
    """Whether a batch has been averaged into the buffer."""

    def __init__(self, config: CTRConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.project = nn.Linear(features.dim, config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.relation = CausalWindowAttention(config.hidden, config.attention, config.window, config.position_prior)
        self.norm = nn.LayerNorm(config.hidden)
        self.classifier = CausalConvolution(config.hidden, 1, config.kernel)
        if config.centre == "learned":
            # The middle of the directions that the features, which come from a ReLU, can have.
            self.centre = nn.Parameter(torch.full((config.hidden,), config.hidden**-0.5))
        else:
            self.register_buffer("centre", torch.zeros(config.hidden))
            self.register_buffer("centre_is_set", torch.tensor(False))
        self.apply(init_xavier_uniform)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and the features X (videos, crops, T, hidden)."""
        projected = self.dropout(self.project(features).relu())
        related = self.norm(projected + self.relation(projected)).relu()
        return mean_logit(self.classifier(related).squeeze(-1), 1), related

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms, after its normal features have moved the centre."""
        config = self.config
        logits, related = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        k = logits.shape[1] // config.top_divisor + 1
        top = top_indices(logits, k)
        abnormal_top, abnormal_bottom = top.chunk(2)[1], top_indices(-logits.chunk(2)[1], k)
        normal, abnormal = self._comparable(related).chunk(2)
        if config.centre == "ema":
            self._move_centre(normal)
        centre = self._comparable(self.centre)
        disperse = dispersion(
            take_segments(abnormal, abnormal_top), take_segments(abnormal, abnormal_bottom), centre, config.margin
        )
        return add_total(
            {
                "mil": bag_cross_entropy(logits.gather(1, top), mean_first=True),
                "compact": config.compactness_weight * compactness(normal, centre),
                "disperse": config.dispersion_weight * disperse,
            }
        )

    def _comparable(self, x: Tensor) -> Tensor:
        """Make features or the centre ready for distances, (…, hidden) -> (…, hidden)."""
        return unit_vectors(x) if self.config.normalise else x

    @torch.no_grad()
    def _move_centre(self, normal: Tensor) -> None:
        """Average the normal features (videos, crops, T, hidden) of a batch into the centre; the first batch is it."""
        mean = normal.mean((0, 1, 2))
        moved = torch.lerp(self.centre, mean, 1 - self.config.momentum)
        self.centre.copy_(torch.where(self.centre_is_set, moved, mean))
        self.centre_is_set.fill_(True)
