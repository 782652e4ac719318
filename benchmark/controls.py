"""Controls of a test set: metrics of scores that say nothing, or that need no training, beside every result."""

from __future__ import annotations

import numpy as np

from benchmark.datasets import controls
from benchmark.datasets.manifest import Metric
from benchmark.datasets.store import Dataset
from benchmark.evaluation import Scores, pair_with_labels
from benchmark.metrics import average_precision, roc_auc
from benchmark.records import Controls

DRAWS = 100
"""Random scorings of whole videos that are averaged."""

METRICS = {"auc_frame": roc_auc, "ap_frame": average_precision}


def measure_controls(dataset: Dataset) -> Controls:
    """Measure the controls that a dataset allows, by its primary metric; reads the features of its test videos."""
    manifest = dataset.manifest
    videos, metric = manifest.split("test"), manifest.metric
    drawn = [{v.name: controls.random_per_video(v, draw) for v in videos} for draw in range(DRAWS)]
    values = {
        "constant score": _value(dataset, metric, {v.name: controls.constant(v) for v in videos}),
        "random score per video": float(np.mean([_value(dataset, metric, scores) for scores in drawn])),
        "feature norm": _value(dataset, metric, {v.name: controls.feature_norm(dataset, v) for v in videos}),
        "video length": _value(dataset, metric, {v.name: controls.video_length(v) for v in videos}),
    }
    motion = {v.name: given for v in videos if (given := dataset.motion(v)) is not None}
    if motion:
        values["motion intensity"] = _value(dataset, metric, motion)
    # A metric is undefined where all test frames are of one class.
    defined = {name: value for name, value in values.items() if np.isfinite(value)}
    return Controls(test_hash=manifest.test_hash(), metric=metric, values=defined)


def _value(dataset: Dataset, metric: Metric, scores: Scores) -> float:
    scored = pair_with_labels(dataset.manifest, scores)
    return METRICS[metric](scored.scores, scored.positive, scored.negative)
