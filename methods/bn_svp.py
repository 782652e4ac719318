"""BN-SVP: likely segments of each scene of a video (Sapkota and Yu, CVPR 2022), reconstructed from its public code."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, MethodConfig, PairBatch
from methods.parts.layers import mean_logit
from methods.parts.long_videos import by_sequences
from methods.parts.losses import add_total, hinge_all_pairs
from methods.parts.scenes import choose_greedily, partition, split_in_two
from methods.parts.scorers import LogitScorer
from methods.parts.temporal_graphs import Graph, affinity_graph, distance_graph, normalise_graph

WIDTH, HIDDEN, LAYERS = 128, 32, 5
"""Of the graph layers; of the recurrent layers, and their number. Source: the official code."""
MOST_STATES = 10
"""Of a video; where the official code truncates its hidden Markov model."""


class BNSVP(LogitScorer):
    """Two graphs over the segments of a video and a recurrent network, taught by a diverse choice of likely segments.

    The term of `training_step` is hinge: the mean score of an abnormal video's chosen segments ranks above the highest
    of a normal video. The states that the choice goes by are found once for each abnormal training video, when a batch
    first brings it; scoring knows nothing of them.
    """

    title = "BN-SVP (reconstructed)"

    class Config(MethodConfig):
        """Settings of BN-SVP."""

        selection: Literal["per-state", "greedy", "above-percentile"] = Field(
            "per-state",
            description="which of the candidates stand for an abnormal video: the highest of each state; as many by "
            "greedy choice for likeness and score; all of them",
        )
        percentile: float = Field(
            0.35, ge=0, le=1, description="of a video's scores; segments that score less are no candidates"
        )
        segments_per_state: int = Field(3, ge=1, description="a video has T // segments_per_state states, 1 to 10")
        stickiness: float = Field(
            1.0, ge=0, description="what a change of state costs, in medians of the video's squared steps"
        )
        rounds: int = Field(3, ge=1, le=100, description="paths through the states, each with new centres")
        norm: Literal["batch", "layer"] = Field(
            "batch", description="what normalises the recurrent output: each unit over a batch, or all of a segment"
        )
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the graph layers")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.similar, self.near = nn.Linear(features.dim, WIDTH), nn.Linear(features.dim, WIDTH)
        # Before softplus, as the kernel of the code's library has it: every length scale starts at log 2.
        self.raw_length_scale = nn.Parameter(torch.zeros(features.dim))
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = nn.LSTM(WIDTH, HIDDEN, LAYERS, batch_first=True)
        # The code's takes the 32 segments of a video, in place of the 32 units, for its channels: no other length fits.
        self.norm = nn.BatchNorm1d(HIDDEN) if config.norm == "batch" else nn.LayerNorm(HIDDEN)
        self.classifier = nn.Linear(HIDDEN, 1)
        self._states: dict[tuple[str, int], Tensor] = {}

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and the recurrent layers' output (videos, crops, T, 32)."""
        rows = features.flatten(0, 1)
        # Crop by crop where videos are long; a training batch at once.
        hidden = self.network(rows) if torch.is_grad_enabled() else by_sequences(self.network, rows, WIDTH)
        hidden = torch.unflatten(hidden, 0, features.shape[:2])
        return mean_logit(self.classifier(hidden).squeeze(-1), 1), hidden

    def network(self, x: Tensor) -> Tensor:
        """Run all but the classifier on sequences, (N, T, D) -> (N, T, 32).

        Each graph A is normalised as D^-1/2 (A + I) D^-1/2. Source: `Net` of the official code, of which two more graph
        layers and a second kernel are never used.
        """
        alike = with_self(affinity_graph(x, F.softplus(self.raw_length_scale)), x)
        close = with_self(lambda y: distance_graph(y, 1.0), x)
        hidden = self.dropout((alike(self.similar(x)) + close(self.near(x))).relu())
        out = self.recurrent(hidden)[0]
        return self.norm(out.flatten(0, 1)).view_as(out)  # type: ignore[no-any-return]

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's loss, of all pairs of videos, summed over abnormal and averaged over normal ones."""
        logits, _ = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        normal, abnormal = logits.sigmoid().chunk(2)
        return add_total({"hinge": hinge_all_pairs(normal.amax(-1), self.represent(abnormal, batch.abnormal))})

    def represent(self, scores: Tensor, bags: Bags) -> Tensor:
        """Return what stands for abnormal videos by the scores of their segments, (videos, T) -> (videos,)."""
        candidates = find_candidates(scores, self.config.percentile)
        if self.config.selection == "above-percentile":
            return _mean(scores, candidates)
        parts = self.states_of(bags)
        path = parts // 2
        members = F.one_hot(path, MOST_STATES).bool() & candidates[..., None]
        there = members.any(1)
        if self.config.selection == "per-state":
            return _mean(scores[..., None].masked_fill(~members, -torch.inf).amax(1).masked_fill(~there, 0), there)
        likeness = (_equal(path) + _equal(parts)).to(scores.dtype) / 2
        chosen = choose_greedily(likeness, scores.detach(), candidates, there.sum(1), MOST_STATES)
        return _mean(scores, chosen)

    def states_of(self, bags: Bags) -> Tensor:
        """Return the state z_t and the half c of it that each segment is in, as 2 z_t + c: (videos, T).

        They are found in the mean over crops, when a video is seen for the first time, and kept.
        """
        length = bags.features.shape[2]
        keys = [(name, length) for name in bags.video_ids]
        new = [i for i, key in enumerate(keys) if key not in self._states]
        if new:
            x = bags.features[new].detach().mean(1)
            states = min(MOST_STATES, max(1, length // self.config.segments_per_state))
            path = partition(x, states, self.config.stickiness, self.config.rounds)
            found = split_in_two(x, path, states) if self.config.selection == "greedy" else 2 * path
            self._states |= {keys[i]: parts for i, parts in zip(new, found, strict=True)}
        return torch.stack([self._states[key] for key in keys])


def with_self(graph: Graph, x: Tensor) -> Graph:
    """Return D^-1/2 (A + I) D^-1/2 of a graph A over the segments of `x`, (sequences, T, D)."""
    return normalise_graph(lambda y: graph(y) + y, x)


def find_candidates(scores: Tensor, percentile: float) -> Tensor:
    """Return which segments score no less than the percentile of their video, (videos, T) -> (videos, T)."""
    scores = scores.detach().to(torch.promote_types(scores.dtype, torch.float32))  # no quantile of bfloat16
    return scores >= scores.quantile(percentile, dim=1, keepdim=True)


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of the chosen values, (videos, N), (videos, N) -> (videos,)."""
    return values.masked_fill(~chosen, 0).sum(1) / chosen.sum(1)


def _equal(labels: Tensor) -> Tensor:
    """Return which segments have the same label, as 0 and 1: (videos, T) -> (videos, T, T)."""
    return (labels[:, :, None] == labels[:, None]).int()
