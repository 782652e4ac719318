"""Checks of a method's scores and embedding."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.api import Method, MethodError
from benchmark.plugins.add_ons import WithAddOns
from benchmark.plugins.contract.learning import CROPS, check_loss_terms, require_training
from benchmark.plugins.contract.probes import (
    DIM,
    SEGMENTS,
    ContractError,
    NotCheckedError,
    Sources,
    draw_features,
    score,
    shown,
)
from benchmark.plugins.contract.subject import Subject
from benchmark.plugins.diagnostics import check_diagnosed

SNIPPETS = (1, 2, 3, 4, 5, 7, 9, 10, 16, 31, 33, 100, 299, 300)
DIMS = (1, 7, 50, 64)
WAITS = "scores have to be right first."


def check_scores_of(method: Method, features: Tensor) -> None:
    """There is one score in [0, 1] per video and snippet."""
    with shown(f"when scoring features of shape {tuple(features.shape)}"):
        _check_are_scores(score(method, features), features)


def _check_are_scores(scores: object, features: Tensor) -> None:
    videos, crops, snippets, _ = features.shape
    expected = (videos, snippets)
    if not isinstance(scores, Tensor):
        raise ContractError(f"score() gave a {type(scores).__name__}. Return a tensor of shape {expected}.")
    if scores.shape != expected:
        raise ContractError(
            f"score() gave shape {tuple(scores.shape)}; expected {expected}, one score per video and snippet. "
            + _shape_cure(scores, expected, crops)
        )
    if scores.isnan().any():
        raise ContractError(
            f"score() gave NaN for {int(scores.isnan().sum())} of {scores.numel()} snippets. "
            "Look for a division by 0, the logarithm of 0, or a standard deviation of one value."
        )
    if not bool(((scores >= 0) & (scores <= 1)).all()):
        raise ContractError(
            f"score() gave values from {scores.min():.4g} to {scores.max():.4g}; scores lie in [0, 1]. "
            "End with sigmoid(), or divide a sum of scores by their number."
        )


def _shape_cure(scores: Tensor, expected: tuple[int, int], crops: int) -> str:
    if tuple(scores.shape) == (*expected, 1):
        return "Drop the last axis with squeeze(-1)."
    if tuple(scores.shape) == (expected[0], crops, expected[1]):
        return "Take the mean over the crops, with mean(1)."
    if scores.ndim != len(expected):
        return f"It has {scores.ndim} axes where 2 are due; reduce or squeeze by the axis's number."
    return "Keep the first axis for videos and the second for snippets, and as many of both as came in."


def check_scores(subject: Subject, sources: Sources) -> None:
    """Each video and snippet gets a score in [0, 1]."""
    check_scores_of(subject.trained(sources), draw_features(2, 1, SEGMENTS))


def require_scores(subject: Subject, sources: Sources) -> None:
    """Raise NotCheckedError where the scores of the usual features are broken: nothing else means anything then."""
    try:
        check_scores_of(subject.build(sources).eval(), draw_features(2, 1, SEGMENTS))
    except ContractError:
        raise NotCheckedError(WAITS) from None


def check_crops(subject: Subject, sources: Sources) -> None:
    """Scores may come from any number of crops."""
    require_scores(subject, sources)
    method = subject.trained(sources)
    for count in CROPS:
        check_scores_of(method, draw_features(2, count, SEGMENTS))


def check_snippets(subject: Subject, sources: Sources) -> None:
    """Videos of any number of snippets can be scored."""
    require_scores(subject, sources)
    method = subject.trained(sources)
    for length in SNIPPETS:
        check_scores_of(method, draw_features(1, 1, length))


def check_feature_sizes(subject: Subject, sources: Sources) -> None:
    """Features may have any size."""
    require_training(subject, sources)
    require_scores(subject, sources)
    for dim in (dim for dim in DIMS if dim >= len(subject.method.parts)):
        with shown(f"with features of size {dim}, where others had {DIM}; features.dim says the size"):
            check_loss_terms(subject, sources, steps=1, dim=dim)
            check_scores_of(subject.build(sources, dim=dim).eval(), draw_features(2, 1, SEGMENTS, dim=dim))


def check_blank_scores(subject: Subject, sources: Sources) -> None:
    """Features of all zeros, as black frames may give, get scores too."""
    require_scores(subject, sources)
    with shown("all zeros, as of black frames"):
        check_scores_of(subject.trained(sources), torch.zeros(1, 1, SEGMENTS, DIM))


def check_crop_order(subject: Subject, sources: Sources) -> None:
    """The order of the crops does not matter."""
    method, features = subject.trained(sources), draw_features(2, 5, SEGMENTS)
    usual, mixed = score_to_compare(method, features), score_to_compare(method, features[:, [3, 1, 4, 0, 2]])
    if not are_close(usual, mixed):
        raise ContractError(
            f"scores change by up to {largest(usual - mixed):.3g} when the crops come in another order. "
            "Treat all crops alike, and take their mean."
        )


def check_videos_do_not_mix(subject: Subject, sources: Sources) -> None:
    """A video scored alone gets the scores it gets in a batch."""
    method, features = subject.trained(sources), draw_features(4, 2, SEGMENTS)
    together = score_to_compare(method, features)
    alone = torch.cat([score_to_compare(method, video[None]) for video in features])
    if not are_close(together, alone):
        raise ContractError(
            f"a video's scores change by up to {largest(together - alone):.3g} when other videos are scored with it. "
            "Normalise within a video, and look at view() and reshape(): axis 0 is videos, axis 1 crops."
        )


def check_embedding(subject: Subject, sources: Sources) -> None:
    """An embedding, where there is one, has a finite vector per video and snippet."""
    method = subject.trained(sources)
    inner = method.method if isinstance(method, WithAddOns) else method
    if type(inner).embed is Method.embed:
        return
    features = draw_features(2, 1, SEGMENTS)
    with torch.no_grad():
        embedded: object = method.embed(features)
    if not isinstance(embedded, Tensor):
        raise ContractError(f"embed() gave a {type(embedded).__name__}. Return a tensor (videos, snippets, any).")
    if embedded.ndim != 3 or embedded.shape[:2] != (2, SEGMENTS):
        raise ContractError(
            f"embed() gave shape {tuple(embedded.shape)} for features of shape {tuple(features.shape)}; expected "
            f"(2, {SEGMENTS}, any), a vector per video and snippet. Take the mean over the crops, with mean(1)."
        )
    if not torch.isfinite(embedded).all():
        raise ContractError("embed() gave values that are not finite. Look for a division by 0 or the logarithm of 0.")


def check_diagnostics(subject: Subject, sources: Sources) -> None:
    """Diagnostics, where there are some, are finite tensors of the shapes that their kinds have."""
    method, features = subject.trained(sources), draw_features(3, 2, SEGMENTS)
    with torch.no_grad():
        found: object = method.diagnostics(features)
    try:
        check_diagnosed(found, features, method.features)
    except MethodError as error:
        raise ContractError(f"{error}. See `Diagnostics` in benchmark.api.") from None


def score_to_compare(method: Method, features: Tensor) -> Tensor:
    """Score features to compare the scores with others.

    Raises
    ------
    NotCheckedError
        If their shape is wrong already, or the same features get other scores when they are scored again.
    """
    scores = score_or_wait(method, features.clone())
    if not torch.equal(scores.nan_to_num(), score_or_wait(method, features.clone()).nan_to_num()):
        raise NotCheckedError("scores have to be the same for the same features first.")
    return scores


def score_or_wait(method: Method, features: Tensor) -> Tensor:
    """Score features; raise NotCheckedError where the shape of the scores is wrong already."""
    scores: object = score(method, features)
    if not isinstance(scores, Tensor) or scores.shape != (features.shape[0], features.shape[2]):
        raise NotCheckedError(WAITS)
    return scores


def are_close(first: Tensor, second: Tensor) -> bool:
    """Return whether two scorings agree as far as float32 does when it sums in another order."""
    return torch.allclose(first, second, rtol=1e-4, atol=1e-5, equal_nan=True)


def largest(difference: Tensor) -> float:
    """Return the largest size of a difference."""
    return float(difference.abs().nan_to_num().max())
