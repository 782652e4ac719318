"""Motion intensity and object scores: as stored, or from the raw features where there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.appearance import appearance_classes
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Video
from benchmark.system.errors import InputError

RowsOf = Callable[[Video], NDArray[np.float32]]
"""Gives the pseudo-label of a video, one row per row of its features."""

DEVIATIONS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("motion", "feature-difference"): "DEV-INT-DIFF",
        ("motion", "none"): "DEV-INT-NONE",
        ("objects", "soft-kmeans"): "DEV-OBJ-SOFT",
        ("objects", "none"): "DEV-OBJ-NONE",
        ("classes", "none"): "DEV-CLASS-NONE",
        ("class_vectors", "random"): "DEV-VECTORS-RANDOM",
        ("class_vectors", "none"): "DEV-VECTORS-NONE",
    }
)
"""(input, source) -> id of the deviation from a paper that measures motion, detects objects, knows classes, or encodes
their names."""

_PERCENTILE = 99


def pseudo_labels(dataset: Dataset, sources: Mapping[str, str]) -> dict[str, RowsOf]:
    """Return the function for each pseudo-label that has a source, by the name of the input.

    Parameters
    ----------
    sources
        Source of each input, `benchmark.api.FeatureSpec.sources`; one that is ``none`` is left out, and so are classes.
    """
    makers = {"motion": motion_source, "objects": object_source}
    return {name: make(dataset, sources[name]) for name, make in makers.items() if sources.get(name, "none") != "none"}


def motion_source(dataset: Dataset, source: str) -> RowsOf:
    """Return the function that gives a video's motion intensity in [0, 1], shape (rows,).

    Parameters
    ----------
    source
        ``given``, the stored values, divided by the 99th percentile of the training rows if a training
        value exceeds 1; or ``feature-difference``, the change of the features from row to row, divided by
        that percentile (DEV-INT-DIFF). Both are clipped to [0, 1].

    Raises
    ------
    InputError
        If the source is not known, or the dataset has no motion to be given.
    """

    def given(video: Video) -> NDArray[np.float32]:
        return np.asarray(dataset.motion(video), np.float32)

    def difference(video: Video) -> NDArray[np.float32]:
        return feature_difference(dataset.frame_features(video))

    if source not in ("given", "feature-difference"):
        raise InputError(f"motion: {source!r} is not a source; choose given or feature-difference")
    if source == "given" and not dataset.manifest.motion:
        raise InputError(f"{dataset.name}: no motion intensities; import with --motion, or choose another source")
    raw = given if source == "given" else difference
    train = np.concatenate([np.zeros(0, np.float32), *map(raw, dataset.manifest.split("train"))])
    scaled = train.size > 0 and (source != "given" or train.max() > 1)
    scale = np.percentile(train, _PERCENTILE) if scaled else 1.0
    divisor = np.float32(scale if scale > 0 else 1.0)  # nothing moves in training
    return lambda video: np.clip(raw(video) / divisor, 0, 1)


def object_source(dataset: Dataset, source: str) -> RowsOf:
    """Return the function that gives a video's object scores in [0, 1], shape (rows, object classes).

    Parameters
    ----------
    source
        ``given``, the stored scores; or ``soft-kmeans``, the appearance classes that a row looks like, see
        `AppearanceClasses` (DEV-OBJ-SOFT).

    Raises
    ------
    InputError
        If the source is not known, or the dataset has no objects to be given, or no training videos to
        cluster.
    """
    if source == "given":
        if not dataset.manifest.object_classes:
            raise InputError(f"{dataset.name}: no object scores; import with --objects, or choose another source")
        return lambda video: np.clip(np.asarray(dataset.objects(video), np.float32), 0, 1)
    if source != "soft-kmeans":
        raise InputError(f"objects: {source!r} is not a source; choose given or soft-kmeans")
    classes = appearance_classes(dataset)
    return lambda video: classes.scores(dataset.frame_features(video))


def count_object_classes(dataset: Dataset, source: str) -> int:
    """Return the number of object classes that a source gives, 0 for ``none``."""
    if source == "none":
        return 0
    return dataset.manifest.object_classes if source == "given" else len(appearance_classes(dataset).centres)


def is_informative(dataset: Dataset, source: str) -> bool:
    """Return whether there is something to learn from a source: of appearance classes it is measured, see there.

    A dataset without training videos teaches nothing, whatever the source.
    """
    measured = source == "soft-kmeans" and bool(dataset.manifest.split("train"))
    return not measured or appearance_classes(dataset).informative


def feature_difference(features: NDArray[Any]) -> NDArray[np.float32]:
    """Return the change from row to row, the mean over crops of |x_t - x_{t-1}| / (|x_t| + |x_{t-1}|).

    Parameters
    ----------
    features
        Shape (rows, crops, dim).

    Returns
    -------
    change
        Shape (rows,), in [0, 1]. The first row has the second's value, the only row of a video 0, equal
        rows 0.
    """
    change = np.zeros(len(features), np.float32)
    if len(features) < 2:
        return change
    for crop in range(features.shape[1]):
        x = features[:, crop].astype(np.float32)
        norms = np.linalg.norm(x, axis=1)
        total = norms[1:] + norms[:-1]
        distance = np.linalg.norm(np.diff(x, axis=0), axis=1)
        change[1:] += np.divide(distance, total, out=np.zeros_like(total), where=total > 0)
    change[0] = change[1]
    return change / np.float32(features.shape[1])
