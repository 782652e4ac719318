"""How fast methods score on one core: a pass over test videos that is made to measure it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch

from benchmark.api import Method
from benchmark.datasets.dataset import Dataset
from benchmark.runs.records import RunRecord, evaluation_key
from benchmark.runs.scoring_speed import ScoringSpeed, speed_name
from benchmark.runs.store import RunStore
from benchmark.system.errors import NOT_THEIRS, describe
from benchmark.system.machine import processor_name
from benchmark.system.process import one_thread
from benchmark.terms import Training
from benchmark.training.jobs import Job
from benchmark.training.numerics import use_float32
from benchmark.training.scoring import score_videos
from benchmark.training.trained_methods import load_trained

MOST_ROWS = 4_000
"""Snippets after which no further test video is added to a pass: it says nothing new, and others wait."""


def measure_missing_speeds(jobs: Sequence[Job], store: RunStore) -> Iterator[str]:
    """Measure how fast the runs of some jobs score, one run per configuration; say which could not and why."""
    use_float32()
    for job in jobs:
        record = store.record(job.spec.key)
        if record is None or record.spec.shuffled_labels:
            continue
        try:
            _measure(job, record, store)
        except NOT_THEIRS:
            raise
        except BaseException as error:  # somebody else's method
            spec = record.spec
            yield f"{spec.name} on {spec.dataset}, {spec.instance}: speed not measured: {describe(error)}"


def _measure(job: Job, record: RunRecord, store: RunStore) -> None:
    dataset = Dataset(job.dataset)
    test_hash = dataset.manifest.test_hash()
    name = speed_name(record.spec, test_hash)
    if store.derived("speeds", name, ScoringSpeed) is not None or not dataset.manifest.split("test"):
        return
    model = load_trained(record, record.selected["last"], job.pipeline, store, torch.device("cpu"))
    speed = measure_speed(model, dataset, record.spec.training)
    store.write_derived("speeds", name, speed, [(record.key, evaluation_key(record.key, "last", test_hash))])


def measure_speed(model: Method, dataset: Dataset, settings: Training) -> ScoringSpeed:
    """Measure how long one thread takes to score test videos: about 4,000 snippets of them, or all.

    Processor time is taken and not the time on the clock: other work on the machine and waiting for the disk do not
    count, making the input of the stored features does. One video is scored before, so that nothing is done for the
    first time.
    """
    videos = dataset.manifest.split("test")
    before = [0, *accumulate(video.rows for video in videos)]
    videos = tuple(video for video, rows in zip(videos, before, strict=False) if rows < MOST_ROWS)
    cpu = torch.device("cpu")
    with one_thread():
        score_videos(model, dataset, videos[:1], settings, cpu)
        started = time.thread_time()
        score_videos(model, dataset, videos, settings, cpu)
        seconds = time.thread_time() - started
    return ScoringSpeed(
        snippets=sum(video.rows for video in videos),
        seconds=seconds,
        processor=processor_name(),
        torch=torch.__version__,
    )
