"""How long runs will take: from those that are stored, or roughly from what they compute."""

from __future__ import annotations

import heapq
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from statistics import fmean

import torch

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest
from benchmark.runs.records import RunRecord
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.table_plan import TablePlan
from benchmark.system.machine import processor_name
from benchmark.system.process import one_thread
from benchmark.terms import Training
from benchmark.training.jobs import Job

START = 2.0
"""Seconds of a run beside its steps and the scoring: reading, and storing."""
SHARE = 0.7
"""Of the speed of large matrix products that steps and scoring reach: 29 methods together did on surveillance-fights;
some with many small layers reach a third of that."""


class Durations:
    """How long runs took, by what they are like."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[float, int]] = {}

    def learn(self, spec: RunSpec, seconds: float) -> None:
        """Take note of what a run took."""
        for kind in _kinds(spec):
            total, count = self._known.get(kind, (0.0, 0))
            self._known[kind] = total + seconds, count + 1

    def learn_record(self, record: RunRecord) -> None:
        """Take note of what a stored run took; one that was imported took no time here."""
        if not record.spec.imported:
            self.learn(record.spec, record.seconds)

    def of(self, spec: RunSpec, *others: tuple[Durations, float]) -> float | None:
        """Return what runs took on average that are most like one; None where there is none of its profile.

        Parameters
        ----------
        others
            Durations to ask where these know none that is as much alike, each with what they are multiplied by.
        """
        for kind in _kinds(spec):
            for durations, factor in ((self, 1.0), *others):
                if kind in durations._known:
                    total, count = durations._known[kind]
                    return factor * total / count
        return None


def expect_seconds(missing: Sequence[RunSpec], stored: Iterable[RunRecord], workers: int) -> float | None:
    """Expect how long missing runs take, `workers` side by side; None without a stored run of the profile.

    A run is expected to take what stored ones of its method, add-ons, dataset and steps took to train on average, else
    those of its method and add-ons, else all of its profile; of equally alike ones, those of this machine's processor.
    """
    here, elsewhere = Durations(), Durations()
    own = processor_name()
    for record in stored:
        (here if record.environment.processor == own else elsewhere).learn_record(record)
    expected = [here.of(spec, (elsewhere, 1.0)) for spec in missing]
    known = [seconds for seconds in expected if seconds is not None]
    return makespan(known, workers) if len(known) == len(expected) else None


def guess_seconds(plans: Iterable[TablePlan], jobs: Sequence[Job], workers: int) -> float | None:
    """Guess how long runs take from the multiply-adds that plans say of their methods; None where none says any.

    A step is three passes over a batch, and a test one over its snippets, at the speed of this machine's matrix
    products. A run whose plan does not say them is taken for one of the same method, or for the average one.
    """
    of_run = {
        key: count
        for plan in plans
        for row in plan.rows
        if row.card
        for dataset, count in row.card.multiply_adds.items()
        for key in row.runs[dataset]
    }
    of_method = {job.spec.method: of_run[job.spec.key] for job in jobs if job.spec.key in of_run}
    if not of_method:
        return None
    usual, rate = fmean(of_run.values()), SHARE * measure_rate()
    counts = [of_run.get(job.spec.key) or of_method.get(job.spec.method) or usual for job in jobs]
    manifests = {path: Dataset(path).manifest for path in {job.dataset for job in jobs}}
    rows = [_passed_rows(job.spec.training, manifests[job.dataset]) for job in jobs]
    return makespan((START + count * seen / rate for count, seen in zip(counts, rows, strict=True)), workers)


def measure_rate() -> float:
    """Measure the multiply-adds per second of matrix products on one thread."""
    size, products = 512, 8
    with one_thread(), torch.no_grad():
        matrix = torch.ones(size, size)
        started = time.perf_counter()
        for _ in range(products):
            torch.mm(matrix, matrix)
        return products * size**3 / (time.perf_counter() - started)


def _passed_rows(training: Training, manifest: Manifest) -> int:
    """Count the rows that a run's network sees, those of a step three times: forward once, and backward twice."""
    crops = training.crops_of(manifest.crops)
    in_step = 2 * training.batch_size * training.segments * (1 if training.draws_crops else crops)
    return 3 * training.steps * in_step + crops * sum(video.rows for video in manifest.split("test"))


def makespan(seconds: Iterable[float], places: int) -> float:
    """Return how long runs take together: the longest first, each in the place that is free first."""
    ends = [0.0] * places
    for duration in sorted(seconds, reverse=True):
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)


def likeness(spec: RunSpec) -> Hashable:
    """Return what the runs have in common that `Durations` expects to take as long as one."""
    return next(_kinds(spec))


def _kinds(spec: RunSpec) -> Iterator[Hashable]:
    """Iterate over what a run is like others by, most alike first."""
    method = spec.profile, spec.trial, spec.method, tuple(add_on.name for add_on in spec.add_ons)
    yield *method, spec.dataset, spec.training.steps
    yield method
    yield spec.profile
