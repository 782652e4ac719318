"""What takes a while to derive from evaluations: made once, kept in the run store, made again for other evaluations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.store import Derived, EvaluationId, RunStore
from benchmark.statistics import class_wise, differences
from benchmark.statistics.differences import Difference, Standing
from benchmark.statistics.video_wise import Contrast, contrast
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.terms import Metric

Seeds = tuple[EvaluationId, ...]
"""Evaluations of a method on a test set, one per seed: keys of the run and of the evaluation."""

VERSIONS: dict[Derived, int] = {"comparisons": 2, "contrasts": 1}
"""Raised when the same evaluations would compare or contrast otherwise."""

_Model = TypeVar("_Model", bound=FrozenModel)


class ComparedRow(FrozenModel):
    """Where a row stands among the rows of a column, and how far it is from the one it is compared with."""

    standing: Standing
    gap: Difference | None


class ComparedColumn(FrozenModel):
    """The rows of a column; None where a row has no evaluation with stored scores."""

    rows: tuple[ComparedRow | None, ...]


def compare_column(
    evaluations: Sequence[Seeds], against: Sequence[int | None], metric: Metric, store: RunStore
) -> ComparedColumn:
    """Compare the rows of a column by a paired bootstrap over its test videos, with the seeds' variance on top.

    Parameters
    ----------
    evaluations
        Of each row; empty where it has none.
    against
        The row that each row is compared with; None for none.
    """
    nothing = ComparedColumn(rows=(None,) * len(evaluations))
    if sum(map(bool, evaluations)) < 2:
        return nothing

    def make() -> ComparedColumn | None:
        compared = _compare(evaluations, against, metric, store)
        return compared if any(compared.rows) else None

    times = _times_of(evaluations, store)
    content = [VERSIONS["comparisons"], differences.RESAMPLES, metric, evaluations, times, against]
    return _keep("comparisons", content, evaluations, ComparedColumn, store, make) or nothing


def _compare(
    evaluations: Sequence[Seeds], against: Sequence[int | None], metric: Metric, store: RunStore
) -> ComparedColumn:
    methods = differences.resample_methods([_read_scores(seeds, store) for seeds in evaluations], metric)
    rows: list[ComparedRow | None] = []
    standings = differences.best_and_indistinguishable(methods)
    for i, (method, standing) in enumerate(zip(methods, standings, strict=True)):
        if method is None or standing is None:
            rows.append(None)
            continue
        other = against[i]
        # Rows that are the same runs do not differ.
        reference = None if other is None or evaluations[other] == evaluations[i] else methods[other]
        gap = differences.difference(method, reference) if reference else None
        rows.append(ComparedRow(standing=standing, gap=gap))
    return ComparedColumn(rows=tuple(rows))


def contrast_rows(dataset: str, label: str, one: Seeds, other: Seeds, store: RunStore) -> Contrast | None:
    """Compare two rows of a table by class and by video; None unless both have stored scores."""
    if not one or not other:
        return None

    def make() -> Contrast | None:
        scores = [_read_scores(seeds, store) for seeds in (one, other)]
        return contrast(dataset, label, *scores) if all(scores) else None

    content = [VERSIONS["contrasts"], class_wise.RESAMPLES, dataset, label, one, other, _times_of([one, other], store)]
    return _keep("contrasts", content, [one, other], Contrast, store, make)


def _keep(
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


def _times_of(evaluations: Sequence[Seeds], store: RunStore) -> list[list[str]]:
    """Return when each evaluation was made: a run that was trained anew has its old keys and other scores."""
    return [[e.finished for run, key in seeds if (e := store.evaluation(run, key))] for seeds in evaluations]


def _read_scores(seeds: Seeds, store: RunStore) -> list[ScoredVideos]:
    """Read a method's scores; none at all unless those of every seed are there, so that means are of the same seeds."""
    scored = [store.read_scores(run, key) for run, key in seeds]
    found = [one for one in scored if one is not None]
    return found if len(found) == len(scored) else []
