"""IFS-VAD: inter-clip feature similarity and a multi-scale temporal MLP (Zhong et al., TCSVT 2025)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import top_indices, unit_vectors
from methods.parts.long_videos import in_windows, rows_at_once
from methods.parts.losses import add_total, bag_cross_entropy, flat_smoothness

WIDTH, INNER = 512, 128
"""Of the scorer's hidden layers."""
OFFICIAL_NAMES = {
    "mlp_blocks.ln.": "mixer.norm.",
    "mlp_blocks.local_mlp_block1.": "mixer.local_in.",
    "mlp_blocks.local_mlp_block2.": "mixer.global_in.",
    "mlp_blocks.local_mlp_block3.": "mixer.local_out.",
    "mlp_blocks.local_mlp_block4.": "mixer.global_out.",
}
"""Layers of the official network, as the names of its weights begin, and ours; the others are called alike."""


class IFSVAD(Method):
    """A logit of each segment, and how unlike normal segments it is, weighed by two learned numbers.

    As the official code. Terms of `training_step`, weighted as they enter the loss: mil, sparse, smooth. The `top_k`
    highest scores stand for a video.
    """

    title = "IFS-VAD"

    class Config(MethodConfig):
        """Settings of IFS-VAD."""

        top_k: int = Field(5, ge=1, description="segments of highest score that stand for a video")
        local_extent: int = Field(4, ge=1, le=4_096, description="segments that the local layers' channels spread over")
        global_extent: int = Field(32, ge=1, le=4_096, description="likewise, of the global layers")
        expansion: int = Field(2, ge=1, le=64, description="width of the temporal MLP's hidden layer, in units of D")
        sparsity: float = Field(1e-2, ge=0, description="weight of sparsity")
        smoothness: float = Field(1e-4, ge=0, description="weight of temporal smoothness")
        dropout: float = Field(0.7, ge=0, lt=1, description="dropout between the scorer's layers")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.mixer = TemporalMixer(features.dim, config.expansion, config.local_extent, config.global_extent)
        self.fc1 = nn.Linear(features.dim, WIDTH)
        self.fc2 = nn.Linear(WIDTH, INNER)
        self.fc3 = nn.Linear(INNER, 1)
        self.w = nn.Parameter(torch.ones(2))
        self.dropout = nn.Dropout(config.dropout)
        self._width = max(WIDTH, config.expansion * features.dim)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours; names that are not its own stay as they are.

        Its shifted layers are deformable convolutions of kernel 1, so their weights have two more axes, and their
        offsets, which never change, are among the weights. A prefix ``module.`` of all names is dropped.
        """
        prefix = "module." if all(name.startswith("module.") for name in weights) else ""
        adopted = {}
        for name, value in weights.items():
            ours = _our_name(name.removeprefix(prefix))
            if ours.startswith("mixer.") and ours.endswith(".offset"):
                continue
            adopted[ours] = value.flatten(1) if ours.startswith("mixer.") and value.ndim > 2 else value
        return adopted

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; sparsity and smoothness concern all videos."""
        config = self.config
        features = torch.cat([batch.normal.features, batch.abnormal.features])
        embedded = self.mixer(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        units = unit_vectors(embedded)
        # Abnormal video i too is compared with normal video i, crop by crop.
        normal = units.chunk(2)[0]
        similarity = Reference(torch.cat([normal, normal])).similarity(units)
        logits = self._weigh(self._logit(embedded).squeeze(-1).mean(1), similarity.mean(1))
        scores = logits.sigmoid()
        return add_total(
            {
                "mil": bag_cross_entropy(logits.gather(1, top_indices(logits, config.top_k)), mean_first=True),
                # One norm over all scores of both classes, and differences across videos, as in the code.
                "sparse": config.sparsity * torch.linalg.vector_norm(scores),
                "smooth": config.smoothness * flat_smoothness(scores),
            }
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets)."""
        together = max(1, rows_at_once(self._width) // features.shape[2])
        parts = [self._parts(sequences) for sequences in torch.split(features.flatten(0, 1), together)]
        logit, similarity = (
            torch.unflatten(torch.cat(part), 0, features.shape[:2]).mean(1) for part in zip(*parts, strict=True)
        )
        return self._weigh(logit, similarity).sigmoid()

    def embed(self, features: Tensor) -> Tensor:
        """Return F, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, dim)."""
        embedded = in_windows(self.mixer, features.flatten(0, 1), self.mixer.reach, self._width)
        return torch.unflatten(embedded, 0, features.shape[:2]).mean(1)

    def _logit(self, embedded: Tensor) -> Tensor:
        """Map F to the scorer's logit, (…, D) -> (…, 1)."""
        hidden = self.dropout(self.fc1(embedded)).relu()
        logit: Tensor = self.fc3(self.dropout(self.fc2(hidden)).relu())
        return logit

    def _weigh(self, logit: Tensor, similarity: Tensor) -> Tensor:
        """Join what all crops together say to the logit of the score, (videos, T), (videos, T) -> (videos, T)."""
        return self.w[0] * logit + self.w[1] * similarity

    def _parts(self, sequences: Tensor) -> tuple[Tensor, Tensor]:
        """Return each sequence's logits and similarity to itself, (N, n, D) -> (N, n), (N, n)."""
        rows = in_windows(self._logit_and_units, sequences, self.mixer.reach, self._width)
        units = rows[..., 1:]
        reference = Reference(units)
        similarity = [reference.similarity(part) for part in torch.split(units, rows_at_once(self._width), dim=1)]
        return rows[..., 0], torch.cat(similarity, dim=1)

    def _logit_and_units(self, rows: Tensor) -> Tensor:
        embedded = self.mixer(rows)
        return torch.cat([self._logit(embedded), unit_vectors(embedded)], dim=-1)


