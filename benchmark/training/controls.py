"""Controls of a test set: metrics of scores that say nothing, or that need no training, beside every result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets import untrained_scores
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import pair_with_labels
from benchmark.metrics.frame import average_precision, roc_auc
from benchmark.runs.records import Controls
from benchmark.runs.store import RunStore
from benchmark.system.files import writing_to
from benchmark.training.jobs import Job

DRAWS = 100
"""Random scorings of whole videos that are averaged."""

METRICS = {"auc_frame": roc_auc, "ap_frame": average_precision}


def measure_missing_controls(jobs: Sequence[Job], store: RunStore) -> None:
    """Measure the controls of the test sets of some jobs, where they are not stored yet.

    Raises
    ------
    InputError
        If the run store cannot be written.
    """
    for path in sorted({path for job in jobs for path in job.evaluate_on}):
        dataset = Dataset(path)
        if store.controls(dataset.manifest.test_hash()) is None:
            with writing_to(store.root, "--results"):
                store.write_controls(measure_controls(dataset))


def measure_controls(dataset: Dataset) -> Controls:
    """Measure the controls that a dataset allows, by its primary metric; reads the features of its test videos."""
    manifest = dataset.manifest
    videos, metric = manifest.split("test"), manifest.metric
    labelled = pair_with_labels(manifest, {v.name: untrained_scores.constant(v) for v in videos})

    def value(scores: Sequence[NDArray[np.float32]]) -> float:
        scored = replace(labelled, scores=np.concatenate(scores).astype(np.float64))
        return METRICS[metric](scored.scores, scored.positive, scored.negative)

    drawn = [value([untrained_scores.random_per_video(v, draw) for v in videos]) for draw in range(DRAWS)]
    values = {
        "constant score": value([untrained_scores.constant(v) for v in videos]),
        "random score per video": float(np.mean(drawn)),
        "feature norm": value([untrained_scores.feature_norm(dataset, v) for v in videos]),
        "video length": value([untrained_scores.video_length(v) for v in videos]),
    }
    motion = [given for v in videos if (given := dataset.motion(v)) is not None]
    if motion:
        values["motion intensity"] = value(motion)
    # A metric is undefined where all test frames are of one class.
    defined = {name: found for name, found in values.items() if np.isfinite(found)}
    return Controls(test_hash=manifest.test_hash(), metric=metric, values=defined)
