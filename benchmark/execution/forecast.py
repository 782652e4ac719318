"""How long runs will take, from those that are stored."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from statistics import fmean

from benchmark.runs.records import RunRecord, RunSpec


def expect_seconds(missing: Sequence[RunSpec], stored: Iterable[RunRecord], workers: int) -> float | None:
    """Expect how long missing runs take, `workers` side by side; None without a stored run of the profile.

    A run is expected to take what stored ones of its method, add-ons, dataset and steps took to train on average, else
    those of its method and add-ons, else all of its profile.
    """
    seconds: dict[Hashable, list[float]] = defaultdict(list)
    for record in stored:
        if record.spec.imported:  # it took no time here
            continue
        for kind in _kinds(record.spec):
            seconds[kind].append(record.seconds)
    expected = []
    for spec in missing:
        known = next((seconds[kind] for kind in _kinds(spec) if kind in seconds), None)
        if known is None:
            return None
        expected.append(fmean(known))
    return makespan(expected, workers)


def makespan(seconds: Iterable[float], places: int) -> float:
    """Return how long runs take together: the longest first, each in the place that is free first."""
    ends = [0.0] * places
    for duration in sorted(seconds, reverse=True):
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)


def _kinds(spec: RunSpec) -> Iterator[Hashable]:
    """Iterate over what a run is like others by, most alike first."""
    method = spec.profile, spec.trial, spec.method, tuple(add_on.name for add_on in spec.add_ons)
    yield *method, spec.dataset, spec.training.steps
    yield method
    yield spec.profile
