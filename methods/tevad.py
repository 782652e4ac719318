"""TEVAD: text-empowered video anomaly detection (Chen et al., CVPR workshops 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, InputError, PairBatch
from methods import rtfm
from methods.parts.feature_magnitude import MagnitudeConfig, magnitude_terms
from methods.parts.layers import MultiScaleTemporalNetwork, Scorer, init_xavier_uniform, mean_logit
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.scorers import LogitScorer

Fusion = Literal["concat", "add", "product", "add_up"]

_AGGREGATE = {o: n.removeprefix("temporal.") for o, n in rtfm.OFFICIAL_NAMES.items() if o.startswith("Aggregate.")}
OFFICIAL_NAMES = {
    **{official: f"visual_network.{ours}" for official, ours in _AGGREGATE.items()},
    **{f"Aggregate_text.{o.removeprefix('Aggregate.')}": f"text_network.{ours}" for o, ours in _AGGREGATE.items()},
    "fc0.": "visual_map.",
    "fc_vis.": "visual_map.",
    "fc_text.": "text_map.",
    "fc1.": "scorer.fc1.",
    "fc2.": "scorer.fc2.",
    "fc3.": "scorer.fc3.",
}
"""Layers of the official network, as the names of its weights begin, and ours."""


class TEVAD(LogitScorer):
    """RTFM on video features fused with those of captions, each with a temporal network, as the official code.

    Terms of `training_step`, weighted as they enter the loss: mil, magnitude, smooth, sparse, as `RTFM`, on the fused
    features.
    """

    title = "TEVAD"
    parts = ("visual", "text")

    class Config(MagnitudeConfig):
        """Settings of TEVAD."""

        fusion: Fusion = Field(
            "concat", description="end to end; sum or product at the text's size; sum at the sizes' sum (add_up)"
        )
        dropout: float = Field(0.7, ge=0, lt=1, description="dropout on features, maps, scorer and selection")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        if not set(self.parts) <= features.parts.keys():
            raise InputError(
                "tevad needs features with the parts visual and text, the second of captions; without text it is rtfm"
            )
        visual, text = (features.parts[name] for name in self.parts)
        self.visual_network = MultiScaleTemporalNetwork(visual)
        self.text_network = MultiScaleTemporalNetwork(text)
        fused = visual + text if config.fusion in {"concat", "add_up"} else text
        if config.fusion != "concat":
            self.visual_map = nn.Linear(visual, fused)
        if config.fusion == "add_up":
            self.text_map = nn.Linear(text, fused)
        self.scorer = Scorer(fused, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.apply(init_xavier_uniform)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours; they fit the `fusion` that they were trained with."""
        return rename_weights(weights, OFFICIAL_NAMES)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and the fused features (videos, crops, T, fused size)."""
        sizes = self.features.parts
        parts = dict(zip(sizes, torch.split(features.flatten(0, 1), list(sizes.values()), -1), strict=True))
        visual = self.dropout(self.visual_network(parts["visual"]))
        text = self.dropout(self.text_network(parts["text"]))
        fused = self._fuse(visual, text).reshape(*features.shape[:3], -1)
        return mean_logit(self.scorer(fused)[0], 1), fused

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        logits, fused = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        return add_total(magnitude_terms(logits, fused, self.dropout, self.config))

    def _fuse(self, visual: Tensor, text: Tensor) -> Tensor:
        """Fuse (N, T, visual size) and (N, T, text size) to (N, T, fused size)."""
        fusion = self.config.fusion
        if fusion == "concat":
            return torch.cat([visual, text], -1)
        visual = self.dropout(self.visual_map(visual).relu())
        if fusion == "add_up":
            text = self.dropout(self.text_map(text).relu())
        return visual * text if fusion == "product" else visual + text
