"""WSTR (reconstructed): a transformer over a video's snippets, after Zhang, Huang, Liu and Xu (IEEE SPL 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, PairBatch
from methods.parts.layers import Scorer, init_xavier_uniform, mean_logit, top_indices
from methods.parts.long_videos import in_windows
from methods.parts.losses import add_total, bag_cross_entropy, flat_smoothness
from methods.parts.switches import Need, SwitchedConfig
from methods.parts.windows import mean_over_crops_in_windows

SLOWEST = 10_000
"""Length of the sinusoid's slowest wave over 2 pi, in snippets."""
DEVIATION = 0.02
"""Of the first values of biases by distance."""
BLOCK = 2**21
"""Numbers that the biases of a block of rows have at most: 8 MiB in float32."""

Position = Literal["sinusoid", "relative", "none"]


class WSTRConfig(SwitchedConfig):
    """Settings of WSTR (reconstructed); each is a guess, since no code is public."""

    width: int = Field(512, ge=1, le=65_536, description="width of the features")
    layers: int = Field(3, ge=1, le=100, description="blocks of the encoder")
    heads: int = Field(4, ge=1, le=1_024, description="heads of a block's attention; they divide the width")
    mlp_ratio: int = Field(4, ge=1, le=64, description="hidden layer of a block, in widths")
    position: Position = Field(
        "sinusoid",
        description="how snippets know their places: fixed waves; a learned bias by distance in the attention; not",
    )
    reach: int = Field(32, ge=1, le=8_192, description="distance from which on all have the same bias")
    dropout: float = Field(0.7, ge=0, lt=1, description="dropout before and after the encoder, and in the scorer")
    encoder_dropout: float = Field(0.2, ge=0, lt=1, description="dropout in the encoder")
    top_k: int = Field(3, ge=1, le=8_192, description="segments that stand for a video")
    smoothness: float = Field(8e-4, ge=0, description="weight of temporal smoothness")
    sparsity: float = Field(8e-3, ge=0, description="weight of sparsity")
    window: int | None = Field(
        None, ge=1, description="snippets that a video is scored in at a time; none for the whole video"
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads {self.heads} do not divide width {self.width}: choose a multiple")
        return self

    def _needs(self) -> Sequence[Need]:
        return [Need("position relative", self.position == "relative", ("reach",))]


class WSTR(Method):
    """Features of snippets that know each other by likeness and place, and a scorer on them.

    A reconstruction: encoder and scorer are those of the code of a sister paper, by the same group in the same year
    (Self-Guided Temporal Discriminative Transformer, justsmart/WSTD-VAD), without its learned centre and magnitudes.
    Terms of `training_step`, weighted as they enter the loss: mil, smooth, sparse. The k highest scores stand for a
    video.
    """

    title = "WSTR (reconstructed)"
    Config = WSTRConfig
    config: WSTRConfig

    def __init__(self, config: WSTRConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        width = config.width
        self.project = nn.Sequential(
            nn.Linear(features.dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Dropout(config.dropout)
        )
        self.encoder = Encoder(config)
        self.dropout = nn.Dropout(config.dropout)
        self.scorer = Scorer(width, config.dropout)
        self.apply(init_xavier_uniform)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (N, T) of sequences (N, T, dim), and the features behind them (N, T, width)."""
        encoded = self.dropout(self.encoder(self.project(x)))
        return self.scorer(encoded)[0], encoded

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), the mean over crops."""
        return self._mean_over_crops(lambda x: self(x)[0].sigmoid(), features)

    def embed(self, features: Tensor) -> Tensor:
        """Return what the scorer sees, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, width)."""
        return self._mean_over_crops(lambda x: self(x)[1], features)

    def _mean_over_crops(self, network: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        """Average what a network gives for each crop, in the windows that are set, see `mean_over_crops_in_windows`."""
        widest = self.config.width * max(3, self.config.mlp_ratio)
        return mean_over_crops_in_windows(network, features, self.config.window, widest)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only.

        Source of both: RTFM's code, which the sister paper's code has as well. Its sparsity is one L2 norm over all
        scores, and its smoothness does not stop between videos.
        """
        config = self.config
        features = torch.cat([batch.normal.features, batch.abnormal.features])
        logits = mean_logit(self(features.flatten(0, 1))[0].unflatten(0, features.shape[:2]), 1)
        abnormal = logits.chunk(2)[1].sigmoid()
        top = logits.gather(1, top_indices(logits, config.top_k))
        return add_total(
            {
                "mil": bag_cross_entropy(top, mean_first=True),
                "smooth": config.smoothness * flat_smoothness(abnormal),
                "sparse": config.sparsity * torch.linalg.vector_norm(abnormal),
            }
        )


class Encoder(nn.Module):
    """Places, blocks and a last LayerNorm: (N, T, width) -> (N, T, width)."""

    def __init__(self, config: WSTRConfig) -> None:
        super().__init__()
        self.has_waves = config.position == "sinusoid"
        self.dropout = nn.Dropout(config.encoder_dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, width) to itself."""
        if self.has_waves:
            # In the weights' precision, also where the layers before gave less.
            x = x + sinusoid(x.shape[1], x.shape[2], like=self.norm.weight)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm(x)
        return out


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): (N, T, width) -> (N, T, width)."""

    def __init__(self, config: WSTRConfig) -> None:
        super().__init__()
        width = config.width
        self.inner = config.mlp_ratio * width
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, config.heads, config.reach if config.position == "relative" else None)
        self.dropout = nn.Dropout(config.encoder_dropout)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, self.inner), nn.GELU(), self.dropout, nn.Linear(self.inner, width), self.dropout
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, width) to itself."""
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        return x + self._fed_forward(self.feed_forward_norm(x))

    def _fed_forward(self, x: Tensor) -> Tensor:
        if self.training:
            return self.feed_forward(x)  # type: ignore[no-any-return]
        # Each row by itself, so that the hidden layer of a long video is never there as a whole.
        return in_windows(self.feed_forward, x, 0, self.inner)


class Attention(nn.Module):
    """Attention of every snippet to all, softmax_j(<q_i, k_j> / sqrt(width / heads)): (N, T, width) -> (N, T, width).

    With `reach`, the logits have a bias by distance besides.
    """

    def __init__(self, width: int, heads: int, reach: int | None) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.bias = None if reach is None else DistanceBias(heads, reach)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, width) to itself."""
        parts = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        out: Tensor = self.output(self._attend(*parts).transpose(1, 2).flatten(2))
        return out

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return the weighted sums of the values, all (N, heads, T, width / heads)."""
        if self.bias is None:
            return F.scaled_dot_product_attention(query, key, value)
        length, made = query.shape[2], []
        rows = max(1, BLOCK // (self.heads * length))
        for start in range(0, length, rows):
            part = query[:, :, start : start + rows]
            bias = self.bias(start, part.shape[2], length).to(query.dtype)
            made.append(F.scaled_dot_product_attention(part, key, value, attn_mask=bias))
        return torch.cat(made, dim=2)


class DistanceBias(nn.Module):
    """A learned number for each head and each distance j - i, cut to [-reach, reach]."""

    def __init__(self, heads: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.table = nn.Parameter(nn.init.trunc_normal_(torch.empty(heads, 2 * reach + 1), std=DEVIATION))

    def forward(self, start: int, rows: int, length: int) -> Tensor:
        """Return what is added to the logits of `rows` rows from `start` on, (heads, rows, length)."""
        place = torch.arange(length, device=self.table.device)
        apart = place - place[start : start + rows, None]
        return self.table[:, apart.clamp(-self.reach, self.reach) + self.reach]


def sinusoid(length: int, width: int, like: Tensor) -> Tensor:
    """Return the fixed sinusoid of the places t = 0, 1, …, in the kind of `like`: (length, width).

    sin(t / 10000^(2i / width)) at 2i and the cosine at 2i + 1. Source: Vaswani et al. 2017; the sister paper's code.
    """
    place = torch.arange(length, device=like.device, dtype=torch.float64)
    even = torch.arange(0, width, 2, device=like.device, dtype=torch.float64)
    angle = place[:, None] * (-math.log(SLOWEST) / width * even).exp()
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width].to(like.dtype)
