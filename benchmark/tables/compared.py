"""Differences between the rows of a table, computed once for the same evaluations and kept in the run store."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.runs.store import RunStore
from benchmark.statistics.differences import (
    RESAMPLES,
    Difference,
    Standing,
    best_and_indistinguishable,
    difference,
    resample_methods,
)
from benchmark.system.frozen import FrozenModel
from benchmark.tables.derived import Seeds, keep, read_scores, times_of
from benchmark.terms import Metric

VERSION = 2
"""Raised when the same evaluations would compare otherwise."""


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

    content = [VERSION, RESAMPLES, metric, evaluations, times_of(evaluations, store), against]
    return keep("comparisons", content, evaluations, ComparedColumn, store, make) or nothing


def _compare(
    evaluations: Sequence[Seeds], against: Sequence[int | None], metric: Metric, store: RunStore
) -> ComparedColumn:
    methods = resample_methods([read_scores(seeds, store) for seeds in evaluations], metric)
    rows: list[ComparedRow | None] = []
    for i, (method, standing) in enumerate(zip(methods, best_and_indistinguishable(methods), strict=True)):
        if method is None or standing is None:
            rows.append(None)
            continue
        other = against[i]
        # Rows that are the same runs do not differ.
        reference = None if other is None or evaluations[other] == evaluations[i] else methods[other]
        rows.append(ComparedRow(standing=standing, gap=difference(method, reference) if reference else None))
    return ComparedColumn(rows=tuple(rows))