class TemporalMixer(nn.Module):
    """Two layers along channels whose inputs are shifted in time, gated by the input: (N, T, D) -> (N, T, D), F.

    With S_K `shift`, and the same layer norm LN at both ends:
    u = GELU(Lin_1 S_local(LN x) + Lin_2 S_global(LN x)), F = LN((Lin_3 S_local(u) + Lin_4 S_global(u)) * x + x).
    Source: the official code, which shifts by deformable convolutions of kernel 1.

    Parameters
    ----------
    dim
        Feature size D.
    expansion
        u is `expansion` times as wide.
    local_extent, global_extent
        K of the two shifts.
    """

    def __init__(self, dim: int, expansion: int, local_extent: int, global_extent: int) -> None:
        super().__init__()
        self.extents = (local_extent, global_extent)
        self.reach = 2 * (max(self.extents) // 2)
        self.norm = nn.LayerNorm(dim)
        self.local_in = nn.Linear(dim, expansion * dim)
        self.global_in = nn.Linear(dim, expansion * dim)
        self.local_out = nn.Linear(expansion * dim, dim)
        self.global_out = nn.Linear(expansion * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, T, D) to (N, T, D)."""
        near, far = self.extents
        rows = self.norm(x)
        hidden = F.gelu(self.local_in(shift(rows, near)) + self.global_in(shift(rows, far)))
        gate = self.local_out(shift(hidden, near)) + self.global_out(shift(hidden, far))
        mixed: Tensor = self.norm(gate * x + x)
        return mixed


def shift(x: Tensor, extent: int) -> Tensor:
    """Let each channel see one other time, 0 outside of the video: (N, T, C) -> (N, T, C).

    Channel c sees ((c + K // 2) mod K) - K // 2 segments ahead, K = `extent`.
    """
    half = extent // 2
    # From the start of the padded sequence, so that it is never negative.
    ahead = (torch.arange(x.shape[2], device=x.device) + half) % extent
    index = torch.arange(x.shape[1], device=x.device)[:, None] + ahead
    return F.pad(x, (0, 0, half, half)).gather(1, index.expand(len(x), -1, -1))


class Reference:
    """Segments that others are compared with by cosines, in memory linear in their number.

    Parameters
    ----------
    units
        Their unit vectors, shape (…, n, D).
    """

    block = 4_096

    def __init__(self, units: Tensor) -> None:
        length, dim = units.shape[-2:]
        self.centre = units.mean(-2, keepdim=True)
        self.degrees = max(1, length - 1)
        # Moments about the mean: the mean square less the squared mean would cancel where all cosines are near 1.
        # Of the two exact ways to the variance, the one whose matrix is smaller.
        self.by_deviations = length <= dim
        self.spread = (units - self.centre).mT if self.by_deviations else self._covariance(units)

    def _covariance(self, units: Tensor) -> Tensor:
        """Return the sum of the deviations' outer products, (…, n, D) -> (…, D, D), without having all of them."""
        total = units.new_zeros(*units.shape[:-2], units.shape[-1], units.shape[-1])
        for part in torch.split(units, self.block, dim=-2):
            deviations = part - self.centre
            total = total + deviations.mT @ deviations
        return total

    def similarity(self, units: Tensor) -> Tensor:
        """Return q, the variance less the mean of unit vectors' cosines with the reference, (…, T, D) -> (…, T)."""
        return self.variance(units) - (units * self.centre).sum(-1)

    def variance(self, units: Tensor) -> Tensor:
        """Return the unbiased variance of those cosines, (…, T, D) -> (…, T); 0 of a single one."""
        products = units @ self.spread
        squares = products.square() if self.by_deviations else products * units
        return squares.sum(-1) / self.degrees


def _our_name(name: str) -> str:
    for official, ours in OFFICIAL_NAMES.items():
        if name.startswith(official):
            return ours + name.removeprefix(official)
    return name
