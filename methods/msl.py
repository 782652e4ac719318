"""MSL (reconstructed): multi-sequence learning with a convolutional transformer, after Li, Liu and Jiao (AAAI 2022)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch, TrainingContext
from methods.parts.layers import Scorer, init_xavier_uniform, mean_logit, top_indices
from methods.parts.long_videos import by_sequences, rows_at_once
from methods.parts.losses import add_total, bag_cross_entropy, hinge_paired, smoothness
from methods.parts.windows import join_windows, of_windows

MLP_RATIO = 4
"""How many times as wide as the tokens the layers' networks are inside, as in ViT."""
TOKEN_DEVIATION = 0.02
"""Of the class token when training begins, as in ViT."""


class MSLConfig(MethodConfig):
    """Settings of MSL."""

    width: int = Field(512, ge=1, le=65_536, description="width of the tokens")
    layers: int = Field(2, ge=1, le=64, description="transformer layers")
    heads: int = Field(8, ge=1, le=1_024, description="heads of the attention; they divide width")
    kernel: Literal[1, 3, 5, 7] = Field(3, description="kernel of the depthwise convolutions")
    class_token: Literal["pointwise", "convolved"] = Field(
        "pointwise", description="whether depthwise convolutions leave the class token out, or have it first"
    )
    position: Literal["none", "sinusoid"] = Field("none", description="what tells the tokens their places")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout in the layers and the scorer")

    shrink: int = Field(2, ge=2, description="what K, the length of ranked sequences, is divided by until it is 1")
    pseudo_share: float = Field(
        0.5, ge=0, le=1, description="share of the steps of each K that choose sequences by pseudo-labels"
    )
    rank_weight: float = Field(1.0, ge=0, description="weight of the ranking loss")
    video_weight: float = Field(1.0, ge=0, description="weight of the videos' cross-entropy")
    smoothness: float = Field(0.0, ge=0, description="weight of temporal smoothness")
    sparsity: float = Field(0.0, ge=0, description="weight of sparsity")

    correction: Literal["product", "none", "minmax-product"] = Field(
        "product", description="whether a video's probability multiplies its scores, as they are or stretched to [0, 1]"
    )
    window: int | None = Field(
        None, ge=1, description="snippets that are scored as a video of its own, the last ones overlapping; all if null"
    )

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"each head takes an equal part of width, so heads have to divide {self.width}: not {self.heads}"
            )
        return self


