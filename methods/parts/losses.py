"""Losses of the methods as pure functions: batched, any device, no loop over videos, crops or segments.

B is the number of videos per class, C of crops, T of segments, K of selected segments, D the feature size.
Wherever both halves of a batch are in one tensor, the B normal videos come first.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.parts.layers import mean_logit, unit_vectors

__all__ = [
    "CohesionScope",
    "DistancePairs",
    "add_total",
    "bag_cross_entropy",
    "cohesion",
    "compactness",
    "cosine",
    "dispersion",
    "flat_smoothness",
    "hinge_all_pairs",
    "hinge_paired",
    "magnitude_hinge",
    "magnitude_squared",
    "reconstruction_error",
    "relative_distance",
    "score_variance",
    "smoothness",
]

CohesionScope = Literal["video", "batch"]
DistancePairs = Literal["paired", "all-pairs"]


def add_total(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put ``"loss"``, the sum of the terms as given (already weighted), before them."""
    return {"loss": torch.stack(list(terms.values())).sum(), **terms}


def hinge_paired(normal: Tensor, abnormal: Tensor) -> Tensor:
    """Ranking hinge of video i against video i, averaged: mean_i max(0, 1 - a_i + n_i), (B), (B) -> ().

    Source: the paper of Sultani et al. 2018, for a batch of pairs.
    """
    return F.relu(1 - abnormal + normal).mean()


def hinge_all_pairs(normal: Tensor, abnormal: Tensor) -> Tensor:
    """Ranking hinge of all pairs, summed over abnormal and averaged over normal videos, (B), (B) -> ().

    Source: the code of Sultani et al. 2018. About B times `hinge_paired`.
    """
    return F.relu(1 - abnormal[None] + normal[:, None]).sum(1).mean()


def smoothness(scores: Tensor) -> Tensor:
    """Squared differences of neighbouring scores, per video, (…, T) -> (…). Source: Sultani et al. 2018."""
    return scores.diff(dim=-1).square().sum(-1)


def flat_smoothness(scores: Tensor) -> Tensor:
    """`smoothness` of all videos laid end to end, across their borders: (B, T) -> (). Source: RTFM's code."""
    return smoothness(scores.flatten())


