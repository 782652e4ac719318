"""What the trials of a search have reached, read from the run store alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, variance
from typing import Any

from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedRow, TablePlan
from benchmark.system.yaml_text import parse_yaml
from benchmark.terms import Range


@dataclass(frozen=True)
class Trial:
    """A setting that was tried.

    Attributes
    ----------
    label
        What the plan calls it.
    settings
        ``SECTION.KEY`` -> its value, for what is searched. Of the recipe's own, those that its stored runs share.
    values
        Dataset -> the AUC of whole videos on held-out training videos, of each run that has one.
    held_out
        Their mean over runs, and over datasets; None while a run has none.
    reason
        Why there is none; empty otherwise.
    """

    label: str
    settings: Mapping[str, Any]
    values: Mapping[str, tuple[float, ...]]
    held_out: float | None
    reason: str = ""


@dataclass(frozen=True)
class Trials:
    """The trials of a planned search.

    Attributes
    ----------
    recipe
        The recipe's own settings: set beside the others, and never chosen.
    drawn
        The settings that were drawn, in that order.
    """

    plan: TablePlan
    recipe: Trial
    drawn: tuple[Trial, ...]

    @cached_property
    def best(self) -> Trial | None:
        """The one with the highest held-out value; of equal ones the first. None while there is none."""
        return max(self.valued, key=lambda trial: trial.held_out or 0.0, default=None)

    @property
    def valued(self) -> tuple[Trial, ...]:
        """The drawn ones that have a value."""
        return tuple(trial for trial in self.drawn if trial.held_out is not None)

    @property
    def standard_error(self) -> float | None:
        """The standard error of the best one's value, by its runs within each dataset; None with one run of each."""
        if self.best is None or min(map(len, self.best.values.values())) < 2:
            return None
        errors = [variance(values) / len(values) for values in self.best.values.values()]
        return math.sqrt(sum(errors)) / len(errors)

    @property
    def near(self) -> tuple[Trial, ...]:
        """Those within one standard error of the best, itself included: many of them mean a flat top."""
        if self.best is None or self.best.held_out is None:
            return ()
        least = self.best.held_out - (self.standard_error or 0.0)
        return tuple(trial for trial in self.valued if trial.held_out is not None and trial.held_out >= least)


def read_trials(plan: TablePlan, store: RunStore) -> Trials:
    """Read what the trials of a planned search have reached."""
    recipe, *drawn = (_read_trial(row, plan, store) for row in plan.rows)
    return Trials(plan, recipe, tuple(drawn))


def _read_trial(row: PlannedRow, plan: TablePlan, store: RunStore) -> Trial:
    values: dict[str, tuple[float, ...]] = {}
    reason = ""
    for dataset, keys in row.runs.items():
        found = [(key, store.record(key)) for key in keys]
        values[dataset] = tuple(r.held_out for _, r in found if r is not None and r.held_out is not None)
        for key, record in found:
            reason = reason or _why_none(key, record, store)
        reason = reason or ("" if keys else "its settings do not go together")
    complete = all(keys and len(values[dataset]) == len(keys) for dataset, keys in row.runs.items())
    return Trial(
        label=row.label,
        settings=_drawn(row, plan) or _of_recipe(row, plan, store),
        values=values,
        held_out=fmean(map(fmean, values.values())) if complete else None,
        reason=reason,
    )


def _why_none(key: str, record: RunRecord | None, store: RunStore) -> str:
    if record is not None:
        return f"run {key}: its held-out videos are all of one class" if record.held_out is None else ""
    failure = store.failure(key)
    return f"run {key} {failure.status}: {failure.reason}" if failure else f"run {key} has not been trained"


def _drawn(row: PlannedRow, plan: TablePlan) -> dict[str, Any]:
    """Return what was drawn for a row, as the plan says."""
    texts = (text.partition("=") for text in row.settings)
    return {name: parse_yaml(value) for name, _, value in texts if name in _ranges(plan)}


def _of_recipe(row: PlannedRow, plan: TablePlan, store: RunStore) -> dict[str, Any]:
    """Return the recipe's own values of what is searched, those that its stored runs share."""
    records = [record for keys in row.runs.values() for key in keys if (record := store.record(key)) is not None]
    found = {name: [record.spec.named_settings.get(name) for record in records] for name in _ranges(plan)}
    return {name: values[0] for name, values in found.items() if values and all(v == values[0] for v in values)}


def _ranges(plan: TablePlan) -> Mapping[str, Range]:
    assert plan.search is not None
    return plan.search.ranges
