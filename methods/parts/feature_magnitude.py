"""Learning by feature magnitude, as RTFM (Tian et al., ICCV 2021) and the methods built on its code do."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import MethodConfig
from methods.parts.layers import take_segments, top_indices
from methods.parts.losses import bag_cross_entropy, flat_smoothness, magnitude_hinge, magnitude_squared

__all__ = ["MagnitudeConfig", "magnitude_terms", "select_by_magnitude"]


class MagnitudeConfig(MethodConfig):
    """Settings of RTFM's loss terms, with the values of its code."""

    magnitude_margin: float = Field(100.0, gt=0, description="margin m of the magnitude loss")
    magnitude_weight: float = Field(1e-4, ge=0, description="weight of the magnitude loss")
    smoothness: float = Field(8e-4, ge=0, description="weight of temporal smoothness")
    sparsity: float = Field(8e-3, ge=0, description="weight of sparsity")


def select_by_magnitude(embedded: Tensor, dropout: nn.Dropout, k: int | None = None) -> Tensor:
    """Select the k segments of largest L2 norm, some left out at random by `dropout`.

    Parameters
    ----------
    embedded
        Features (videos, crops, T, D); norms are averaged over the crops.
    k
        max(1, T // 10) if None, and at most T.

    Returns
    -------
    index
        Shape (videos, k), largest first.
    """
    magnitudes = torch.linalg.vector_norm(embedded, dim=-1).mean(1)
    kept = dropout(torch.ones_like(magnitudes))
    return top_indices(magnitudes * kept, k or max(1, magnitudes.shape[1] // 10))


def magnitude_terms(
    logits: Tensor,
    embedded: Tensor,
    dropout: nn.Dropout,
    config: MagnitudeConfig,
    magnitude_loss: Literal["squared", "hinge"] = "squared",
) -> dict[str, Tensor]:
    """Return RTFM's weighted loss terms: mil, magnitude, smooth, sparse.

    Smoothness and sparsity concern abnormal videos only.

    Parameters
    ----------
    logits
        Of the scores, shape (2B, T), normal videos first.
    embedded
        Features whose magnitude is learned, shape (2B, crops, T, D).
    dropout
        Leaves segments out of the selection, see `select_by_magnitude`.
    """
    normal, abnormal = embedded.chunk(2)
    # The official code draws the abnormal videos' mask first.
    abnormal_index, normal_index = select_by_magnitude(abnormal, dropout), select_by_magnitude(normal, dropout)
    selected = logits.gather(1, torch.cat([normal_index, abnormal_index]))
    magnitude = magnitude_squared if magnitude_loss == "squared" else magnitude_hinge
    abnormal_scores = logits.chunk(2)[1].sigmoid()
    return {
        "mil": bag_cross_entropy(selected, mean_first=True),
        "magnitude": config.magnitude_weight
        * magnitude(
            take_segments(normal, normal_index), take_segments(abnormal, abnormal_index), config.magnitude_margin
        ),
        "smooth": config.smoothness * flat_smoothness(abnormal_scores),
        # One L2 norm over all scores of the batch, as in the code: neither a sum nor a mean.
        "sparse": config.sparsity * torch.linalg.vector_norm(abnormal_scores),
    }
