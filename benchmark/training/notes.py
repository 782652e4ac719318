"""What is worth noting of a trained method beside its scores, from its own training videos."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.api import Method
from benchmark.datasets.batches import BagSet
from benchmark.metrics.diagnosis import rank_correlation
from benchmark.plugins.diagnostics import check_diagnosed
from benchmark.system.errors import NOT_THEIRS, describe
from benchmark.system.names import printable

LEAST_FOLLOWED = 0.3
"""Rank correlation with the motion it learns from, within a video, below which a prediction does not follow it."""
NOT_FOLLOWED = (
    "the predicted motion hardly follows the motion that it learns from "
    f"(mean rank correlation within training videos below {LEAST_FOLLOWED} after the last step)"
)
VIDEOS = 16
"""Of each class that a method is asked about, spread over all."""
MOST_LETTERS = 200
"""Of what somebody else's method says."""

Floats = NDArray[np.float64]


def notes_on(method: Method, normal: BagSet, abnormal: BagSet, device: torch.device) -> tuple[str, ...]:
    """Say what a trained method has not learned of the pseudo-labels that it was given; see `Method.diagnostics`.

    A method whose diagnostics fail keeps its run, with the reason.
    """
    if normal.motion is None:
        return ()
    training = method.training
    try:
        with torch.no_grad():
            predicted, motion = _motion(method.eval(), normal, abnormal, device)
    except NOT_THEIRS:
        raise
    except BaseException as error:  # somebody else's method
        return (printable(f"its diagnostics failed: {describe(error)}"[:MOST_LETTERS]),)
    finally:
        method.train(training)
    return (NOT_FOLLOWED,) if predicted and _correlation(predicted, motion) < LEAST_FOLLOWED else ()


def _motion(
    method: Method, normal: BagSet, abnormal: BagSet, device: torch.device
) -> tuple[list[Floats], list[Floats]]:
    """Return the motion that a method predicts and what it learns from, (T,) of each video; it is asked about pairs."""
    predicted: list[Floats] = []
    known: list[Floats] = []
    for pair in zip(*(_spread(len(bags.video_ids)) for bags in (normal, abnormal)), strict=True):
        halves = [bags.take(at[None], device) for bags, at in zip((normal, abnormal), pair, strict=True)]
        features = torch.cat([half.features for half in halves])
        found = check_diagnosed(method.diagnostics(features), features, method.features).predictions
        if "motion" not in found:
            break
        predicted += list(found["motion"].double().cpu().numpy())
        known += [half.motion[0].double().cpu().numpy() for half in halves if half.motion is not None]
    return predicted, known


def _correlation(predicted: list[Floats], motion: list[Floats]) -> float:
    """Return the mean rank correlation over the videos in which something moves; a constant prediction has 0."""
    found = [
        np.nan_to_num(rank_correlation(one[None], other[None]))
        for one, other in zip(predicted, motion, strict=True)
        if other.std() > 0
    ]
    return float(np.mean(found)) if found else 1.0


def _spread(count: int) -> NDArray[np.int64]:
    """Return as many positions for each class, evenly spaced over its videos, more than once if they are few."""
    return np.linspace(0, count - 1, VIDEOS).round().astype(np.int64)
