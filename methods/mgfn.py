"""MGFN: magnitude-contrastive glance-and-focus network (Chen et al., AAAI 2023).

Names of layers are those of the official code, so that the authors' weights fit as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, InputError, PairBatch
from methods.parts.feature_magnitude import select_by_magnitude
from methods.parts.layers import mean_logit, take_segments
from methods.parts.long_videos import by_sequences, in_windows, mean_over_crops
from methods.parts.losses import add_total, bag_cross_entropy, smoothness
from methods.parts.official_weights import rename_weights
from methods.parts.scorers import LogitScorer
from methods.parts.switches import Need, SwitchedConfig

HEAD_WIDTH = 64
"""Channels of a head, in glance and in focus blocks."""
FILTER_TAPS = 5
"""Of a focus block's filter along time."""
EXPANSION = 4
"""How much wider a block's feed-forward layer is than the block."""
DISTANCE_EPS = 1e-6
"""Added to each difference of a distance, as PyTorch's `pairwise_distance` does."""


class ChannelNorm(nn.Module):
    """Normalisation over the channels at each place, (N, dim, T) -> (N, dim, T), cLN.

    (x - mean) / (std + eps) * g + b with the biased std: eps is added to the root, where `nn.LayerNorm` has it inside.
    Source: LayerNorm in utils.py of the official code.
    """

    eps = 1e-5

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, dim, 1))
        self.b = nn.Parameter(torch.zeros(1, dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, dim, T)."""
        centred = x - x.mean(1, keepdim=True)
        # A norm has a gradient of 0 where all channels are equal; the root of a variance has none there.
        std = torch.linalg.vector_norm(centred, dim=1, keepdim=True) / math.sqrt(x.shape[1])
        out: Tensor = centred / (std + self.eps) * self.g + self.b
        return out


class PointConvolution(nn.Conv1d):
    """Convolution of kernel 1, (N, dim, T) -> (N, out, T), as the matrix product that it is: faster on a CPU."""

    def __init__(self, dim: int, out: int, bias: bool = True) -> None:
        super().__init__(dim, out, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, dim, T) to (N, out, T)."""
        return F.linear(x.mT, self.weight.squeeze(-1), self.bias).mT


class Glance(nn.Module):
    """Attention of each place to all places, (N, dim, T) -> (N, dim, T).

    Queries, keys and values are the thirds of one map without bias; a head is `HEAD_WIDTH` neighbouring channels of
    each.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.heads = _heads(dim)
        self.norm = ChannelNorm(dim)
        self.to_qkv = PointConvolution(dim, 3 * HEAD_WIDTH * self.heads, bias=False)
        self.to_out = PointConvolution(HEAD_WIDTH * self.heads, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, dim, T) to (N, dim, T)."""
        parts = self.to_qkv(self.norm(x)).unflatten(1, (3, self.heads, HEAD_WIDTH))
        queries, keys, values = (part.mT for part in parts.unbind(1))  # (N, heads, T, HEAD_WIDTH)
        seen = F.scaled_dot_product_attention(queries, keys, values)
        out: Tensor = self.to_out(seen.mT.flatten(1, 2))
        return out


class Focus(nn.Module):
    """A filter of five taps along time for each head, between two maps of the channels, (N, dim, T) -> (N, dim, T).

    Here the head is the fast index: channel c belongs to head c modulo the number of heads, unlike in `Glance`.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.heads = _heads(dim)
        self.norm = nn.BatchNorm1d(dim)
        self.to_v = PointConvolution(dim, HEAD_WIDTH * self.heads, bias=False)
        self.rel_pos = nn.Conv1d(self.heads, self.heads, FILTER_TAPS, padding=FILTER_TAPS // 2, groups=self.heads)
        self.to_out = PointConvolution(HEAD_WIDTH * self.heads, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, dim, T) to (N, dim, T)."""
        values = self.to_v(self.norm(x)).unflatten(1, (HEAD_WIDTH, self.heads))
        filtered = self.rel_pos(values.flatten(0, 1)).unflatten(0, values.shape[:2])
        out: Tensor = self.to_out(filtered.flatten(1, 2))
        return out


class Blocks(nn.Module):
    """A stage's blocks, (N, dim, T) -> (N, dim, T): convolution, glance or focus, feed-forward; each plus its input."""

    def __init__(self, dim: int, depth: int, kind: type[Glance | Focus]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.Conv1d(dim, dim, 3, padding=1), kind(dim), _feed_forward(dim)]) for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, dim, T) to (N, dim, T)."""
        for block in self.layers:
            convolution, attention, feed_forward = block.children()
            x = convolution(x) + x
            x = attention(x) + x
            x = _by_places(feed_forward, x) + x
        return x


class MGFN(LogitScorer):
    """A glance over the video, then focus on neighbours; magnitudes are told apart by contrast, as the official code.

    Terms of `training_step`, weighted as they enter the loss: mil, separation, normal_cohesion, abnormal_cohesion,
    smooth, sparse. The `top_k` segments of largest magnitude stand for a video. Half of the crops are compared with the
    other half, so that training needs two.
    """

    title = "MGFN"
    fewest_crops = 2

    class Config(SwitchedConfig):
        """Settings of MGFN."""

        glance_width: int = Field(64, ge=1, le=65_536, description="channels of the first stage, of glance blocks")
        focus_width: int = Field(128, ge=1, le=65_536, description="channels of the second stage, of focus blocks")
        feature_width: int = Field(1024, ge=1, le=65_536, description="channels of the third stage, and of features")
        glance_depth: int = Field(3, ge=1, le=100, description="blocks of the first stage")
        focus_depth: int = Field(3, ge=1, le=100, description="blocks of the second stage")
        feature_depth: int = Field(2, ge=1, le=100, description="blocks of the third stage, of focus as well")
        magnitude_ratio: float = Field(0.1, gt=0, description="weight of the features' magnitude beside the features")
        top_k: int = Field(3, ge=1, description="segments of largest magnitude that stand for a video")
        contrast_weight: float = Field(0.001, ge=0, description="weight of the magnitude contrast")
        separation_share: float = Field(0.001, ge=0, description="weight of the separation of classes within it")
        margin: float = Field(200.0, gt=0, description="distance from which on classes are apart")
        smoothness: float = Field(8e-4, ge=0, description="weight of temporal smoothness")
        sparsity: float = Field(8e-3, ge=0, description="weight of sparsity")
        smooth_half: Literal["both", "abnormal"] = Field(
            "both", description="videos whose scores are to be smooth: all (code); abnormal ones (paper)"
        )
        sparse_half: Literal["normal", "abnormal"] = Field(
            "normal", description="videos whose scores are to be sparse: normal ones (code); abnormal ones (paper)"
        )
        dropout: float = Field(0.7, ge=0, lt=1, description="share of segments that the selection leaves out")

        def _needs(self) -> Sequence[Need]:
            return [
                Need("smoothness above 0", self.smoothness > 0, ("smooth_half",)),
                Need("sparsity above 0", self.sparsity > 0, ("sparse_half",)),
            ]

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        first, second, last = config.glance_width, config.focus_width, config.feature_width
        self.to_tokens = nn.Conv1d(features.dim, first, 3, padding=1)
        self.stages = nn.ModuleList(
            [
                nn.ModuleList([Blocks(first, config.glance_depth, Glance), _widen(first, second)]),
                nn.ModuleList([Blocks(second, config.focus_depth, Focus), _widen(second, last)]),
                nn.ModuleList([Blocks(last, config.feature_depth, Focus)]),
            ]
        )
        self.to_logits = nn.Sequential(nn.LayerNorm(last))
        self.fc = nn.Linear(last, 1)
        self.to_mag = nn.Conv1d(1, first, 3, padding=1)
        self.dropout = nn.Dropout(config.dropout)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Drop the prefix ``module.`` where all names have it; apart from it, the official code's names are ours."""
        return rename_weights(weights, {})

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and F (videos, crops, T, feature_width)."""
        embedded = torch.unflatten(self._embed(features.flatten(0, 1)), 0, features.shape[:2])
        return mean_logit(self.fc(embedded).squeeze(-1), 1), embedded

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; normal videos come first.

        Raises
        ------
        InputError
            If videos have a single crop: one half of the crops could not be compared with the other.
        """
        config, crops = self.config, batch.normal.features.shape[1]
        if crops < self.fewest_crops:
            raise InputError(f"MGFN compares a video's crops with one another: train it on two or more, not on {crops}")
        logits, embedded = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        normal, abnormal = embedded.chunk(2)
        # The official code draws the abnormal videos' mask first.
        abnormal_index = select_by_magnitude(abnormal, self.dropout, config.top_k)
        normal_index = select_by_magnitude(normal, self.dropout, config.top_k)
        chosen = logits.gather(1, torch.cat([normal_index, abnormal_index]))
        scores = logits.sigmoid()
        smooth = scores if config.smooth_half == "both" else scores.chunk(2)[1]
        sparse = scores.chunk(2)[0 if config.sparse_half == "normal" else 1]
        return add_total(
            {
                "mil": bag_cross_entropy(chosen, mean_first=True),
                **self._contrast(_sizes(normal, normal_index), _sizes(abnormal, abnormal_index)),
                "smooth": config.smoothness * smoothness(smooth).sum(),
                # One L2 norm over all scores of the half, as in the code: neither a sum nor a mean.
                "sparse": config.sparsity * torch.linalg.vector_norm(sparse),
            }
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets)."""
        width = self.config.feature_width
        logits = by_sequences(lambda rows: self.fc(self._embed(rows)).squeeze(-1), features.flatten(0, 1), width)
        return mean_logit(torch.unflatten(logits, 0, features.shape[:2]), 1).sigmoid()

    def embed(self, features: Tensor) -> Tensor:
        """Return F, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, feature_width)."""
        return mean_over_crops(self._embed, features, self.config.feature_width)

    def _embed(self, sequences: Tensor) -> Tensor:
        """Map sequences of features (N, T, dim) to F (N, T, feature_width)."""
        magnitudes = torch.linalg.vector_norm(sequences, dim=-1, keepdim=True)
        x = self.to_tokens(sequences.mT) + self.config.magnitude_ratio * self.to_mag(magnitudes.mT)
        for stage in self.stages:
            for part in stage.children():
                x = part(x)
        out: Tensor = self.to_logits(x.mT)
        return out

    def _contrast(self, normal: Tensor, abnormal: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms of the magnitude contrast, of sizes (rows, top_k). Source: train.py of the code."""
        config = self.config
        distance = torch.linalg.vector_norm(abnormal - normal + DISTANCE_EPS, dim=-1)
        separation = F.relu(config.margin - distance).square().mean()
        return {
            "separation": config.contrast_weight * config.separation_share * separation,
            "normal_cohesion": config.contrast_weight * _cohesion(normal),
            "abnormal_cohesion": config.contrast_weight * _cohesion(abnormal),
        }