def bag_cross_entropy(logits: Tensor, mean_first: bool) -> Tensor:
    """Binary cross-entropy of selected scores against their videos' labels, averaged.

    Parameters
    ----------
    logits
        Logits of the scores of each video's selected segments, shape (2B, K), normal videos first.
    mean_first
        True: one cross-entropy per video, of its mean score (RTFM). False: one per score (CLAV, Eq. 9;
        DMIL); never smaller.
    """
    if mean_first:
        logits = mean_logit(logits, -1)
    labels = torch.zeros_like(logits)
    labels[len(logits) // 2 :] = 1
    return F.binary_cross_entropy_with_logits(logits, labels)


def magnitude_squared(normal: Tensor, abnormal: Tensor, margin: float) -> Tensor:
    """RTFM's magnitude loss as in its code: mean of (|margin - ||mean_k a||| + ||mean_k n||)^2.

    Parameters
    ----------
    normal, abnormal
        Selected features, shape (…, K, D); entries at the same place in the two are paired.
    margin
        Magnitude that abnormal features are drawn to.
    """
    normal_size, abnormal_size = (torch.linalg.vector_norm(x.mean(-2), dim=-1) for x in (normal, abnormal))
    loss: Tensor = ((margin - abnormal_size).abs() + normal_size).square().mean()
    return loss


def magnitude_hinge(normal: Tensor, abnormal: Tensor, margin: float) -> Tensor:
    """RTFM's magnitude loss as in its paper: mean of max(0, margin - g_a + g_n), g the mean of the K norms.

    Shapes as in `magnitude_squared`.
    """
    normal_size, abnormal_size = (torch.linalg.vector_norm(x, dim=-1).mean(-1) for x in (normal, abnormal))
    return F.relu(margin - abnormal_size + normal_size).mean()


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine similarity along the last axis, broadcasting: (…, D), (…, D) -> (…); 0 for a zero vector."""
    return (unit_vectors(a) * unit_vectors(b)).sum(-1)


def cohesion(features: Tensor, diagonal: bool = True) -> Tensor:
    """Mean cosine similarity between the segments of a video, C_n of CLAV (Eq. 5): (…, T, D) -> (…).

    Parameters
    ----------
    features
        Features, shape (…, T, D).
    diagonal
        True as printed: over all T^2 pairs, which is ||mean of the unit vectors||^2 and lies in [0, 1].
        False: without the pairs of a segment with itself; of a single segment there is then no pair, and
        the result is 1.
    """
    units = unit_vectors(features)
    if diagonal:
        return units.mean(-2).square().sum(-1)
    length = units.shape[-2]
    if length == 1:
        return torch.ones_like(units[..., 0, 0])
    return (units.sum(-2).square().sum(-1) - units.square().sum((-2, -1))) / (length * (length - 1))


def relative_distance(
    normal: Tensor,
    normal_top: Tensor,
    abnormal_top: Tensor,
    margin: float,
    pairs: DistancePairs = "paired",
    scope: CohesionScope = "video",
    diagonal: bool = True,
) -> Tensor:
    """CLAV's relative distance loss (Eq. 5-7): mean of max(C_top + margin - C_n, 0) + (1 - C_n), per crop.

    Parameters
    ----------
    normal
        Features of all segments of the normal videos, shape (B, C, T, D).
    normal_top, abnormal_top
        Features of the top-K segments, shape (B, C, K, D); C_top is the cosine of their means over K.
    margin
        By how much C_top must stay below C_n.
    pairs
        ``"paired"``: normal video i with abnormal video i. ``"all-pairs"``: each with each.
    scope
        C_n over the segments of each normal ``"video"``, or of all normal videos of the ``"batch"`` together.
    diagonal
        See `cohesion`.
    """
    normal_mean, abnormal_mean = normal_top.mean(2), abnormal_top.mean(2)
    within = cohesion(normal if scope == "video" else normal.transpose(0, 1).flatten(1, 2)[None], diagonal)
    if pairs == "all-pairs":
        within, normal_mean, abnormal_mean = within[:, None], normal_mean[:, None], abnormal_mean[None]
    between = cosine(normal_mean, abnormal_mean)
    return (F.relu(between + margin - within) + (1 - within)).mean()


def reconstruction_error(
    reconstructed: Tensor, target: Tensor, reduction: Literal["mean", "sum"] = "mean", detach: bool = False
) -> Tensor:
    """L1 error of reconstructed features (CLAV, Eq. 4), (…, D), (…, D) -> ().

    Parameters
    ----------
    reconstructed, target
        Decoded and original features, shape (…, D).
    reduction
        ``"mean"`` over all elements, or the ``"sum"`` over D averaged over the rest.
    detach
        Whether the target passes no gradient.
    """
    error = (reconstructed - (target.detach() if detach else target)).abs()
    return error.mean() if reduction == "mean" else error.sum(-1).mean()


def compactness(features: Tensor, centre: Tensor) -> Tensor:
    """Half the mean squared distance to a centre, mean of ||x - c||^2 / 2: (…, D), (D) -> ().

    Source: the centre loss (Wen et al., ECCV 2016) of a single class; CTR (reconstructed).
    """
    return (features - centre).square().sum(-1).mean() / 2


def dispersion(top: Tensor, bottom: Tensor, centre: Tensor, margin: float) -> Tensor:
    """Push abnormal features away from the normal centre and draw the normal ones of their videos to it, -> ().

    Mean of max(0, margin - ||x - c||) over `top`, plus `compactness` of `bottom`. Source: CTR (reconstructed).

    Parameters
    ----------
    top, bottom
        Features of the abnormal videos' segments of highest and of lowest scores, shape (…, D).
    centre
        Centre c of the normal features, shape (D).
    margin
        Distance from which on a feature is far enough.
    """
    # Its gradient has length 1, and is 0 where a feature lies on the centre.
    distance = torch.linalg.vector_norm(top - centre, dim=-1)
    return F.relu(margin - distance).mean() + compactness(bottom, centre)


def score_variance(scores: Tensor, unbiased: bool = True) -> Tensor:
    """Variance of each video's scores, (…, T) -> (…); 0 for a single segment.

    Parameters
    ----------
    scores
        Scores, shape (…, T).
    unbiased
        True: divided by T - 1 (AR-Net's code). False: by T, the mean squared distance of the scores to their own
        mean, which is the centre loss of Wan et al., ICME 2020.
    """
    length = scores.shape[-1]
    squares = (scores - scores.mean(-1, keepdim=True)).square().sum(-1)
    return squares / (max(1, length - 1) if unbiased else length)
