"""What takes a while to derive from evaluations: made once, kept in the run store, made again for other evaluations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.store import Derived, EvaluationId, RunStore
from benchmark.statistics.class_wise import RESAMPLES
from benchmark.statistics.video_wise import Contrast, contrast
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest

Seeds = tuple[EvaluationId, ...]
"""Evaluations of a method on a test set, one per seed: keys of the run and of the evaluation."""

VERSION = 1
"""Raised when the same evaluations would contrast otherwise."""

_Model = TypeVar("_Model", bound=FrozenModel)


def keep(
    kind: Derived,
    content: object,
    evaluations: Sequence[Seeds],
    model: type[_Model],
    store: RunStore,
    make: Callable[[], _Model | None],
) -> _Model | None:
    """Return what is stored for some content, or make it and store it, unless it is None.

    Parameters
    ----------
    content
        All that decides what is made, as JSON can say it.
    evaluations
        What it is made of.
    """
    name = digest(content)
    found = store.derived(kind, name, model)
    if found is None:
        found = make()
        if found is not None:
            store.write_derived(kind, name, found, itertools.chain.from_iterable(evaluations))
    return found


def times_of(evaluations: Sequence[Seeds], store: RunStore) -> list[list[str]]:
    """Return when each evaluation was made: a run that was trained anew has its old keys and other scores."""
    return [[e.finished for run, key in seeds if (e := store.evaluation(run, key))] for seeds in evaluations]


def read_scores(seeds: Seeds, store: RunStore) -> list[ScoredVideos]:
    """Read a method's scores; none at all unless those of every seed are there, so that means are of the same seeds."""
    scored = [store.read_scores(run, key) for run, key in seeds]
    found = [one for one in scored if one is not None]
    return found if len(found) == len(scored) else []


def contrast_rows(dataset: str, label: str, one: Seeds, other: Seeds, store: RunStore) -> Contrast | None:
    """Compare two rows of a table by class and by video; None unless both have stored scores."""
    if not one or not other:
        return None

    def make() -> Contrast | None:
        scores = [read_scores(seeds, store) for seeds in (one, other)]
        return contrast(dataset, label, *scores) if all(scores) else None

    content = [VERSION, RESAMPLES, dataset, label, one, other, times_of([one, other], store)]
    return keep("contrasts", content, [one, other], Contrast, store, make)
