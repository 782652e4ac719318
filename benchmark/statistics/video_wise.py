"""How two methods differ on one test set, beyond the metric: class by class, and video by video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.frame import ScoredVideos
from benchmark.statistics.bootstrap import FramePairs
from benchmark.statistics.class_wise import ClassGap, class_gaps
from benchmark.system.frozen import FrozenModel

MOST_VIDEOS = 5
"""Videos that are named each way."""


class VideoGap(FrozenModel):
    """A test video that one of two methods ranks better.

    Attributes
    ----------
    classes
        Its abnormal classes; none for a normal video.
    one, other
        Share of the pairs of frames that it is part of which each method orders rightly, mean over seeds; see
        `benchmark.statistics.bootstrap.FramePairs.ranked_rightly`.
    """

    name: str
    classes: tuple[str, ...]
    one: float
    other: float

    @property
    def gap(self) -> float:
        """The first method's share less the other's."""
        return self.one - self.other


class Contrast(FrozenModel):
    """The method that a table is about against another one, on one dataset.

    Attributes
    ----------
    dataset, other
        Where, and the label of the other method.
    classes
        Differences by class, where classes are known.
    better, worse
        The videos that the first method ranks better, and worse, than the other; the largest differences first.
    """

    dataset: str
    other: str
    classes: tuple[ClassGap, ...]
    better: tuple[VideoGap, ...]
    worse: tuple[VideoGap, ...]


def contrast(dataset: str, label: str, one: Sequence[ScoredVideos], other: Sequence[ScoredVideos]) -> Contrast:
    """Compare two methods by class and by video, given their scored test videos, one per seed."""
    videos = one[0]
    shares = [
        np.mean([FramePairs.count(scored).ranked_rightly() for scored in seeds], axis=0).tolist()
        for seeds in (one, other)
    ]
    gaps = [
        VideoGap(name=name, classes=classes, one=a, other=b)
        for name, classes, a, b in zip(videos.names, videos.classes, *shares, strict=True)
        if a != b and np.isfinite(a) and np.isfinite(b)
    ]
    ordered = sorted(gaps, key=lambda video: video.gap)
    return Contrast(
        dataset=dataset,
        other=label,
        classes=tuple(class_gaps(one, other)),
        better=tuple(video for video in ordered[: -MOST_VIDEOS - 1 : -1] if video.gap > 0),
        worse=tuple(video for video in ordered[:MOST_VIDEOS] if video.gap < 0),
    )
