"""What takes a while to derive from evaluations: made once, kept in the run store, made again for other evaluations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.records import AnnotatedEvents
from benchmark.runs.store import Derived, EvaluationId, RunStore
from benchmark.statistics import class_wise, differences, events
from benchmark.statistics.class_wise import ClassAuc
from benchmark.statistics.differences import Difference, Resampled, Standing
from benchmark.statistics.events import EventNumber
from benchmark.statistics.video_wise import Contrast, contrast
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.terms import Metric

Seeds = tuple[EvaluationId, ...]
"""Evaluations of a method on a test set, one per seed: keys of the run and of the evaluation."""

VERSIONS: dict[Derived, int] = {
    "class-wise": 1,
    "comparisons": 2,
    "contrasts": 1,
    "event-measures": 2,
    "rankings": 1,
}
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
    methods = _resample(evaluations, metric, store)
    # A report ranks the same rows, and need not resample them again.
    ranked = _rank(evaluations, metric, store, lambda: methods)
    rows: list[ComparedRow | None] = []
    for i, (method, place) in enumerate(zip(methods, ranked.rows, strict=True)):
        if method is None or place is None:
            rows.append(None)
            continue
        other = against[i]
        # Rows that are the same runs do not differ.
        reference = None if other is None or evaluations[other] == evaluations[i] else methods[other]
        gap = differences.difference(method, reference) if reference else None
        rows.append(ComparedRow(standing=place.standing, gap=gap))
    return ComparedColumn(rows=tuple(rows))


class RankedRow(FrozenModel):
    """A row's mean of a metric, as its difference from 0, and where it stands among the rows."""

    standing: Standing
    mean: Difference


class RankedColumn(FrozenModel):
    """Rows by themselves, in their order; None where a row has no evaluation with stored scores."""

    rows: tuple[RankedRow | None, ...]


def rank_rows(evaluations: Sequence[Seeds], metric: Metric, store: RunStore) -> RankedColumn:
    """Return the mean of each row with its interval, and which rows cannot be told from the best."""
    return _rank(evaluations, metric, store, lambda: _resample(evaluations, metric, store))


def _rank(
    evaluations: Sequence[Seeds], metric: Metric, store: RunStore, resample: Callable[[], list[Resampled | None]]
) -> RankedColumn:
    def make() -> RankedColumn | None:
        methods = resample()
        standings = differences.best_and_indistinguishable(methods)
        rows = tuple(
            RankedRow(standing=standing, mean=differences.from_constant(method)) if method and standing else None
            for method, standing in zip(methods, standings, strict=True)
        )
        return RankedColumn(rows=rows) if any(rows) else None

    content = [VERSIONS["rankings"], differences.RESAMPLES, metric, evaluations, _times_of(evaluations, store)]
    nothing = RankedColumn(rows=(None,) * len(evaluations))
    return _keep("rankings", content, evaluations, RankedColumn, store, make) or nothing


def _resample(evaluations: Sequence[Seeds], metric: Metric, store: RunStore) -> list[Resampled | None]:
    return differences.resample_methods([read_scores(seeds, store) for seeds in evaluations], metric)


def contrast_rows(dataset: str, label: str, one: Seeds, other: Seeds, store: RunStore) -> Contrast | None:
    """Compare two rows of a table by class and by video; None unless both have stored scores."""
    if not one or not other:
        return None

    def make() -> Contrast | None:
        scores = [read_scores(seeds, store) for seeds in (one, other)]
        return contrast(dataset, label, *scores) if all(scores) else None

    content = [VERSIONS["contrasts"], class_wise.RESAMPLES, dataset, label, one, other, _times_of([one, other], store)]
    return _keep("contrasts", content, [one, other], Contrast, store, make)


class ClassWise(FrozenModel):
    """A row's AUC on each class, by both definitions."""

    classes: tuple[ClassAuc, ...]


def class_wise_aucs(seeds: Seeds, store: RunStore) -> tuple[ClassAuc, ...]:
    """Return what `class_wise.class_aucs` finds of a row; nothing unless the scores of all its seeds are stored."""

    def make() -> ClassWise | None:
        scored = read_scores(seeds, store)
        return ClassWise(classes=tuple(class_wise.class_aucs(scored))) if scored else None

    content = [VERSIONS["class-wise"], class_wise.RESAMPLES, seeds, _times_of([seeds], store)]
    found = _keep("class-wise", content, [seeds], ClassWise, store, make)
    return found.classes if found else ()


class MeasuredRow(FrozenModel):
    """The measures of events of a row, and how far each is from that of the row that it is compared with."""

    numbers: dict[str, EventNumber]
    gaps: dict[str, Difference]


class MeasuredColumn(FrozenModel):
    """The rows of a column by measures of events; None where a row has no evaluation with stored scores.

    Attributes
    ----------
    events
        Number of events of which a frame is scored.
    normal_hours
        Hours outside events.
    endless_rate
        False alarms per hour of an alarm that never ends in any video; None without time outside events.
    """

    events: int
    normal_hours: float
    endless_rate: float | None
    rows: tuple[MeasuredRow | None, ...]


def measure_column(
    evaluations: Sequence[Seeds],
    against: Sequence[int | None],
    annotated: AnnotatedEvents,
    join: float,
    store: RunStore,
) -> MeasuredColumn | None:
    """Measure the rows of a column by the events of its test videos; None where no row has stored scores.

    Parameters
    ----------
    evaluations, against
        See `compare_column`.
    join
        Seconds between two alarms that are taken as one.
    """

    def make() -> MeasuredColumn | None:
        return _measure(evaluations, against, annotated, join, store)

    what = annotated.model_dump(mode="json", exclude={"assumed"})
    content = [VERSIONS["event-measures"], events.RESAMPLES, what, join, evaluations, against]
    content.append(_times_of(evaluations, store))
    return _keep("event-measures", content, evaluations, MeasuredColumn, store, make)


def _measure(
    evaluations: Sequence[Seeds],
    against: Sequence[int | None],
    annotated: AnnotatedEvents,
    join: float,
    store: RunStore,
) -> MeasuredColumn | None:
    scored = [read_scores(seeds, store) for seeds in evaluations]
    alarms = [[Alarms.find(one, annotated.intervals, annotated.fps, join) for one in seeds] for seeds in scored]
    labels = next((seeds[0].labels for seeds in scored if seeds), None)
    if labels is None:
        return None
    rows: list[MeasuredRow | None] = []
    resampled = events.resample_events(alarms, labels)
    for i, measures in enumerate(resampled):
        other = against[i]
        # Rows that are the same runs do not differ.
        reference = {} if other is None or evaluations[other] == evaluations[i] else resampled[other]
        gaps = {name: events.event_difference(of, reference[name]) for name, of in measures.items() if reference}
        row = MeasuredRow(
            numbers={name: events.event_number(of) for name, of in measures.items()},
            gaps={name: gap for name, gap in gaps.items() if gap is not None},
        )
        rows.append(row if measures else None)
    some = next(seeds[0] for seeds in alarms if seeds)
    hours = some.normal_hours
    return MeasuredColumn(
        events=len(some.events),
        normal_hours=hours,
        endless_rate=float(some.at(-math.inf)[0]) if hours else None,
        rows=tuple(rows),
    )


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


def read_scores(seeds: Seeds, store: RunStore) -> list[ScoredVideos]:
    """Read a method's scores; none at all unless those of every seed are there, so that means are of the same seeds."""
    scored = [store.read_scores(run, key) for run, key in seeds]
    found = [one for one in scored if one is not None]
    return found if len(found) == len(scored) else []
