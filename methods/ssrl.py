"""SSRL: RTFM's network on frames, and streams that relate the patches of a frame (Li et al., ECCV 2022)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, PairBatch, TrainingContext, TrainingVideo
from methods.parts.feature_magnitude import MagnitudeConfig, magnitude_terms
from methods.parts.layers import MultiScaleTemporalNetwork, Scorer, init_xavier_uniform, mean_logit
from methods.parts.long_videos import by_sequences
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.scorers import LogitScorer
from methods.rtfm import OFFICIAL_NAMES as RTFM_NAMES

DROPPING_PATCHES = 28
"""Patches of a grid from which on its stream has dropout: the code's 4 x 7, and none of its other grids."""
NETWORK_NAMES = {
    official.removeprefix("Aggregate."): ours.removeprefix("temporal.")
    for official, ours in RTFM_NAMES.items()
    if official.startswith("Aggregate.")
}
"""Layers of RTFM's network in the official code, as the names of their weights begin, and ours."""


class PatchStream(nn.Module):
    """What the patches of a grid say of a segment: (N, patches, D) -> (N, D).

    RTFM's temporal network along the patches in place of time, a 3 x 3 convolution D -> D/2 on the grid, ReLU, batch
    normalisation, then a linear layer of the whole grid and ReLU. Patches come row by row. Source: model.py of the
    official code, which pads its grid of 2 x 3; here all grids are padded that have less than 3 rows or columns.
    """

    def __init__(self, dim: int, grid: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.grid, half, padding = grid, max(1, dim // 2), 1 if min(grid) < 3 else 0
        cells = (grid[0] - 2 + 2 * padding) * (grid[1] - 2 + 2 * padding)
        self.relation = MultiScaleTemporalNetwork(dim)
        self.aggregate = nn.Sequential(nn.Conv2d(dim, half, 3, padding=padding), nn.ReLU(), nn.BatchNorm2d(half))
        self.out = nn.Linear(half * cells, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, patches, D) to (N, D)."""
        related = torch.unflatten(self.relation(x).transpose(1, 2), 2, self.grid)
        out: Tensor = self.dropout(self.out(self.aggregate(related).flatten(1)).relu())
        return out


class SSRL(LogitScorer):
    """RTFM on the usual crops, to each of which the streams of patches add what they saw; trained stage by stage.

    Terms of `training_step`, weighted as they enter the loss: mil, magnitude, smooth, sparse, as RTFM's, of the usual
    crops. Stage "frames" trains RTFM's network; each later stage one more stream, and nothing else. Without patches
    this is RTFM, bit for bit.
    """

    title = "SSRL"
    takes_patches: ClassVar[bool] = True
    same_without_patches: ClassVar[str] = "RTFM"

    class Config(MagnitudeConfig):
        """Settings of SSRL."""

        dropout: float = Field(
            0.7,
            ge=0,
            lt=1,
            description="dropout on features, scorer and selection, and on streams of 28 patches or more",
        )
        staged: bool = Field(
            True, description="whether stages train first RTFM's network and then stream by stage; else all at once"
        )

    config: Config
    gates: Tensor
    """1 for each stream that acts in scoring, else 0, shape (streams)."""

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.temporal = MultiScaleTemporalNetwork(features.dim)
        self.sizes = [rows * columns for rows, columns in features.patch_grids]
        self.streams = nn.ModuleList(
            PatchStream(features.dim, grid, config.dropout if size >= DROPPING_PATCHES else 0.0)
            for grid, size in zip(features.patch_grids, self.sizes, strict=True)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.scorer = Scorer(features.dim, config.dropout)
        self.apply(init_xavier_uniform)
        # Weights of RTFM fit where there are no streams.
        self.register_buffer("gates", torch.ones(len(self.streams)), persistent=bool(self.streams))
        self._stage: int | None = None

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours, and open the gates; names that are not its own stay as they are.

        A prefix ``module.`` of all names is dropped. Source: model.py of the official code.
        """
        count = sum(name.endswith(".weight") and "linear_out." in name for name in weights)
        networks = {"Aggregate_clip.": "temporal.", "Aggregate_base.": "temporal."}
        networks |= {f"Aggregate_patch.{i}.": f"streams.{i}.relation." for i in range(count)}
        names = {
            official + layer: ours + our_layer
            for official, ours in networks.items()
            for layer, our_layer in NETWORK_NAMES.items()
        }
        for i in range(count):
            names |= {f"patch_to_clip.{i}.": f"streams.{i}.aggregate.", f"linear_out.{i}.": f"streams.{i}.out."}
        renamed = rename_weights(weights, {**names, "classfier.": "scorer."})
        return {**renamed, "gates": torch.ones(count)} if count else renamed

    def begin_training(self, context: TrainingContext) -> None:
        """Begin with the first stage, in which no stream acts; without stages, all of them do."""
        self._stage = 0 if self.config.staged and self.streams else None
        self.gates = torch.full_like(self.gates, float(self._stage is None))
        self.train(self.training)

    def training_stages(self) -> Mapping[str, float]:
        """Return the stages, of equal shares: the frames, then each grid of patches in its order."""
        if not (self.config.staged and self.streams):
            return {}
        names = ["frames", *(f"patches {i}" for i in range(1, len(self.streams) + 1))]
        return dict.fromkeys(names, 1 / len(names))

    def stage_ended(self, name: str, videos: Iterable[TrainingVideo]) -> None:
        """Go on to the next stream; its gate opens with its first step, so that until then scores stay as they were."""
        self._stage = (self._stage or 0) + 1

    def train(self, mode: bool = True) -> Self:
        """Set the mode; in a stream's stage the frozen networks stay in evaluation mode.

        Dropout on features, scorer and selection acts in all stages, as in the official code.
        """
        super().train(mode)
        if mode and self._stage:
            for place, part in enumerate([self.temporal, *self.streams]):
                part.train(place == self._stage)
        return self

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and F after dropout (videos, usual crops, T, dim)."""
        frames = self._joined(features)
        rows = self._apply_network(self.temporal, frames.flatten(0, 1))
        embedded = self.dropout(torch.unflatten(rows, 0, frames.shape[:2]))
        return mean_logit(self.scorer(embedded)[0], 1), embedded

    def _joined(self, features: Tensor) -> Tensor:
        """Add to every usual crop what the streams give: (videos, all crops, T, dim) -> (videos, usual crops, T, dim).

        In training the streams of later stages are left out; in scoring the gates alone decide.
        """
        frames: Tensor
        frames, *grids = torch.split(features, [features.shape[1] - sum(self.sizes), *self.sizes], dim=1)
        acting = self._stage if self.training else None
        for stream, gate, patches in list(zip(self.streams, self.gates, grids, strict=True))[:acting]:
            segments = patches.transpose(1, 2)
            seen = torch.unflatten(self._apply_network(stream, segments.flatten(0, 1)), 0, segments.shape[:2])
            frames = frames + gate * seen[:, None]
        return frames

    def _apply_network(self, network: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        """Apply a network to (N, T or patches, dim): in scoring to a few of the N at a time."""
        return network(rows) if self.training else by_sequences(network, rows, self.features.dim)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        with self._stage_learns():
            logits, embedded = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        return add_total(magnitude_terms(logits, embedded, self.dropout, self.config))

    @contextmanager
    def _stage_learns(self) -> Iterator[None]:
        """In a stream's stage open its gate, and keep gradients from all weights but its own.

        What gets no gradient is left as it is by the optimiser, weight decay included.
        """
        if not self._stage:
            yield
            return
        place = self._stage - 1
        gates = self.gates.clone()
        gates[place] = 1
        self.gates = gates
        learning = set(self.streams[place].parameters())
        frozen = [weight for weight in self.parameters() if weight not in learning and weight.requires_grad]
        for weight in frozen:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in frozen:
                weight.requires_grad_(True)
