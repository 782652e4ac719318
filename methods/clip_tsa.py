"""CLIP-TSA: hard attention to the segments that matter, in front of RTFM (Joo et al., ICIP 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, PairBatch
from methods.parts.feature_magnitude import MagnitudeConfig, magnitude_terms
from methods.parts.layers import MultiScaleTemporalNetwork, Scorer, init_xavier_uniform, mean_logit, top_indices
from methods.parts.long_videos import by_sequences, mean_over_crops
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.scorers import LogitScorer
from methods.rtfm import OFFICIAL_NAMES as RTFM_NAMES

WIDTH = 512
"""Of CLIP's features; longer ones are brought to it."""
MOST_KEPT = 1000
"""Snippets of a video that a draw keeps at most in tests."""
SEED = 0
"""Of the noise in tests."""
OFFICIAL_NAMES = {
    **RTFM_NAMES,
    "hard_attention.scorer.fc1.": "attention.importance.0.",
    "hard_attention.scorer.fc2.": "attention.importance.2.",
    "mlp.fc1.": "squash.0.",
    "mlp.fc2.": "squash.2.",
}
"""Layers of the official network, as the names of its weights begin, and ours."""

Gradient = Literal["swapped", "textbook"]


class ClipTSA(LogitScorer):
    """RTFM behind a temporal self-attention that keeps the segments that matter, as the official code.

    Terms of `training_step`, weighted as they enter the loss, are those of RTFM: mil, magnitude, smooth, sparse.
    Features of more than 512 dimensions are brought to 512 first, shorter ones stay as they are.
    """

    title = "CLIP-TSA"

    class Config(MagnitudeConfig):
        """Settings of CLIP-TSA."""

        keep_share: float = Field(0.95, ge=0, le=1, description="rho, share of the segments that a draw keeps")
        draws: int = Field(100, ge=1, le=100_000, description="draws of noise that are averaged")
        noise: float = Field(0.05, gt=0, description="sigma, deviation of the noise on a segment's importance")
        attention_gradient: Gradient = Field(
            "swapped", description="estimator of the choice's gradient: swapped (code); textbook"
        )
        dropout: float = Field(0.7, ge=0, lt=1, description="dropout on features, scorer and selection")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        width = min(features.dim, WIDTH)
        self.attention = HardAttention(width, config.keep_share, config.draws, config.noise, config.attention_gradient)
        self.temporal = MultiScaleTemporalNetwork(width)
        self.dropout = nn.Dropout(config.dropout)
        self.scorer = NarrowScorer(width, config.dropout)
        self.apply(init_xavier_uniform)
        self.squash: nn.Module = nn.Identity()
        if features.dim > WIDTH:
            # Made after the others, so that PyTorch's own initialisation stays, as in the official code.
            self.squash = nn.Sequential(
                nn.Linear(features.dim, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, WIDTH), nn.Sigmoid()
            )

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours; names that are not its own stay as they are.

        A prefix ``module.`` of all names is dropped, and so is the layer that would bring features of at most 512
        dimensions to 512: the official network has it and does not use it. Source: model.py of the official code.
        """
        first = next((value for name, value in weights.items() if name.endswith("mlp.fc1.weight")), None)
        idle = first is not None and first.ndim == 2 and first.shape[1] <= WIDTH
        return rename_weights(weights, OFFICIAL_NAMES, ("mlp.",) if idle else ())

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and F after dropout (videos, crops, T, min(dim, 512))."""
        embedded = torch.unflatten(self._embed(features.flatten(0, 1)), 0, features.shape[:2])
        return mean_logit(self.scorer(embedded)[0], 1), embedded

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        logits, embedded = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        return add_total(magnitude_terms(logits, embedded, self.dropout, self.config))

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets)."""
        logits = by_sequences(lambda rows: self.scorer(self._embed(rows))[0], features.flatten(0, 1), 2 * WIDTH)
        return mean_logit(torch.unflatten(logits, 0, features.shape[:2]), 1).sigmoid()

    def embed(self, features: Tensor) -> Tensor:
        """Return F, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, min(dim, 512))."""
        return mean_over_crops(self._embed, features, 2 * WIDTH)

    def _embed(self, sequences: Tensor) -> Tensor:
        """Map sequences of features (N, T, dim) to F after dropout (N, T, min(dim, 512))."""
        embedded: Tensor = self.dropout(self.temporal(self.attention(self.squash(sequences))))
        return embedded


class NarrowScorer(Scorer):
    """Fully connected scorer D-128-32-1: RTFM's, a quarter as wide."""

    hidden = 32

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__(dim, dropout, width=128)


