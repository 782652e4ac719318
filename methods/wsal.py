"""WSAL: localizing anomalies from weakly-labelled videos (Lv et al., TIP 2021)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.long_videos import in_windows
from methods.parts.losses import add_total, smoothness

WIDTH, HEAD = 512, 128
"""Of the shared layers, and of the heads."""
SEGMENTS = 32
"""That a test video is made of."""
NORM_EPS = 1e-8
"""Length from which on a vector has a direction, as in torch's cosine similarity."""
HIGHEST = 1.5
"""What the mean of the semantic score, at most 1, and of the dynamic score, at most 2, can be."""


class WSAL(Method):
    """A semantic score, and one of how fast the features turn; both are taught by their extremes, as the official code.

    Terms of `training_step`, weighted as they enter the loss: dynamic, semantic, sparse, smooth.
    """

    title = "WSAL"

    class Config(MethodConfig):
        """Settings of WSAL."""

        kernel: Literal[1, 3, 5, 7, 9] = Field(5, description="kernel of the temporal convolution, in segments")
        margin: float = Field(1.0, gt=0, description="margin of both ranking losses")
        sparsity: float = Field(8e-5, ge=0, description="weight of the sums of both scores")
        smoothness: float = Field(8e-5, ge=0, description="weight of temporal smoothness of both scores")
        dropout: float = Field(0.8, ge=0, lt=1, description="dropout on the first layer and in both heads")
        score_units: Literal["segments", "snippets"] = Field(
            "segments", description="what is scored in tests: 32 segments of a video (code), or each snippet"
        )

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.fc0 = nn.Linear(features.dim, WIDTH)
        self.conv = nn.Conv1d(WIDTH, WIDTH, config.kernel)
        self.fc1_1 = nn.Linear(WIDTH, HEAD)
        self.fc1_2 = nn.Linear(HEAD, 1)
        self.fc2_1 = nn.Linear(WIDTH, HEAD)
        self.fc2_2 = nn.Linear(HEAD, HEAD)
        self.dropout = nn.Dropout(config.dropout)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the official code's weights by their own names, without the ``module.`` of data-parallel training."""
        prefix = "module." if all(name.startswith("module.") for name in weights) else ""
        return {name.removeprefix(prefix): value for name, value in weights.items()}

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return semantic scores (videos, T) and how far the features turn between neighbours (videos, T - 1)."""
        return _read(self._heads(features.flatten(0, 1)), features.shape[1])

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness concerns abnormal videos only."""
        config = self.config
        semantic, turns = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        abnormal_semantic, abnormal_turns = semantic.chunk(2)[1], turns.chunk(2)[1]
        # Each class has its own mean over videos in the code, so a sum over both halves is twice the mean of all.
        sums = 2 * (turns.sum(1).mean() + semantic.sum(1).mean())
        squares = smoothness(abnormal_turns).mean() + smoothness(abnormal_semantic).mean()
        return add_total(
            {
                "dynamic": self._ranking(_largest(turns)),
                "semantic": self._ranking(semantic.max(1).values - semantic.min(1).values),
                "sparse": config.sparsity * sums,
                "smooth": config.smoothness * squares,
            }
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets).

        The code's final score, divided by the highest value that it can have.
        """
        units = self._in_windows(self._heads, features)
        semantic, turns = _read(units, features.shape[1])
        scores = (both_sides(turns) + semantic) / (2 * HIGHEST)
        return self._of_snippets(scores.clamp(0, 1), features.shape[2])

    def embed(self, features: Tensor) -> Tensor:
        """Return what both heads see, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, 512)."""
        embedded = self._in_windows(self._context, features)
        return self._of_snippets(torch.unflatten(embedded, 0, features.shape[:2]).mean(1), features.shape[2])

    def _context(self, rows: Tensor) -> Tensor:
        """Return g, what a segment and its neighbours are: (N, T, D) -> (N, T, 512)."""
        hidden = self.dropout(self.fc0(rows).relu())
        reach = self.config.kernel // 2
        first, last = hidden[:, :1].expand(-1, reach, -1), hidden[:, -1:].expand(-1, reach, -1)
        seen = torch.cat([first, hidden, last], dim=1).unfold(1, self.config.kernel, 1).flatten(2)
        # As a product of matrices, for which a CPU takes half the time.
        return F.linear(seen, self.conv.weight.flatten(1), self.conv.bias)

    def _heads(self, rows: Tensor) -> Tensor:
        """Return the semantic logit and, behind it, the dynamic features: (N, T, D) -> (N, T, 1 + 128)."""
        context = self._context(rows)
        semantic = self.fc1_2(self.dropout(self.fc1_1(context).relu()))
        dynamic = self.fc2_2(self.dropout(self.fc2_1(context).relu()))
        return torch.cat([semantic, dynamic], dim=-1)

    def _ranking(self, extremes: Tensor) -> Tensor:
        """Hold normal videos a margin below the abnormal ones that they are paired with: (2B) -> ()."""
        normal, abnormal = extremes.chunk(2)
        return F.relu(self.config.margin - (abnormal - normal)).mean()

    def _in_windows(self, network: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        rows = features.flatten(0, 1)
        if self.config.score_units == "segments":
            rows = tail_segments(rows, SEGMENTS)
        return in_windows(network, rows, self.config.kernel // 2, self.config.kernel * WIDTH)

    def _of_snippets(self, values: Tensor, snippets: int) -> Tensor:
        """Give snippets what was computed of the units that are scored: (videos, units, …) -> (videos, snippets, …)."""
        return spread(values, snippets) if self.config.score_units == "segments" else values


def _read(units: Tensor, crops: int) -> tuple[Tensor, Tensor]:
    """Return semantic scores (videos, T) and turns (videos, T - 1), means over crops, of (videos · crops, T, 129)."""
    # 1 - cos of neighbours is small, so it is no matter for half precision.
    units = units.to(torch.promote_types(units.dtype, torch.float32))
    semantic, turns = units[..., 0].sigmoid(), neighbour_turns(units[..., 1:])
    return torch.unflatten(semantic, 0, (-1, crops)).mean(1), torch.unflatten(turns, 0, (-1, crops)).mean(1)


def neighbour_turns(x: Tensor) -> Tensor:
    """Return 1 - cos(x_{t+1}, x_t), d of WSAL: (…, T, D) -> (…, T - 1).

    A vector shorter than 1e-8 passes no gradient, which would otherwise be of the order of 1e8.
    """
    has_direction = torch.linalg.vector_norm(x, dim=-1, keepdim=True) > NORM_EPS
    x = torch.where(has_direction, x, x.detach())
    return 1 - F.cosine_similarity(x[..., 1:, :], x[..., :-1, :], dim=-1, eps=NORM_EPS)


def both_sides(turns: Tensor) -> Tensor:
    """Give each segment the mean of the turns before and behind it, the only one at an end: (…, T - 1) -> (…, T).

    A single segment has none, which is a 0.
    """
    total = F.pad(turns, (1, 0)) + F.pad(turns, (0, 1))
    total[..., 1:-1] /= 2
    return total


def tail_segments(x: Tensor, T: int) -> Tensor:
    """Repeat the last row until T divides their number, and average T equal pieces: (N, n, D) -> (N, T, D)."""
    size = -(-x.shape[1] // T)
    whole = x.shape[1] // size
    segments = torch.unflatten(x[:, : whole * size], 1, (whole, size)).mean(2)
    if whole == T:
        return segments
    # The repeated rows are counted in place of written out: a long video is not copied.
    rest, last = x[:, whole * size :], x[:, -1:]
    mixed = (rest.sum(1, keepdim=True) + (size - rest.shape[1]) * last) / size
    return torch.cat([segments, mixed, last.expand(-1, T - whole - 1, -1)], dim=1)


def spread(values: Tensor, n: int) -> Tensor:
    """Give n snippets the values of T segments, (…, T, …) -> (…, n, …) along the second axis.

    Segment i stands for the snippets [int(i r + 0.5), int((i + 1) r + 0.5)), r = n / T: none of some where n < T.
    """
    T = values.shape[1]
    edges = torch.tensor([(2 * i * n + T) // (2 * T) for i in range(T + 1)], device=values.device)
    return values.repeat_interleave(edges.diff(), dim=1, output_size=n)


def _largest(turns: Tensor) -> Tensor:
    """Return each video's largest turn, (videos, T - 1) -> (videos); 0 where a single segment has none."""
    return turns.max(1).values if turns.shape[1] else turns.sum(1)
