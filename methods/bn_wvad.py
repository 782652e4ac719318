"""BN-WVAD: batch normalisation as a model of normal snippets (Zhou et al., 2023, arXiv 2311.15367)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import top_indices
from methods.parts.long_videos import mean_over_crops
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.two_branch_transformer import OFFICIAL_LAYERS, TwoBranchNetwork

LEAST_VARIANCE = 1e-12
"""That distances are divided by, so that features without any variance leave them finite; the code has none."""


class NormalHead(nn.Module):
    """Three convolutions of kernel 1, width - width/16 - width/32 - 1, with batch normalisation between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = max(1, width // 16), max(1, width // 32)
        self.conv1 = nn.Conv1d(width, first, 1)
        self.bn1 = nn.BatchNorm1d(first)
        self.conv2 = nn.Conv1d(first, second, 1)
        self.bn2 = nn.BatchNorm1d(second)
        self.conv3 = nn.Conv1d(second, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the distances of both layers and p, (M, T, width) -> three of (M, T).

        Distances are of what goes into a batch normalisation, by its running statistics, which a forward pass in
        training has moved by then.
        """
        first = self.conv1(x.mT)
        second = self.conv2(self.bn1(first).relu())
        p = self.conv3(self.bn2(second).relu()).squeeze(1).sigmoid()
        return mahalanobis(first, self.bn1), mahalanobis(second, self.bn2), p


class BNWVAD(Method):
    """A transformer whose abnormal features lie far from the running means of batch normalisations, as the code.

    Crops are samples of their own, as there. Terms of `training_step`, weighted as they enter the loss: normal, mpp_1,
    mpp_2 ("mean-based pull-push", of the first and of the second batch normalisation).
    """

    title = "BN-WVAD"

    class Config(MethodConfig):
        """Settings of BN-WVAD."""

        width: int = Field(512, ge=4, le=65_536, description="width of the features; a head is a quarter")
        sample_divisor: int = Field(
            5, ge=1, description="the T // this farthest segments of each abnormal video are abnormal"
        )
        batch_ratio: float = Field(
            0.4, gt=0, le=1, description="share of all abnormal videos' segments that is abnormal"
        )
        margin: float = Field(1.0, gt=0, description="how much farther abnormal segments are to be than normal ones")
        normal_weight: float = Field(1.0, ge=0, description="weight of the scores of normal videos")
        mpp_1_weight: float = Field(5.0, ge=0, description="weight of distances at the first batch normalisation")
        mpp_2_weight: float = Field(20.0, ge=0, description="weight of distances at the second batch normalisation")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.network = TwoBranchNetwork(features.dim, config.width)
        self.normal_head = NormalHead(config.width)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours; names that are not its own stay as they are."""
        return rename_weights(weights, OFFICIAL_LAYERS)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; no score of an abnormal video is asked for anything."""
        config = self.config
        features = torch.cat([batch.normal.features, batch.abnormal.features]).flatten(0, 1)
        first, second, p = self.normal_head(self.network(features))
        return add_total(
            {
                "normal": config.normal_weight * torch.linalg.vector_norm(p.chunk(2)[0], dim=1).mean(),
                "mpp_1": config.mpp_1_weight * self._pull_push(first),
                "mpp_2": config.mpp_2_weight * self._pull_push(second),
            }
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets).

        The code's score s, a distance times p and the mean over crops, has no upper end. It becomes s / (1 + s), which
        keeps every order and so AUC and AP.
        """
        scores = mean_over_crops(self._score, features, 4 * self.config.width)
        return scores / (1 + scores)

    def embed(self, features: Tensor) -> Tensor:
        """Return the transformer's features, mean over crops: (videos, crops, snippets, dim) -> (…, width)."""
        return mean_over_crops(self.network, features, 4 * self.config.width)

    def _score(self, sequences: Tensor) -> Tensor:
        first, second, p = self.normal_head(self.network(sequences))
        return (first + second) * p  # type: ignore[no-any-return]

    def _pull_push(self, distances: Tensor) -> Tensor:
        """Hinge between the distances of selected normal and abnormal segments, (2M, T) -> ()."""
        normal, abnormal = select_farthest(distances, self.config.sample_divisor, self.config.batch_ratio)
        return F.relu(normal - abnormal + self.config.margin).mean()


def mahalanobis(features: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Distance to a batch normalisation's running mean, in its running standard deviations: (M, C, T) -> (M, T).

    The statistics have no gradient, and no epsilon is added to the variance. Source: official code.
    """
    mean, variance = cast("tuple[Tensor, Tensor]", (norm.running_mean, norm.running_var))
    # A norm has a finite gradient at zero, which a square root of a sum has not.
    deviation = variance.clamp_min(LEAST_VARIANCE).sqrt()
    distance: Tensor = torch.linalg.vector_norm((features - mean[:, None]) / deviation[:, None], dim=1)
    return distance


def select_farthest(distances: Tensor, sample_divisor: int, batch_ratio: float) -> tuple[Tensor, Tensor]:
    """Pair distances of normal and of abnormal segments, (2M, T) -> (m), (m).

    Abnormal are the max(1, T // `sample_divisor`) farthest of each abnormal video and the max(1, `batch_ratio` * M * T)
    farthest of all abnormal videos together, m in all, video by video in the order of time. As many of the farthest
    normal ones are beside them, first the farthest of every normal video, then the second of every one, and so on.
    Source: official code, which lacks both max.

    Parameters
    ----------
    distances
        Shape (2M, T), normal videos first.
    """
    normal, abnormal = distances.chunk(2)
    of_sample = top_indices(abnormal, max(1, abnormal.shape[1] // sample_divisor))
    of_batch = top_indices(abnormal.flatten(), max(1, int(abnormal.numel() * batch_ratio)))
    chosen = torch.zeros_like(abnormal, dtype=torch.bool).scatter(1, of_sample, True)
    chosen = chosen.flatten().scatter(0, of_batch, True).view_as(chosen)
    farthest = abnormal[chosen]
    # All segments, if as many are asked for: then one more of each normal video than it has is not there.
    ranks = top_indices(normal, len(farthest) // len(normal) + 1)
    return normal.gather(1, ranks).T.flatten()[: len(farthest)], farthest