class MSL(Method):
    """Ranks the best K consecutive scores of an abnormal video above those of a normal one; K shrinks from T to 1.

    A reconstruction from the paper's abstract and from what others write of it. Terms of `training_step`, weighted as
    they enter the loss: rank, video, smooth, sparse. Pseudo-labels, which tell where a sequence is chosen in the first
    part of each K's steps, are kept by the names of the training videos, and scoring knows nothing of them.
    """

    title = "MSL (reconstructed)"
    Config = MSLConfig
    config: MSLConfig

    def __init__(self, config: MSLConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.project = nn.Linear(features.dim, config.width)
        self.class_token = nn.Parameter(TOKEN_DEVIATION * torch.randn(config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.Sequential(*(Layer(config) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(config.width)
        self.video = nn.Linear(config.width, 1)
        self.scorer = Scorer(config.width, config.dropout)
        self.apply(init_xavier_uniform)
        self.begin_training(TrainingContext(steps=1, seed=0))

    def begin_training(self, context: TrainingContext) -> None:
        """Count steps from 0, with no pseudo-label known."""
        self._steps, self._done, self._place = context.steps, 0, 0
        self._labels: dict[str, Tensor] = {}
        self._seen: dict[str, Tensor] = {}

    def forward(self, sequences: Tensor) -> Tensor:
        """Return logits of whole sequences and of their segments, (N, T, dim) -> (N, 1 + T), the sequence's first."""
        tokens = self._tokens(sequences)
        return torch.cat([self.video(tokens[:, 0]), self.scorer(tokens[:, 1:])[0]], dim=1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        config = self.config
        features = torch.cat([batch.normal.features, batch.abnormal.features])
        logits = mean_logit(_exact(torch.unflatten(self(features.flatten(0, 1)), 0, features.shape[:2])), 1)
        video, scores = logits[:, :1], logits[:, 1:].sigmoid()
        normal, abnormal = scores.chunk(2)
        K, by_labels = self._next_stage(scores.shape[1])
        guide = abnormal.detach()
        if by_labels:
            guide = self._pseudo_labels(batch.abnormal.video_ids, guide)
        best = top_indices(window_means(guide, K), 1)
        chosen = window_means(abnormal, K).gather(1, best).squeeze(1)
        made = video.chunk(2)[1].sigmoid() * abnormal
        self._seen.update(zip(batch.abnormal.video_ids, made.detach(), strict=True))
        return add_total(
            {
                "rank": config.rank_weight * hinge_paired(window_means(normal, K).amax(1), chosen),
                "video": config.video_weight * bag_cross_entropy(video, mean_first=False),
                "smooth": config.smoothness * smoothness(abnormal).mean(),
                "sparse": config.sparsity * abnormal.sum(1).mean(),
            }
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), corrected means over crops."""
        read = self._in_windows(lambda x: self(x).sigmoid(), features)
        video, scores = read[..., :1], read[..., 1:]
        if self.config.correction == "minmax-product":
            scores = _stretch(scores)
        if self.config.correction != "none":
            scores = video * scores
        return join_windows(scores, features.shape[2])

    def embed(self, features: Tensor) -> Tensor:
        """Return the snippets' tokens, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, width)."""
        return join_windows(self._in_windows(lambda x: self._tokens(x)[:, 1:], features), features.shape[2])

    def _tokens(self, x: Tensor) -> Tensor:
        """Return what the transformer makes of sequences (N, T, dim), the class token's first: (N, 1 + T, width)."""
        tokens = self.project(x)
        if self.config.position == "sinusoid":
            tokens = tokens + sinusoids(tokens)
        first = self.class_token.to(tokens.dtype).expand(len(x), 1, -1)
        tokens = self.layers(self.dropout(torch.cat([first, tokens], dim=1)))
        normed: Tensor = self.norm(tokens)
        return normed

    def _next_stage(self, T: int) -> tuple[int, bool]:
        """Count a step; return its K, and whether pseudo-labels choose. Where a K begins, they are renewed."""
        lengths = sequence_lengths(T, self.config.shrink)
        place, past = divmod(min(self._done, self._steps - 1) * len(lengths), self._steps)
        self._done += 1
        if place != self._place:
            self._place = place
            self._labels.update(self._seen)
            self._seen.clear()
        return lengths[place], past < self.config.pseudo_share * self._steps

    def _pseudo_labels(self, names: tuple[str, ...], scores: Tensor) -> Tensor:
        """Return the pseudo-labels of videos, (videos, T); the scores of those whose labels are all alike.

        Labels are 1 from the start. These choose no sequence before another, and the first one would win for being
        first.
        """
        known = zip(names, torch.ones_like(scores), strict=True)
        labels = torch.stack([self._labels.get(name, start) for name, start in known])
        alike = labels.amax(1, keepdim=True) == labels.amin(1, keepdim=True)
        return torch.where(alike, scores, labels)

    def _in_windows(self, network: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        """Apply a network to the windows of every crop, and average over crops: -> (videos, windows, …)."""
        widest, window = MLP_RATIO * self.config.width, self.config.window
        made = by_sequences(
            lambda x: of_windows(lambda part: by_sequences(network, part, widest), x, window),
            features.flatten(0, 1),
            widest,
        )
        return torch.unflatten(made, 0, features.shape[:2]).mean(1)


class Layer(nn.Module):
    """A transformer layer, normalised at its inputs: (N, L, width) -> the same."""

    def __init__(self, config: MSLConfig) -> None:
        super().__init__()
        width, inner = config.width, MLP_RATIO * config.width
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = ConvolutionalAttention(width, config.heads, config.kernel, config.class_token == "convolved")
        self.dropout = nn.Dropout(config.dropout)
        self.mlp = nn.Sequential(
            *(nn.Linear(width, inner), nn.GELU(), nn.Dropout(config.dropout)),
            *(nn.Linear(inner, width), nn.Dropout(config.dropout)),
        )
        self.rows = rows_at_once(inner)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, L, width) to itself, a long video's rows a few at a time."""
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        return x + torch.cat([self.mlp(self.mlp_norm(part)) for part in torch.split(x, self.rows, dim=1)], dim=1)


class ConvolutionalAttention(nn.Module):
    """Attention whose queries, keys and values are depthwise-separable convolutions: (N, 1 + T, width) -> the same.

    Each is a linear layer on a convolution of every channel along the T segments, zero-padded. The class token, which
    is first, passes the linear layer alone, or is the convolution's first row if `convolved`.
    """

    def __init__(self, width: int, heads: int, kernel: int, convolved: bool) -> None:
        super().__init__()
        self.heads, self.convolved = heads, convolved
        # Xavier's bound where a channel sees none but itself.
        bound = (3 / kernel) ** 0.5
        self.taps = nn.Parameter(torch.empty(3, kernel, width).uniform_(-bound, bound))
        # A bias of the keys would cancel in the softmax, and one of the values would be a second bias of the output.
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 1 + T, width) to itself."""
        layers = (self.query, self.key, self.value)
        parts = [
            layer(self._convolve(x, taps)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, taps in zip(layers, self.taps, strict=True)
        ]
        out: Tensor = self.output(F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))
        return out

    def _convolve(self, x: Tensor, taps: Tensor) -> Tensor:
        """Convolve channels by taps (kernel, width), as sums of shifted rows, which takes less time than conv1d."""
        alone, rows = (x[:, :0], x) if self.convolved else (x[:, :1], x[:, 1:])
        reach, length = len(taps) // 2, rows.shape[1]
        padded = F.pad(rows, (0, 0, reach, reach))
        made = padded[:, :length] * taps[0]
        for shift in range(1, len(taps)):
            made = made + padded[:, shift : shift + length] * taps[shift]
        return torch.cat([alone, made], dim=1)


def sequence_lengths(T: int, shrink: int) -> list[int]:
    """Return K from T to 1, each time divided by `shrink` and rounded down: 32, 16, 8, 4, 2, 1."""
    lengths = [T]
    while lengths[-1] > 1:
        lengths.append(max(1, lengths[-1] // shrink))
    return lengths


def window_means(values: Tensor, K: int) -> Tensor:
    """Return the means of K consecutive values, (videos, T) -> (videos, T - K + 1)."""
    return F.avg_pool1d(values[:, None], K, stride=1).squeeze(1)


def sinusoids(like: Tensor) -> Tensor:
    """Return sines of a place, in the even columns, and cosines, in the odd ones: for (N, T, width), (T, width)."""
    length, width = like.shape[1:]
    column = torch.arange(width, device=like.device, dtype=torch.float64)
    angle = torch.arange(length, device=like.device)[:, None] * 10_000 ** (-2 * (column // 2) / width)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos()).to(like.dtype)


def _stretch(scores: Tensor) -> Tensor:
    """Stretch each video's scores (videos, windows, window) to [0, 1]; they become 1 where all are alike."""
    low, high = scores.amin((1, 2), keepdim=True), scores.amax((1, 2), keepdim=True)
    return torch.where(high > low, (scores - low) / (high - low), torch.ones_like(scores))


def _exact(x: Tensor) -> Tensor:
    """Return at least float32, so that scores which bfloat16 would round to one value are told apart."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