class HardAttention(nn.Module):
    """Each segment times the share of draws that keep it, (N, T, dim) -> (N, T, dim).

    A draw keeps the k = max(1, floor(`keep_share` T)) segments of largest importance plus Gaussian noise. That is what
    the official code's indicators of the k kept places come to, which are averaged over the draws and then summed.
    In training the noise comes from PyTorch's generator, for each sequence anew. In tests it is always the same, of a
    seed and the length alone, and k is at most `MOST_KEPT`.
    """

    def __init__(self, dim: int, keep_share: float, draws: int, noise: float, gradient: Gradient) -> None:
        super().__init__()
        self.keep_share, self.draws, self.noise, self.gradient = keep_share, draws, noise, gradient
        self.importance = nn.Sequential(nn.Linear(dim, 256), nn.ReLU(), nn.Linear(256, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Weigh (N, T, dim)."""
        importance = self.importance(x).squeeze(-1)
        if importance.dtype != torch.float64:
            importance = importance.float()  # in bfloat16 many would be equal
        kept = max(1, int(x.shape[1] * self.keep_share))
        frequency = self._drawn(importance, kept) if self.training else self._fixed(importance, min(kept, MOST_KEPT))
        return frequency.unsqueeze(-1) * x

    def _drawn(self, importance: Tensor, kept: int) -> Tensor:
        """Return the share of draws that keep each segment, with a gradient, (N, T) -> (N, T)."""
        sequences, length = importance.shape
        noise = torch.randn(sequences, self.draws, length, device=importance.device, dtype=torch.float32)
        frequency: Tensor = InclusionFrequency.apply(  # type: ignore[no-untyped-call]
            importance, noise.to(importance), kept, self.noise, self.gradient == "swapped"
        )
        return frequency

    def _fixed(self, importance: Tensor, kept: int) -> Tensor:
        """Return the share of draws that keep each snippet, one draw at a time, (N, n) -> (N, n)."""
        # Of the CPU, so that every device draws the same.
        generator, length = torch.Generator("cpu").manual_seed(SEED), importance.shape[1]
        counts = torch.zeros_like(importance)
        for _ in range(self.draws):
            noise = torch.randn(length, generator=generator, device="cpu", dtype=torch.float32).to(importance)
            index = top_indices(importance + self.noise * noise, kept)
            counts = counts + torch.zeros_like(counts).scatter_(1, index, 1.0)
        return counts / self.draws


class InclusionFrequency(torch.autograd.Function):
    """Share of draws that keep each segment: importance (N, T), noise (N, draws, T) -> (N, T).

    With S_n the segments that draw n keeps and G the gradient with respect to the frequencies, that of the importance
    of segment u is, times 1 / (draws * sigma):

        swapped    sum over n of [u in S_n] * sum over t of noise_{n,t} G_t           (official code)
        textbook   sum over n of noise_{n,u} * sum over t in S_n of G_t               (perturbed optimisers)
    """

    @staticmethod
    def forward(ctx: Any, importance: Tensor, noise: Tensor, kept: int, sigma: float, swapped: bool) -> Tensor:
        """Keep the `kept` largest of importance plus sigma times noise in each draw."""
        index = top_indices(importance.unsqueeze(1) + sigma * noise, kept)
        chosen = torch.zeros_like(noise, dtype=torch.bool).scatter_(-1, index, True)
        ctx.save_for_backward(chosen, noise)
        ctx.sigma, ctx.swapped = sigma, swapped
        return chosen.to(importance.dtype).mean(1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return the estimate; draws are kept as bits, not as indicators of places."""
        chosen, noise = ctx.saved_tensors
        among, weighed = (noise, chosen.to(noise)) if ctx.swapped else (chosen.to(noise), noise)
        of_draws = among @ grads[0].unsqueeze(-1)  # (N, draws, 1)
        return (of_draws * weighed).sum(1) / (noise.shape[1] * ctx.sigma), None, None, None, None
