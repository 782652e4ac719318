"""What is worth knowing of a trained method beside its scores, from its own training videos."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

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
    f"(rank correlation below {LEAST_FOLLOWED} within training videos)"
)
MOST_LETTERS = 200
"""Of what somebody else's method says."""
VIDEOS = 16
"""Of each class that a method is asked about, spread over all."""


def remarks_on(method: Method, normal: BagSet, abnormal: BagSet, device: torch.device) -> tuple[str, ...]:
    """Say what a trained method has not learned of the pseudo-labels that it was given; see `Method.diagnostics`.

    A method whose diagnostics fail keeps its run, with the reason.
    """
    if normal.motion is None:
        return ()
    asked = [bags.take(_spread(len(bags.video_ids)), device) for bags in (normal, abnormal)]
    features = torch.cat([bags.features for bags in asked])
    motion = torch.cat([bags.motion for bags in asked if bags.motion is not None])
    training = method.training
    try:
        with torch.no_grad():
            found = check_diagnosed(method.eval().diagnostics(features), features, method.features)
    except NOT_THEIRS:
        raise
    except BaseException as error:  # somebody else's method
        return (printable(f"its diagnostics failed: {describe(error)}"[:MOST_LETTERS]),)
    finally:
        method.train(training)
    predicted = found.predictions.get("motion")
    return () if predicted is None or _follows(predicted, motion) else (NOT_FOLLOWED,)


def _follows(predicted: Tensor, motion: Tensor) -> bool:
    """Return whether one (videos, T) follows the other, where the other varies; what is constant follows nothing."""
    one, other = (values.double().cpu().numpy() for values in (predicted, motion))
    varies = other.std(axis=1) > 0
    return not varies.any() or rank_correlation(one[varies], other[varies]) >= LEAST_FOLLOWED


def _spread(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.linspace(0, count - 1, min(VIDEOS, count)).round().astype(np.int64)
