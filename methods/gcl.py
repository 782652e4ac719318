"""GCL: generative cooperative learning without labels (Zaheer et al., CVPR 2022), reconstructed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, PairBatch, TrainingContext
from methods.parts.layers import init_xavier_uniform, mean_logit
from methods.parts.long_videos import in_windows
from methods.parts.losses import add_total
from methods.parts.padded import own_rows
from methods.parts.scorers import LogitScorer
from methods.parts.switches import Need, SwitchedConfig

PRINTED = 2048
"""Size of the features for which the widths of the layers are known."""
GENERATOR, DISCRIMINATOR = (1024, 512, 256, 512, 1024), (512, 32)
"""Widths of the hidden layers."""
NARROWEST = 8
"""Of the discriminator's hidden layers for small features, for which two or three units would be left."""


class GCL(LogitScorer):
    """An autoencoder and a classifier of single segments that label each other's data, without any label given.

    What the autoencoder (generator) rebuilds badly is abnormal to the classifier (discriminator); what the classifier
    then calls abnormal, the autoencoder learns to distort. Before that the autoencoder alone learns segments that are
    like the one before them. Terms of `training_step`: generator, discriminator. The halves of a batch are one heap of
    segments; it is never looked at which half a segment is from.
    """

    title = "GCL (reconstructed, no labels)"
    supervision = "none"
    training_only = ("generator.",)

    class Config(SwitchedConfig):
        """Settings of GCL."""

        generator_deviations: float = Field(
            1.0, ge=-10, le=10, description="a segment is abnormal whose error is above mean + so many deviations"
        )
        discriminator_deviations: float = Field(
            0.1, ge=-10, le=10, description="a segment is distorted whose score is above mean + so many deviations"
        )
        target: Literal["ones", "normal", "noise", "none"] = Field(
            "ones",
            description="what the generator is to make of a segment called abnormal: ones; another segment that is "
            "called normal; the segment with noise; it is left out",
        )
        noise: float = Field(1.0, gt=0, description="standard deviation of that noise")
        pretrain_share: float = Field(0.2, ge=0, lt=1, description="share of the steps in which the generator is alone")
        updates: Literal["together", "in-turn"] = Field(
            "together", description="whether a step trains both networks, or one of them"
        )
        scale: Literal["none", "unit-max"] = Field(
            "none", description="whether each feature vector is divided by its largest entry"
        )
        widths: Literal["scaled", "printed"] = Field(
            "scaled", description="widths of the hidden layers: in proportion to the features, or as for 2,048 of them"
        )
        slope: float = Field(0.2, ge=0, le=1, description="of the discriminator's activation below zero")
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the discriminator's hidden layers")

        def _needs(self) -> Sequence[Need]:
            return (Need("noise as target", self.target == "noise", ("noise",)),)

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        ratio = features.dim / PRINTED if config.widths == "scaled" else 1.0
        sizes = [features.dim, *(max(1, round(ratio * width)) for width in GENERATOR)]
        layers = [hidden_layer(a, b, nn.ReLU()) for a, b in pairwise(sizes)]
        self.generator = nn.Sequential(*layers, nn.Linear(sizes[-1], features.dim))
        sizes = [features.dim, *(max(NARROWEST, round(ratio * width)) for width in DISCRIMINATOR)]
        layers = [
            hidden_layer(a, b, nn.LeakyReLU(config.slope), nn.Dropout(config.dropout)) for a, b in pairwise(sizes)
        ]
        self.discriminator = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))
        self.apply(init_xavier_uniform)
        self._step = self._alone = 0

    def begin_training(self, context: TrainingContext) -> None:
        """Make steps of the share in which the generator is alone; one at least is left for both."""
        self._step, self._alone = 0, min(round(self.config.pretrain_share * context.steps), context.steps - 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Run the discriminator on (videos, crops, T, dim).

        Returns
        -------
        logits
            Of the mean score over crops, shape (videos, T).
        hidden
            Its last hidden layer, shape (videos, crops, T, width).
        """
        hidden = in_windows(self._hidden, features.flatten(0, 1), reach=0, width=self.features.dim)
        hidden = torch.unflatten(hidden, 0, features.shape[:2])
        return mean_logit(self.discriminator[-1](hidden).squeeze(-1), 1), hidden

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's loss terms: 0 for a network that does not learn in this step."""
        features = self._scaled(torch.cat([batch.normal.features, batch.abnormal.features]))
        own = own_segments(batch, features)
        self._step += 1
        nothing = features.new_zeros(())
        if self._step <= self._alone:
            rows = features[calm_segments(features, own)]
            error = (self.generator(rows) - rows).square().mean()
            return add_total({"generator": error, "discriminator": nothing})
        rows = features[own]
        rebuilt: Tensor = self.generator(rows)
        logits = self.discriminator(rows).squeeze(-1).to(rows.dtype)
        errors = (rebuilt.detach() - rows).square().mean(-1)
        labels = far_above(errors, self.config.generator_deviations)
        distorted = far_above(logits.detach().sigmoid(), self.config.discriminator_deviations)
        terms = {
            "generator": self._distance(rebuilt, rows, distorted),
            "discriminator": F.binary_cross_entropy_with_logits(logits, labels.to(rows.dtype)),
        }
        if self.config.updates == "in-turn":
            waits = "generator" if (self._step - self._alone) % 2 else "discriminator"
            terms[waits] = nothing
        return add_total(terms)

    def _hidden(self, features: Tensor) -> Tensor:
        rows: Tensor = self.discriminator[:-1](self._scaled(features).flatten(0, -2))
        return torch.unflatten(rows, 0, features.shape[:-1])

    def _scaled(self, features: Tensor) -> Tensor:
        if self.config.scale == "none":
            return features
        largest = features.abs().amax(-1, keepdim=True)
        return features / torch.where(largest > 0, largest, 1)

    def _distance(self, rebuilt: Tensor, rows: Tensor, distorted: Tensor) -> Tensor:
        """Return how far what the generator makes of rows is from what it is to make, the mean squared error."""
        config = self.config
        if config.target == "none":
            errors = (rebuilt - rows).square().mean(-1)
            return errors.masked_fill(distorted, 0).sum() / (~distorted).sum().clamp_min(1)
        if config.target == "ones":
            target = torch.ones_like(rows)
        elif config.target == "noise":
            target = rows + config.noise * torch.randn_like(rows)
        else:  # the small number: where all are called abnormal, any will do
            chances = (~distorted).float() + 1e-30
            target = rows[chances.multinomial(len(rows), replacement=True)]
        return (rebuilt - torch.where(distorted[:, None], target, rows)).square().mean()


def hidden_layer(before: int, width: int, *after: nn.Module) -> nn.Sequential:
    """Make a linear layer with batch normalisation; the layer's own bias would cancel in it."""
    return nn.Sequential(nn.Linear(before, width, bias=False), nn.BatchNorm1d(width), *after)


def far_above(values: Tensor, deviations: float) -> Tensor:
    """Return which values are above their mean + `deviations` of their standard deviations, (N) -> (N).

    In double precision: then no rounding of the mean parts values that are all the same.
    """
    values = values.double()
    return values > values.mean() + deviations * values.std()


def own_segments(batch: PairBatch, features: Tensor) -> Tensor:
    """Return which segments are the videos' own and no padding, (videos, crops, T)."""
    own = features.new_ones(features.shape[:3], dtype=torch.bool)
    if batch.normal.lengths is None or batch.abnormal.lengths is None:
        return own
    lengths = torch.cat([batch.normal.lengths, batch.abnormal.lengths]).to(features.device)
    return own & own_rows(lengths, features.shape[2])[:, None]


def calm_segments(features: Tensor, own: Tensor) -> Tensor:
    """Return which segments are like the one before them: no farther from it than the median of the batch.

    Parameters
    ----------
    features
        Segments, shape (videos, crops, T, D).
    own
        Which are no padding, shape (videos, crops, T).

    Returns
    -------
    Tensor
        Shape (videos, crops, T); the first of a video, which none is before, is not among them. All own ones where
        fewer than two would be left: batch normalisation needs two.
    """
    steps = torch.linalg.vector_norm(features.diff(dim=2), dim=-1)
    there = own[:, :, 1:]
    if there.sum() < 3:
        return own
    return F.pad(there & (steps <= steps[there].median()), (1, 0))