def _heads(dim: int) -> int:
    return max(1, dim // HEAD_WIDTH)


def _feed_forward(dim: int) -> nn.Sequential:
    wide = EXPANSION * dim
    # In the place of the identity the official code has a dropout of 0.
    return nn.Sequential(
        ChannelNorm(dim), PointConvolution(dim, wide), nn.GELU(), nn.Identity(), PointConvolution(wide, dim)
    )


def _by_places(network: nn.Module, x: Tensor) -> Tensor:
    """Apply a feed-forward network to (N, dim, T); in scoring to as many places at a time as its width allows."""
    if torch.is_grad_enabled():
        return network(x)  # type: ignore[no-any-return]
    return in_windows(lambda rows: network(rows.mT).mT, x.mT, 0, EXPANSION * x.shape[1]).mT


def _widen(dim: int, out: int) -> nn.Sequential:
    return nn.Sequential(ChannelNorm(dim), PointConvolution(dim, out))


def _sizes(embedded: Tensor, index: Tensor) -> Tensor:
    """Return the selected features' sums of absolute values: (B, crops, T, width), (B, K) -> (crops * B, K).

    The first crops of all videos come first, as the official code stacks them.
    """
    taken = take_segments(embedded, index)
    # Small differences of large sums: too small for bfloat16.
    sums = taken.abs().sum(-1, dtype=torch.promote_types(taken.dtype, torch.float32))
    return sums.transpose(0, 1).flatten(0, 1)


def _cohesion(sizes: Tensor) -> Tensor:
    """Return the mean squared distance of the first half of some rows to the second, (rows, K) -> ().

    Of an odd number of rows the last is left out; the official code stops there.
    """
    half = len(sizes) // 2
    return (sizes[half : 2 * half] - sizes[:half] + DISTANCE_EPS).square().sum(-1).mean()
