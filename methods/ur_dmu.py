"""UR-DMU: dual memory units with uncertainty regulation (Zhou, Yu and Yang, AAAI 2023)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import mean_logit, take_segments, top_indices, unit_vectors
from methods.parts.long_videos import mean_over_crops
from methods.parts.losses import add_total, bag_cross_entropy, magnitude_hinge
from methods.parts.official_weights import rename_weights
from methods.parts.two_branch_transformer import OFFICIAL_LAYERS, TwoBranchNetwork

OFFICIAL_NAMES = {
    **OFFICIAL_LAYERS,
    "Amemory.memory_block": "abnormal_memory.slots",
    "Nmemory.memory_block": "normal_memory.slots",
    "encoder_mu.0.": "mean.",
    "encoder_var.0.": "log_variance.",
    "cls_head.mlp.": "classifier.",
}
"""Layers of the official network, as the names of its weights begin, and ours."""


class Recalled(NamedTuple):
    """What a memory gives for sequences (M, T, width).

    Attributes
    ----------
    logits
        Of tau, how much a segment is like the memory, shape (M, T).
    augmented
        The slots, each as much as a segment is like it, shape (M, T, width).
    """

    logits: Tensor
    augmented: Tensor


class Memory(nn.Module):
    """Slots that a segment is compared with by a = sigmoid(h E^T / sqrt(width)).

    tau is the mean of the K // `divisor` + 1 largest of the K entries of a, and a E what is recalled, a plain sum.
    """

    def __init__(self, slots: int, width: int, divisor: int) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.empty(slots, width).uniform_(-(width**-0.5), width**-0.5))
        self.top = min(slots, slots // divisor + 1)

    def forward(self, x: Tensor) -> Recalled:
        """Compare sequences (M, T, width) with the slots."""
        logits = self._compare(x)
        return Recalled(mean_logit(logits.topk(self.top).values, -1), self._recall(logits))

    def augment(self, x: Tensor) -> Tensor:
        """Return what is recalled alone, (M, T, width)."""
        return self._recall(self._compare(x))

    def _compare(self, x: Tensor) -> Tensor:
        return x @ self.slots.T / math.sqrt(self.slots.shape[1])

    def _recall(self, logits: Tensor) -> Tensor:
        return logits.sigmoid() @ self.slots


class URDMU(Method):
    """A transformer with a memory of normal and one of abnormal segments, as the official code.

    Crops are samples of their own, as there. Terms of `training_step`, weighted as they enter the loss: mil, memory,
    triplet, kl, distance. The k = T // `top_divisor` + 1 highest scores stand for a video (13 at T = 200).
    """

    title = "UR-DMU"

    class Config(MethodConfig):
        """Settings of UR-DMU."""

        width: int = Field(512, ge=4, le=65_536, description="width of the features; a head is a quarter")
        memory: int = Field(60, ge=1, le=65_536, description="K, slots of each memory")
        memory_divisor: int = Field(
            16, ge=1, description="the K // this + 1 most alike slots say how alike a segment is"
        )
        top_divisor: int = Field(16, ge=1, description="k = T // this + 1 segments stand for a video")
        dropout: float = Field(0.5, ge=0, lt=1, description="dropout in the transformer")
        memory_weight: float = Field(0.1, ge=0, description="weight of what is asked of the memories")
        triplet_weight: float = Field(0.1, ge=0, description="weight of the triplets")
        triplet_margin: float = Field(1.0, gt=0, description="margin of the triplets")
        kl_weight: float = Field(1e-3, ge=0, description="weight of the KL divergence of normal features")
        distance_weight: float = Field(1e-4, ge=0, description="weight of the distance in magnitude")
        distance_margin: float = Field(
            100.0, gt=0, description="magnitude that abnormal features exceed normal ones by"
        )

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        width = config.width
        self.network = TwoBranchNetwork(features.dim, width, config.dropout)
        self.abnormal_memory = Memory(config.memory, width, config.memory_divisor)
        self.normal_memory = Memory(config.memory, width, config.memory_divisor)
        self.mean = nn.Linear(width, width)
        self.log_variance = nn.Linear(width, width)
        self.classifier = nn.Sequential(nn.Linear(2 * width, 128), nn.ReLU(), nn.Linear(128, 1))

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours; names that are not its own stay as they are."""
        return rename_weights(weights, OFFICIAL_NAMES)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; in training mode, noise is added to normal videos' features."""
        config = self.config
        hidden = self.network(torch.cat([batch.normal.features, batch.abnormal.features]).flatten(0, 1))
        of_normal, of_abnormal = self.normal_memory(hidden), self.abnormal_memory(hidden)
        mean, abnormal_memory_mean = self.mean(of_normal.augmented), self.mean(of_abnormal.augmented)
        normal_mean, log_variance = mean.chunk(2)[0], self.log_variance(of_normal.augmented.chunk(2)[0])
        drawn = self._draw(normal_mean, log_variance)
        regulated = torch.cat([drawn, mean.chunk(2)[1]]) + abnormal_memory_mean
        logits = self._logits(hidden, regulated)

        k = logits.shape[1] // config.top_divisor + 1
        normal, abnormal = hidden.chunk(2)
        anchor, positive = top_indices(of_normal.logits, k).chunk(2)
        negative = top_indices(of_abnormal.logits.chunk(2)[1], k)
        return add_total(
            {
                "mil": bag_cross_entropy(logits.gather(1, top_indices(logits, k)), mean_first=True),
                "memory": config.memory_weight * memory_loss(of_normal.logits, of_abnormal.logits, k),
                "triplet": config.triplet_weight
                * triplet_loss(
                    mean_at(normal, anchor),
                    mean_at(abnormal, positive),
                    mean_at(abnormal, negative),
                    config.triplet_margin,
                ),
                "kl": config.kl_weight * divergence(normal_mean, log_variance),
                "distance": config.distance_weight
                * magnitude_hinge(
                    mean_at(drawn, anchor)[:, None],
                    mean_at(abnormal_memory_mean.chunk(2)[1], negative)[:, None],
                    config.distance_margin,
                ),
            }
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets, the mean over crops: (videos, crops, snippets, dim) -> (videos, snippets)."""
        return mean_over_crops(
            lambda part: self._logits(*self._encode(part)).sigmoid(), features, 4 * self.config.width
        )

    def embed(self, features: Tensor) -> Tensor:
        """Return what is classified, mean over crops: (videos, crops, snippets, dim) -> (…, 2 width)."""
        return mean_over_crops(lambda part: torch.cat(self._encode(part), -1), features, 4 * self.config.width)

    def _encode(self, sequences: Tensor) -> tuple[Tensor, Tensor]:
        """Return h and u of sequences (M, T, D) without noise, each (M, T, width)."""
        hidden = self.network(sequences)
        return hidden, self.mean(self.abnormal_memory.augment(hidden)) + self.mean(self.normal_memory.augment(hidden))

    def _logits(self, hidden: Tensor, regulated: Tensor) -> Tensor:
        """Return the scores' logits (M, T) of h and u, each (M, T, width)."""
        return self.classifier(torch.cat([hidden, regulated], -1)).squeeze(-1)  # type: ignore[no-any-return]

    def _draw(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (log_variance / 2).exp() if self.training else mean


def mean_at(x: Tensor, index: Tensor) -> Tensor:
    """Return the mean of selected segments, (M, T, width), (M, k) -> (M, width)."""
    return take_segments(x[:, None], index).mean((1, 2))


def memory_loss(of_normal: Tensor, of_abnormal: Tensor, k: int) -> Tensor:
    """Ask each memory for what it is to know: the sum of four binary cross-entropies, -> ().

    The k segments of an abnormal video that are most like the abnormal memory are to be like it, and the k that are
    least like the normal memory unlike it; every segment of a normal video is to be like the normal memory and unlike
    the abnormal one. Source: official code.

    Parameters
    ----------
    of_normal, of_abnormal
        Logits of tau of the normal and of the abnormal memory, shape (2M, T), normal videos first.
    """
    (normal_own, abnormal_other), (normal_other, abnormal_own) = of_normal.chunk(2), of_abnormal.chunk(2)
    told = [
        mean_logit(abnormal_own.gather(1, top_indices(abnormal_own, k)), -1),
        mean_logit(-abnormal_other.gather(1, top_indices(-abnormal_other, k)), -1),
        normal_own,
        -normal_other,
    ]
    return torch.stack([-F.logsigmoid(logits).mean() for logits in told]).sum()


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Triplets of unit vectors, mean of max(0, margin + d(a, p) - d(a, n)) over the rows of (M, width), -> ().

    d(u, w) = ||u - w + 1e-6||, as in PyTorch. Source: official code.
    """
    anchor, positive, negative = (unit_vectors(x) for x in (anchor, positive, negative))
    near, far = (torch.linalg.vector_norm(anchor - other + 1e-6, dim=-1) for other in (positive, negative))
    return F.relu(margin + near - far).mean()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence from a standard normal distribution, (M, T, width) twice -> ().

    Summed over the segments and averaged over sequences and channels, as in the official code; so it grows with T.
    """
    terms = 1 + log_variance - mean.square() - log_variance.exp()
    return -terms.sum(1).mean() / 2
