"""ProDisc-VAD: interaction with prototypes and discrimination of pseudo-instances (Zhu et al., arXiv 2505.02179)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, MethodConfig, PairBatch
from methods.parts.layers import init_xavier_uniform, mean_logit, unit_vectors
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.padded import is_abnormal, lay_out_crops, own_rows, top_rows
from methods.parts.scorers import LogitScorer

OFFICIAL_NAMES = {
    "prototype_layer.normal_prototypes_keys": "prototypes.keys",
    "prototype_layer.normal_prototypes_values": "prototypes.values",
    "prototype_layer.norm.": "prototypes.norm.",
    "prototype_layer.output_proj.": "prototypes.output.",
}
"""Parts of the official network, as the names of its weights begin, and ours; the classifier's are the same."""


class PrototypeInteraction(nn.Module):
    """Features joined with what learned prototypes of normality say of them, row by row: (…, D) -> (…, D).

    Source: PrototypeInteractionLayer of the official code.
    """

    def __init__(self, dim: int, prototypes: int, feature_factor: float, context_factor: float) -> None:
        super().__init__()
        self.feature_factor, self.context_factor = feature_factor, context_factor
        self.keys = nn.Parameter(0.02 * torch.randn(prototypes, dim))
        self.values = nn.Parameter(0.02 * torch.randn(prototypes, dim))
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, D) to (…, D)."""
        context = (x @ self.keys.T * x.shape[-1] ** -0.5).softmax(-1) @ self.values
        return F.gelu(self.output(self.norm(self.feature_factor * x + self.context_factor * context)))


class ProDisc(LogitScorer):
    """A scorer per row on features that have met prototypes, as ProDisc-VAD's official code.

    Terms of `training_step`, weighted as they enter the loss: mil, pide. The ceil(L / `top_divisor`) highest scores of
    a video of L own rows are learned from, and its highest and lowest one are driven away from all other rows.
    """

    title = "ProDisc-VAD"

    class Config(MethodConfig):
        """Settings of ProDisc-VAD."""

        prototypes: int = Field(5, ge=1, le=65_536, description="prototypes, each a key and a value")
        feature_factor: float = Field(10.0, gt=0, description="factor of the features beside the prototypes' context")
        context_factor: float = Field(5.0, gt=0, description="factor of the prototypes' context")
        top_divisor: int = Field(6, ge=1, description="ceil(L / it) highest scores stand for a video")
        label_smoothing: float = Field(1e-5, ge=0, lt=1, description="share of a selected row's label given to all")
        mil_weight: float = Field(15.0, ge=0, description="weight of the cross-entropy")
        pide_weight: float = Field(5.0, ge=0, description="weight of the discrimination of pseudo-instances")
        temperature: float = Field(0.1, gt=0, description="temperature of that discrimination's similarities")
        dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the features before the scorer")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.prototypes = PrototypeInteraction(
            features.dim, config.prototypes, config.feature_factor, config.context_factor
        )
        self.dropout = nn.Dropout(config.dropout)
        widths = (features.dim, 256, 128, 64)
        layers = [layer for sizes in pairwise(widths) for layer in (nn.Linear(*sizes), nn.GELU())]
        self.classifier = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        self.apply(init_xavier_uniform)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours, with or without the prefix ``module.`` of all names."""
        return rename_weights(weights, OFFICIAL_NAMES)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and the features before the scorer (videos, crops, T, dim)."""
        logits, embedded = self._read(features)
        return mean_logit(logits, 1), embedded

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms."""
        config = self.config
        rows, lengths = lay_out_crops(batch)
        logits, embedded = self._read(rows)
        k = -(-lengths // config.top_divisor)
        return add_total(
            {
                "mil": config.mil_weight * smoothed_cross_entropy(logits, k, lengths, config.label_smoothing),
                "pide": config.pide_weight * extremes_apart(embedded, logits.sigmoid(), lengths, config.temperature),
            }
        )

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (…) and features before the scorer (…, D) of rows (…, D)."""
        embedded = self.dropout(self.prototypes(x))
        return self.classifier(embedded).squeeze(-1), embedded


def smoothed_cross_entropy(logits: Tensor, k: Tensor, lengths: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of the k highest scores of each video with its label, averaged over all of them together.

    A label y becomes (1 - smoothing) y + smoothing / N, with N selected scores in the batch. Source: KMXMILL_individual
    and label_smoothing of the official code.

    Parameters
    ----------
    logits
        Logits of the scores, shape (M, T), abnormal videos in the second half.
    k, lengths
        Scores selected, and own rows, of each video, shape (M).
    """
    chosen = top_rows(logits, k, lengths).flatten()
    labels = is_abnormal(lengths)[:, None].expand_as(logits).flatten().to(logits.dtype)
    selected = logits.flatten()[chosen]
    targets = (1 - smoothing) * labels[chosen] + smoothing / len(selected)
    return F.binary_cross_entropy_with_logits(selected, targets)


def extremes_apart(features: Tensor, scores: Tensor, lengths: Tensor, temperature: float) -> Tensor:
    """Drive the rows of highest and lowest score of a video away from all its rows: their mean, -> ().

    Of row i it is ln sum_j exp(cos(y_i, y_j) / temperature) - cos(y_i, y_i) / temperature. A row that is highest and
    lowest at once counts once, since the code's second mark of it replaces the first. Source:
    PseudoInstanceDiscriminativeEnhancement of the official code.

    Parameters
    ----------
    features
        Shape (M, T, D); j runs over rows of padding too.
    scores
        Shape (M, T); the extremes are among a video's own rows.
    lengths
        Own rows of each video, shape (M).
    """
    own = own_rows(lengths, scores.shape[1])
    highest = scores.masked_fill(~own, -torch.inf).argmax(1)
    lowest = scores.masked_fill(~own, torch.inf).argmin(1)
    extremes = torch.stack([highest, lowest], 1)
    units = unit_vectors(features)
    similar = torch.take_along_dim(units, extremes[..., None], 1) @ units.mT / temperature
    apart = similar.logsumexp(-1) - torch.take_along_dim(similar, extremes[..., None], -1).squeeze(-1)
    counts = torch.stack([torch.ones_like(highest), (lowest != highest).long()], 1).to(apart.dtype)
    return (counts * apart).sum() / counts.sum()
