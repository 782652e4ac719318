"""Line-ups: the methods whose stored runs were trained and tested on one dataset, for figures to compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from benchmark.runs.records import RunRecord, evaluation_key
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedDataset, PlannedRow, TablePlan
from benchmark.system.errors import InputError
from benchmark.system.files import file_name
from benchmark.system.hashing import digest
from benchmark.system.near_names import did_you_mean, find_alike
from benchmark.terms import Profile, Selection

MOST = 9
"""Methods that a figure can tell apart by their colours; more go on to further pages."""
LONGEST = 120
"""Characters of a line-up's name: it is a folder's."""


@dataclass(frozen=True)
class Contender:
    """A method of a line-up: a row of one or several tables.

    Attributes
    ----------
    label
        What the row is called.
    table
        The first table that it is a row of.
    method
        The method without add-ons and settings; empty where the row has some, so that it is a variant.
    reference
        How to find the method and its add-ons again, where it is known.
    seeds
        Keys of the run and of its evaluation on the line-up's dataset, for each seed that has both.
    name
        What the method with its add-ons is called on the command line; empty where the row has settings of its own.
    """

    label: str
    table: str
    method: str
    reference: str
    seeds: tuple[tuple[str, str], ...]
    name: str = ""


@dataclass(frozen=True)
class LineUp:
    """What can be compared on one dataset.

    Attributes
    ----------
    name
        Unique among line-ups: the dataset, the profile, and what else was chosen for all runs.
    contenders
        The methods with stored evaluations, those of the paper's tables first.
    plans
        Digests of the plans of the tables that the contenders are rows of.
    """

    name: str
    dataset: PlannedDataset
    profile: Profile
    holdout: float
    overrides: tuple[str, ...]
    selection: Selection
    contenders: tuple[Contender, ...]
    plans: tuple[str, ...]

    def choose(self, labels: Sequence[str] | None) -> LineUp:
        """Return the line-up with the contenders to show.

        Parameters
        ----------
        labels
            Their labels or names, in any capitals, in the order to show; None for methods as they are, without add-ons
            and changed settings, if there are two of them, else for all.

        Raises
        ------
        InputError
            If a label is not known, or there are too many.
        """
        if labels is None:
            plain = tuple(c for c in self.contenders if c.method)
            return replace(self, contenders=plain if len(plain) > 1 else self.contenders)
        if len(labels) > MOST:
            raise InputError(f"{len(labels)} methods are too many for a figure; name {MOST} at most")
        known = {contender.label: contender for contender in self.contenders}
        names = {contender.name: contender for contender in reversed(self.contenders) if contender.name} | known
        chosen: dict[str, Contender] = {}
        for label in labels:
            found = find_alike(label, known) or find_alike(label, names)
            if found is None:
                near = did_you_mean(label, names)
                raise InputError(f"{self.name}: no method is called {label!r}; known: {', '.join(known)}{near}")
            chosen[names[found].label] = names[found]
        return replace(self, contenders=tuple(chosen.values()))

    def pages(self) -> list[LineUp]:
        """Return the parts that a figure each shows, as even as may be; one without contenders if there are none."""
        count = max(1, math.ceil(len(self.contenders) / MOST))
        ends = [len(self.contenders) * number // count for number in range(count + 1)]
        return [replace(self, contenders=self.contenders[start:end]) for start, end in pairwise(ends)]


def find_line_ups(plans: Iterable[TablePlan], store: RunStore, selection: Selection) -> list[LineUp]:
    """Find what can be compared, from the plans of all tables and the run store.

    Rows that are the same runs are one contender, under the label that comes first.
    """
    found: dict[tuple[str, str], LineUp] = {}
    for plan in sorted(plans, key=lambda plan: (plan.study, not plan.table.startswith("table"), plan.table)):
        for dataset in plan.datasets:
            new = _empty(plan, dataset, selection)
            known = found.setdefault((new.name, dataset.test_hash), new)
            found[new.name, dataset.test_hash] = replace(
                known,
                contenders=_merge(known.contenders, _contenders(plan, dataset, store, selection)),
                plans=(*known.plans, plan.digest()),
            )
    names = [name for name, _ in found]
    # A dataset that was imported anew, with other test videos or labels, is another one.
    line_ups = [
        replace(line_up, name=f"{name}-{test_hash[:6]}") if names.count(name) > 1 else line_up
        for (name, test_hash), line_up in found.items()
    ]
    return sorted(line_ups, key=lambda line_up: line_up.name)


def _name(plan: TablePlan, dataset: PlannedDataset) -> str:
    """Return the name of the line-up that a table's rows on a dataset are part of."""
    holdout = (f"holdout={plan.holdout:g}",) if plan.holdout else ()
    name = file_name("-".join((dataset.name, plan.profile, *holdout, *plan.overrides)))
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}-{digest(name)[:6]}"


def _empty(plan: TablePlan, dataset: PlannedDataset, selection: Selection) -> LineUp:
    return LineUp(
        _name(plan, dataset),
        dataset,
        plan.profile,
        plan.holdout,
        plan.overrides,
        selection,
        contenders=(),
        plans=(),
    )


def _contenders(
    plan: TablePlan, dataset: PlannedDataset, store: RunStore, selection: Selection
) -> tuple[Contender, ...]:
    rows = [_contender(plan.table, row, dataset, store, selection) for row in plan.rows]
    return tuple(contender for contender in rows if contender.seeds)


def _contender(
    table: str, row: PlannedRow, dataset: PlannedDataset, store: RunStore, selection: Selection
) -> Contender:
    seeds = [
        (key, evaluation)
        for key in row.runs[dataset.name]
        if (record := store.record(key)) is not None
        and (evaluation := _evaluated(record, dataset, store, selection)) is not None
    ]
    changed = bool(row.settings or row.tuned)
    plain = not row.add_ons and not changed
    name = "" if changed else "+".join([row.method, *row.add_ons])
    return Contender(row.label, table, row.method if plain else "", row.reference, tuple(seeds), name)


def _evaluated(record: RunRecord, dataset: PlannedDataset, store: RunStore, selection: Selection) -> str | None:
    """Return the key of a run's evaluation on the dataset that it was trained on; None where there is none."""
    key = evaluation_key(record.key, selection, dataset.test_hash)
    usable = selection in record.selections(dataset.test_hash) and store.evaluation(record.key, key) is not None
    return key if usable else None


def _merge(known: Sequence[Contender], more: Sequence[Contender]) -> tuple[Contender, ...]:
    """Join contenders; the same runs are one, and other runs under a label in use get a number.

    The same runs are called what the first table calls them, but a method as it is before a variant that equals it.
    """
    merged = {contender.seeds[0]: contender for contender in known}
    for contender in more:
        first = contender.seeds[0]
        other = merged.pop(first, None)
        if other is not None:
            named = contender if contender.method and not other.method else other
            contender = replace(named, seeds=max(contender.seeds, other.seeds, key=len))
        labels = {c.label for c in merged.values()}
        numbered = (f"{contender.label} ({number})" for number in range(2, len(labels) + 2))
        label = contender.label if contender.label not in labels else next(n for n in numbered if n not in labels)
        merged[first] = replace(contender, label=label)
    order = {first: place for place, first in enumerate(dict.fromkeys(c.seeds[0] for c in (*known, *more)))}
    return tuple(sorted(merged.values(), key=lambda c: order[c.seeds[0]]))
