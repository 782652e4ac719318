"""CLAWS (reconstructed): clusters and the suppression of what is normal, after Zaheer et al. (ECCV 2020)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import init_xavier_uniform
from methods.parts.long_videos import mean_over_crops
from methods.parts.losses import add_total, cosine, smoothness

ITERATIONS = 10
"""Of 2-means."""


class CLAWS(Method):
    """A scorer of segments whose first layers are weighed by attention along the video, taught that all are anomalous.

    A reconstruction from the paper's abstract and from other people's code. Terms of `training_step`, weighted as they
    enter the loss: regression, smooth, sparse, cluster. Every segment of an abnormal video has the label 1: that most
    of them are normal is left to the attention and to the clusters.
    """

    title = "CLAWS (reconstructed)"

    class Config(MethodConfig):
        """Settings of CLAWS."""

        width: int = Field(512, ge=1, le=65_536, description="width of the first layer")
        inner_width: int = Field(32, ge=1, le=65_536, description="width of the second layer")
        rescale: bool = Field(
            True, description="whether attention is multiplied by the number of segments, so that 1 is its mean"
        )
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the first two layers")
        smoothness: float = Field(8e-5, ge=0, description="weight of temporal smoothness")
        sparsity: float = Field(8e-5, ge=0, description="weight of sparsity")
        cluster_weight: float = Field(8e-5, ge=0, description="weight of the distance of a video's two clusters")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.first = SuppressedLayer(features.dim, config.width, config.rescale)
        self.second = SuppressedLayer(config.width, config.inner_width, config.rescale)
        self.output = nn.Linear(config.inner_width, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.apply(init_xavier_uniform)

    def forward(self, sequences: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (N, T) and the first layer before dropout (N, T, width), of sequences (N, T, dim)."""
        first = self.first(sequences)
        second = self.second(self.dropout(first))
        return self.output(self.dropout(second)).squeeze(-1).sigmoid(), first

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        config = self.config
        features = torch.cat([batch.normal.features, batch.abnormal.features])
        scores, first = self(features.flatten(0, 1))
        normal, abnormal = torch.unflatten(scores, 0, features.shape[:2]).mean(1).chunk(2)
        near, far = cluster_similarity(first).chunk(2)
        return add_total(
            {
                # The mean over all segments of both halves, which are equally many.
                "regression": (normal.square().mean() + (abnormal - 1).square().mean()) / 2,
                "smooth": config.smoothness * smoothness(abnormal).mean(),
                "sparse": config.sparsity * abnormal.sum(1).mean(),
                "cluster": config.cluster_weight * ((1 - near).mean() + (1 + far).mean()),
            }
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), attention over whole videos."""
        return mean_over_crops(lambda rows: self(rows)[0], features, self.config.width)

    def embed(self, features: Tensor) -> Tensor:
        """Return the second layer, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, inner)."""
        return mean_over_crops(lambda rows: self.second(self.first(rows)), features, self.config.width)


class SuppressedLayer(nn.Module):
    """ReLU(W x * a) with attention along time a = T softmax_t(V x), each unit its own: (N, T, dim) -> (N, T, out).

    Without `rescale` a = softmax_t(V x).
    """

    def __init__(self, dim: int, out: int, rescale: bool) -> None:
        super().__init__()
        self.rescale = rescale
        self.linear = nn.Linear(dim, out)
        # A bias would cancel in the softmax.
        self.attention = nn.Linear(dim, out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, dim) to (N, T, out)."""
        return (self.linear(x) * self.weigh(x)).relu()  # type: ignore[no-any-return]

    def weigh(self, x: Tensor) -> Tensor:
        """Return a, (N, T, dim) -> (N, T, out): over time its mean is 1, or its sum if it is not rescaled."""
        attention: Tensor = self.attention(x).softmax(1)
        return attention * x.shape[1] if self.rescale else attention


def cluster_similarity(x: Tensor) -> Tensor:
    """Return the cosine of the centres of a video's two clusters, (N, T, D) -> (N), with a gradient through the means.

    Which segments belong together has none. A video of a single cluster, as one of a single segment is, has the
    centre twice.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    centres = _means(x, two_means(x), x.mean(1, keepdim=True).expand(-1, 2, -1))
    return cosine(centres[:, 0], centres[:, 1])


@torch.no_grad()
def two_means(x: Tensor) -> Tensor:
    """Part the segments of each video in two by 2-means, (N, T, D) -> (N, T): whether they are in the second cluster.

    It starts at the segment farthest from the mean and the one farthest from that, and draws no random numbers. Ties
    go to the first cluster.
    """
    x = x - x.mean(1, keepdim=True)
    first = _farthest(x, torch.zeros_like(x[:, :1]))
    centres = torch.cat([first, _farthest(x, first)], dim=1)
    for _ in range(ITERATIONS):
        centres = _means(x, _in_second(x, centres), centres)
    return _in_second(x, centres)


def _farthest(x: Tensor, point: Tensor) -> Tensor:
    """Return the segment farthest from a point, (N, T, D), (N, 1, D) -> (N, 1, D)."""
    index = (x - point).square().sum(-1, keepdim=True).argmax(1, keepdim=True)
    return torch.take_along_dim(x, index, dim=1)


def _in_second(x: Tensor, centres: Tensor) -> Tensor:
    """Return which segments are nearer to the second centre, (N, T, D), (N, 2, D) -> (N, T)."""
    apart = centres[:, 1] - centres[:, 0]
    midway = (centres.mean(1) * apart).sum(-1, keepdim=True)
    return (x @ apart[..., None]).squeeze(-1) > midway


def _means(x: Tensor, second: Tensor, otherwise: Tensor) -> Tensor:
    """Return the means of two clusters, (N, T, D), (N, T) -> (N, 2, D); `otherwise` (N, 2, D) where one is empty."""
    member = torch.stack([~second, second], dim=1).to(x.dtype)
    count = member.sum(-1, keepdim=True)
    return torch.where(count > 0, member @ x / count.clamp_min(1), otherwise)
