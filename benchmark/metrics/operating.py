"""What a threshold gives, frame by frame: rates of true and of false alarms, and precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.ranking import Floats, Ints


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """Frames in alarm at some thresholds: those of snippets that score at least as much.

    Attributes
    ----------
    true_positive_rate, false_positive_rate
        Share of the abnormal and of the normal frames in alarm, (thresholds,); nan without frames of the kind.
    precision
        Share of the frames in alarm that are abnormal, (thresholds,); nan where none is in alarm.
    """

    true_positive_rate: Floats
    false_positive_rate: Floats
    precision: Floats


def operating_points(scored: ScoredVideos, thresholds: Floats) -> OperatingPoints:
    """Return what each of some thresholds, (thresholds,), gives on all frames of the videos."""
    order = np.argsort(scored.scores)
    first = np.searchsorted(scored.scores[order], thresholds, side="left")
    positive, negative = (_at_or_above(frames[order], first) for frames in (scored.positive, scored.negative))
    with np.errstate(invalid="ignore"):
        return OperatingPoints(
            positive / scored.positive.sum(), negative / scored.negative.sum(), positive / (positive + negative)
        )


def _at_or_above(frames: Ints, first: NDArray[np.intp]) -> Floats:
    """Return how many frames there are from each of some places on."""
    from_here = np.append(np.cumsum(frames[::-1])[::-1], 0)
    return np.asarray(from_here[first], dtype=np.float64)
