"""MIST's scorer of segments, and the ranking that its generator of pseudo-labels learns by (Feng et al., CVPR 2021)."""

from __future__ import annotations

from torch import Tensor, nn

from methods.parts.layers import top_indices
from methods.parts.losses import hinge_all_pairs, smoothness

__all__ = ["make_regressor", "ranking_terms"]

PARTS = 32
"""Parts of a video in the official code, from which follow the T // 32 highest scores."""


def make_regressor(dim: int, dropout: float) -> nn.Sequential:
    """Make the scorer D-512-32-1, (…, D) -> (…, 1) in [0, 1]: Kaiming-normal weights, zero bias.

    No activation after the second layer: so in the authors' network.
    """
    drop = nn.Dropout(dropout)
    regressor = nn.Sequential(
        *(nn.Linear(dim, 512), nn.ReLU(), drop),
        *(nn.Linear(512, 32), drop),
        *(nn.Linear(32, 1), nn.Sigmoid()),
    )
    regressor.apply(_init_kaiming_normal)
    return regressor


def ranking_terms(
    scores: Tensor, smoothness_weight: float, sparsity: float, sub_bag: int | None = None
) -> dict[str, Tensor]:
    """Return the weighted terms hinge, smooth and sparse; the latter two concern abnormal videos only.

    Parameters
    ----------
    scores
        Scores of the segments, shape (2B, T), normal videos first.
    sub_bag
        None: the mean of the max(1, T // 32) highest scores stands for a video, as in the official code. A number: the
        highest mean of so many neighbouring segments does, as the paper has it; the last such part ends at T.
    """
    videos, length = scores.shape
    if sub_bag is None:
        highest = scores.gather(1, top_indices(scores, max(1, length // PARTS))).mean(1)
    else:
        part = min(sub_bag, length)
        means = scores.unfold(1, part, 1).mean(-1)
        # Parts lie end to end; the last one overlaps the one before it where they do not fill T.
        highest = means[:, ::part].amax(1).maximum(means[:, -1])
    abnormal = scores.chunk(2)[1]
    return {
        "hinge": hinge_all_pairs(*highest.chunk(2)) / (videos // 2),
        "smooth": smoothness_weight * smoothness(abnormal).mean() / max(1, length - 1),
        "sparse": sparsity * abnormal.mean(),
    }


def _init_kaiming_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(module.bias)
