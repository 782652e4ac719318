"""MIST in two stages on features: a generator of pseudo-labels, then a second scorer (Feng et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch, TrainingContext, TrainingVideo
from methods.parts.layers import mean_logit
from methods.parts.long_videos import in_windows
from methods.parts.losses import add_total
from methods.parts.mist_generator import make_regressor, ranking_terms
from methods.parts.official_weights import rename_weights
from methods.parts.pseudo_labels import (
    BagShape,
    VideoTable,
    box_filter,
    masked_mean,
    own_segments,
    segment_means,
    stretch,
    weighted_cross_entropy,
)

WIDEST = 512
"""Numbers a row that the widest layer of a scorer gives."""


class MISTEncoder(Method):
    """The MIST generator, then a scorer of its own that learns from the generator's pseudo-labels, segment by segment.

    A stand-in for the second stage of MIST, which trains an encoder on frames: here features stay as they are. Terms of
    `training_step`, weighted as they enter the loss: hinge, smooth and sparse in stage "generator", as `methods.mist`;
    encoder in stage "encoder". The second scorer scores.
    """

    title = "MIST generator + feature-level encoder"
    training_only: ClassVar[tuple[str, ...]] = ("generator.",)

    class Config(MethodConfig):
        """Settings of both stages."""

        generator_share: float = Field(0.5, gt=0, lt=1, description="share of the steps that the generator has")
        generator_dropout: float = Field(
            0.6, ge=0, lt=1, description="dropout after the first two layers of the generator"
        )
        smoothness: float = Field(0.0, ge=0, description="weight of temporal smoothness in the generator's loss")
        sparsity: float = Field(0.01, ge=0, description="weight of sparsity in the generator's loss")
        sub_bag: int | None = Field(
            None,
            ge=2,
            le=8_192,
            description="neighbouring segments whose mean stands for a video, where it is the highest; none: its "
            "highest scores do",
        )
        box_reach: int = Field(
            2, ge=0, le=1_023, description="snippets on both sides in the box filter, applied twice, of pseudo-labels"
        )
        positive_weight: float = Field(0.8, ge=0, description="weight of the cross-entropy's part for abnormal")
        negative_weight: float = Field(0.65, ge=0, description="weight of the cross-entropy's part for normal")
        context: int = Field(
            0, ge=0, le=1_023, description="preceding snippets whose mean is joined to each; 0 for none (5 in CU-Net)"
        )
        encoder_dropout: float = Field(
            0.8, ge=0, lt=1, description="dropout after the first two layers of the second scorer"
        )

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.generator = make_regressor(features.dim, config.generator_dropout)
        self.encoder = make_regressor(features.dim * (2 if config.context else 1), config.encoder_dropout)
        self._labels: VideoTable | None = None
        self._shape = BagShape()

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the weights of CU-Net's second stage, for `context` 5; ours stay as they are.

        Its scorer has two outputs and a softmax over them: the second of the two is the sigmoid of their difference.
        Source: stage2_net.py of the official code of CU-Net (Zhang et al., CVPR 2023).
        """
        renamed = rename_weights(weights, {"Regressor.": "encoder."})
        for name in ("encoder.5.weight", "encoder.5.bias"):
            if name in renamed and len(renamed[name]) == 2:
                renamed[name] = renamed[name].diff(dim=0)
        return renamed

    def begin_training(self, context: TrainingContext) -> None:
        """Begin with the generator."""
        self._labels = None

    def training_stages(self) -> Mapping[str, float]:
        """Return the two stages."""
        return {"generator": self.config.generator_share, "encoder": 1 - self.config.generator_share}

    def stage_ended(self, name: str, videos: Iterable[TrainingVideo]) -> None:
        """Make the pseudo-labels of all training videos, from the generator's scores of their snippets."""
        labels = {}
        for video in videos:
            own = self._shape.own(video.features.shape[1])
            of_segments = segment_means(self.pseudo_labels(video), own)
            labels[video.name] = F.pad(of_segments, (0, self._shape.segments - own))
        self._labels = VideoTable(list(labels), {"labels": torch.stack(list(labels.values()))})

    def pseudo_labels(self, video: TrainingVideo) -> Tensor:
        """Return the pseudo-labels of a video's snippets, (snippets): 0 throughout of a normal one.

        Scores are the means over crops, smoothed twice and stretched to [0, 1]. Source: train_MIL_Generator.py and
        dataset.py of the official code.
        """
        if video.label == 0:
            return video.features.new_zeros(video.features.shape[1])
        scores = in_windows(self.generator, video.features, 0, WIDEST).squeeze(-1).mean(0)
        reach = self.config.box_reach
        return stretch(box_filter(box_filter(scores, reach), reach))

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms, 0 for those of the other stage."""
        features = torch.cat([batch.normal.features, batch.abnormal.features])
        self._shape = BagShape.of(batch)
        unused, config = features.new_zeros(()), self.config
        if self._labels is None:
            scores = self.generator(features).squeeze(-1).mean(1)
            ranking = ranking_terms(scores, config.smoothness, config.sparsity, config.sub_bag)
            return add_total({**ranking, "encoder": unused})
        logits = mean_logit(self.logits(features), 1)
        labels = self._labels["labels"][self._labels.rows(batch)]
        errors = weighted_cross_entropy(logits, labels, config.positive_weight, config.negative_weight)
        loss = masked_mean(errors.flatten(), own_segments(batch).flatten())
        return add_total({"hinge": unused, "smooth": unused, "sparse": unused, "encoder": loss})

    def logits(self, features: Tensor) -> Tensor:
        """Return the second scorer's logits, (…, T, dim) -> (…, T)."""
        logits: Tensor = self.encoder[:-1](self._joined(features)).squeeze(-1)
        return logits

    def _joined(self, features: Tensor) -> Tensor:
        """Return what the second scorer sees of segments, (…, T, dim) -> (…, T, dim or twice that)."""
        return join_context(features, self.config.context) if self.config.context else features

    def score(self, features: Tensor) -> Tensor:
        """Score snippets by the second scorer: (videos, crops, snippets, dim) -> (videos, snippets)."""
        logits = in_windows(self.logits, features.flatten(0, 1), self.config.context, self._width())
        return torch.unflatten(logits.sigmoid(), 0, features.shape[:2]).mean(1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the second layer of the second scorer, mean over crops: (videos, crops, snippets, dim) -> (…, 32)."""

        def embed(rows: Tensor) -> Tensor:
            embedded: Tensor = self.encoder[:4](self._joined(rows))
            return embedded

        embedded = in_windows(embed, features.flatten(0, 1), self.config.context, self._width())
        return torch.unflatten(embedded, 0, features.shape[:2]).mean(1)

    def _width(self) -> int:
        return max(WIDEST, 2 * self.features.dim) if self.config.context else WIDEST


def join_context(features: Tensor, context: int) -> Tensor:
    """Join to each row the mean of the `context` rows before it: (…, T, D) -> (…, T, 2D).

    Near the start these are as many as there are, and to the first row itself is joined. Source: stage2_test.py of the
    official code of CU-Net.
    """
    length = features.shape[-2]
    rows = features.reshape(-1, *features.shape[-2:]).mT
    # Of each place the mean of what was before it, zeros before the start; behind the last one, one mean too many.
    means = F.avg_pool1d(F.pad(rows, (context, 0)), context, stride=1)[..., :length].mT.reshape(features.shape)
    there = torch.arange(length, device=features.device).clamp(1, context)[:, None].to(features.dtype)
    before = torch.cat([features[..., :1, :], (means * (context / there))[..., 1:, :]], dim=-2)
    return torch.cat([features, before], dim=-1)
