"""Thresholds that were not chosen on the test: from the normal training videos that a run has held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from benchmark.datasets.batches import hold_out
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import snippet_labels
from benchmark.datasets.manifest import Video
from benchmark.datasets.official import frame_rate
from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import RATES, lowest_threshold
from benchmark.metrics.frame import ScoredVideos
from benchmark.plugins.pipelines import Pipeline
from benchmark.runs.records import ChosenThresholds, RunRecord, evaluation_key, thresholds_name
from benchmark.runs.store import RunStore
from benchmark.system.errors import NOT_THEIRS, describe
from benchmark.system.process import one_thread
from benchmark.terms import Selection
from benchmark.training.jobs import Job
from benchmark.training.numerics import use_float32
from benchmark.training.scoring import Scores, score_videos
from benchmark.training.trained_methods import load_trained


def choose_missing_thresholds(jobs: Sequence[Job], join: float, store: RunStore) -> Iterator[str]:
    """Choose the thresholds of those runs of some jobs that are stored; say in a line which run has none and why.

    Parameters
    ----------
    join
        Seconds between two alarms that are taken as one.
    """
    use_float32()
    for job in jobs:
        record = store.record(job.spec.key)
        if record is None or not record.spec.holdout or record.spec.shuffled_labels:
            continue
        try:
            with one_thread():
                _choose(job, record, join, store)
        except NOT_THEIRS:
            raise
        except BaseException as error:  # somebody else's method
            spec = record.spec
            yield f"{spec.name} on {spec.dataset}, {spec.instance}: no threshold: {describe(error)}"


def _choose(job: Job, record: RunRecord, join: float, store: RunStore) -> None:
    dataset = Dataset(job.dataset)
    device = torch.device(job.device if torch.cuda.is_available() else "cpu")
    for selection in record.selections(dataset.manifest.test_hash()):
        thresholds_of(record, selection, job.pipeline, dataset, store, device, join)


def thresholds_of(
    record: RunRecord,
    selection: Selection,
    pipeline: Pipeline,
    dataset: Dataset,
    store: RunStore,
    device: torch.device,
    join: float = 0.0,
) -> ChosenThresholds:
    """Return the thresholds of a run with held-out training videos; they are chosen unless they are stored.

    Parameters
    ----------
    dataset
        What it was trained on.
    join
        Seconds between two alarms that are taken as one.
    """
    manifest, fps = dataset.manifest, frame_rate(dataset.manifest).fps
    name = thresholds_name(record, selection, fps, join)
    if (stored := store.derived("thresholds", name, ChosenThresholds)) is not None:
        return stored
    videos = held_out_normal(record, dataset)
    model = load_trained(record, record.selected[selection], pipeline, store, device)
    scores = score_videos(model, dataset, videos, record.spec.training, device)
    evaluation = evaluation_key(record.key, selection, manifest.test_hash())
    chosen = choose_thresholds(videos, scores, manifest.stride, fps, join)
    store.write_derived("thresholds", name, chosen, [(record.key, evaluation)])
    return chosen


def held_out_normal(record: RunRecord, dataset: Dataset) -> list[Video]:
    """Return the normal training videos that a run has held out and that consist of snippets.

    A segment is of another length in each video, and no alarm of it lasts as long as a snippet's.
    """
    spec = record.spec
    _, held_out = hold_out(dataset.manifest.split("train"), spec.holdout, spec.seed, spec.fold)
    return [video for video in held_out if not video.label and video.unit == "snippets"]


def choose_thresholds(
    videos: Sequence[Video], scores: Scores, stride: int, fps: float, join: float
) -> ChosenThresholds:
    """Choose a threshold for each rate of false alarms on normal videos that consist of snippets."""
    if not videos:
        return ChosenThresholds(videos=0, hours=0.0, thresholds=dict.fromkeys(RATES))
    frames = [snippet_labels(_with_frames(video, stride), stride)[1] for video in videos]
    negative = np.concatenate(frames)
    scored = ScoredVideos(
        scores=np.concatenate([scores[video.name] for video in videos]).astype(np.float64),
        positive=np.zeros_like(negative),
        negative=negative,
        video=np.repeat(np.arange(len(videos)), [video.rows for video in videos]),
        labels=np.zeros(len(videos), dtype=np.int64),
        classes=((),) * len(videos),
        names=tuple(video.name for video in videos),
    )
    alarms = Alarms.find(scored, {}, fps, join)
    return ChosenThresholds(
        videos=len(videos),
        hours=alarms.normal_hours,
        thresholds={rate: lowest_threshold(alarms, rate) for rate in RATES},
    )


def _with_frames(video: Video, stride: int) -> Video:
    """Return a video of as many frames as its snippets stand for, where their number is not known."""
    return video if video.frames is not None else video.model_copy(update={"frames": video.rows * stride})
