"""Appearance classes, in the place of detected objects: which clusters of the training videos a row looks like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.input_stage import unit_length
from benchmark.datasets.manifest import Video
from benchmark.system.errors import InputError

_CLASSES = 80  # as many as the object classes of COCO
_ROWS = 8
"""Evenly spaced over a training video: so many of it are read to find the classes."""
_DIGITS = 6
"""To which means are compared: below it is rounding."""
_LEAST_INFORMATION = 0.05


@dataclass(frozen=True)
class AppearanceClasses:
    """Clusters of the training videos, and what it tells of a row to which of them it is near.

    Attributes
    ----------
    centres
        Means of the clusters, (classes, dim).
    scale
        What squared distances are divided by: the median gap between a training row's nearest and second nearest
        centre, so that for half of the rows the nearest one has e times the score of any other, or more. 0 where all
        rows are alike, which then have equal scores.
    information
        What the scores say about a training row, as a share of what the certain class of each row would: the entropy of
        the mean scores less the mean entropy of the scores, over log(classes).
    """

    centres: NDArray[np.float64]
    scale: float
    information: float

    @property
    def informative(self) -> bool:
        """Whether there is something to be learned from the scores."""
        return self.information >= _LEAST_INFORMATION

    def scores(self, features: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return the softmax of the squared distances over minus the scale, (rows, crops, dim) -> (rows, classes)."""
        return _softmax(_distances(_look(features), self.centres), self.scale).astype(np.float32)


def appearance_classes(dataset: Dataset) -> AppearanceClasses:
    """Find the appearance classes of a dataset, once in a process.

    The mean of some rows of each training video, at unit length, is clustered by k-means into 80 classes, or as many as
    there are different means.

    Raises
    ------
    InputError
        If there are no training videos.
    """
    return _find(dataset.path, dataset.manifest.train_hash())


@lru_cache(maxsize=16)
def _find(path: Path, train_hash: str) -> AppearanceClasses:
    """Find the classes of the dataset in a folder; its hash tells it from what was there before."""
    from sklearn.cluster import KMeans  # slow to import, and only this fallback needs it

    dataset = Dataset(path)
    videos = dataset.manifest.split("train")
    if not videos:
        raise InputError(f"{dataset.name}: no training videos to cluster; choose another source of objects")
    looks = [_look(_spaced(dataset, video)) for video in videos]
    means = unit_length(np.stack([rows.mean(axis=0) for rows in looks]))
    count = min(_CLASSES, len(np.unique(means.round(_DIGITS), axis=0)))
    # The bits depend on the number of threads.
    with threadpool_limits(limits=1):
        fitted = KMeans(n_clusters=count, n_init=1, random_state=0).fit(means)
        distances = _distances(np.concatenate(looks), fitted.cluster_centers_)
    nearest = np.sort(distances, axis=1)
    scale = float(np.median(nearest[:, 1] - nearest[:, 0])) if count > 1 else 0.0
    return AppearanceClasses(fitted.cluster_centers_, scale, _information(_softmax(distances, scale)))


def _spaced(dataset: Dataset, video: Video) -> NDArray[np.float16]:
    return dataset.frame_features(video)[
        np.linspace(0, video.rows - 1, min(_ROWS, video.rows)).round().astype(np.int64)
    ]


def _look(features: NDArray[np.float16]) -> NDArray[np.float64]:
    """Return the rows' mean over crops at unit length."""
    return unit_length(features.mean(axis=1, dtype=np.float64))


def _distances(rows: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(rows, centres, "sqeuclidean"))


def _softmax(distances: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    from scipy.special import softmax

    scores: NDArray[np.float64] = softmax(-distances / scale if scale > 0 else np.zeros_like(distances), axis=1)
    return scores


def _information(scores: NDArray[np.float64]) -> float:
    from scipy.stats import entropy

    classes = scores.shape[1]
    if classes < 2:
        return 0.0
    return float((entropy(scores.mean(axis=0)) - entropy(scores, axis=1).mean()) / np.log(classes))
