"""The cells of a planned table, read from the run store alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

from benchmark.metrics.undefined import why_undefined
from benchmark.runs.records import Evaluation, RunRecord, evaluation_key
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedDataset, PlannedRow, TablePlan
from benchmark.statistics.differences import Difference, Standing, holm
from benchmark.statistics.over_seeds import Summary, relative_drop, summarise
from benchmark.statistics.video_wise import Contrast
from benchmark.tables.compared import Seeds, compare_column, contrast_rows
from benchmark.tables.costs import Cost, find_costs
from benchmark.tables.event_columns import EventColumn, measure_events
from benchmark.tables.paper import other_rows, printed_value
from benchmark.tables.transfers import Transfer, move_thresholds
from benchmark.terms import Metric, Selection, selection_suffix


@dataclass(frozen=True)
class Cell:
    """A method trained on one dataset and tested on another, over seeds.

    Attributes
    ----------
    summary
        The primary metric of the tested dataset, as a fraction; None without a finished run.
    drop
        Relative drop against the in-domain cell of the same row and tested dataset; None where there is none.
    below_chance
        Whether the mean is below the metric's chance level, where a relative drop says little.
    paper
        The paper's number in percent, where benchmark and feature set are the paper's.
    run_keys, evaluation_keys
        In the order of the seeds; None in place of an evaluation that is not there.
    reason
        Why the summary is missing or covers fewer seeds than planned; empty otherwise.
    standing
        Whether the row is the best of its column, not distinguishable from it, or worse.
    difference
        This row less the one that it is compared with; how it is shown, see `Table.differences`.
    """

    row: str
    method: str
    add_ons: tuple[str, ...]
    settings: tuple[str, ...]
    train: str
    test: str
    metric: Metric
    summary: Summary | None
    drop: float | None
    below_chance: bool
    paper: float | None
    run_keys: tuple[str, ...]
    evaluation_keys: tuple[str | None, ...]
    reason: str = ""
    standing: Standing | None = None
    difference: Difference | None = None


@dataclass(frozen=True)
class Table:
    """A planned table with its cells, and what its caption has to say about the runs."""

    plan: TablePlan
    selection: Selection
    cells: tuple[Cell, ...]
    looks: tuple[int, ...]
    crops: tuple[str, ...]
    deviations: tuple[tuple[str, str, str], ...]
    """Ids of the fallbacks in use, each with the row and the training dataset that rest on it."""
    run_notes: tuple[tuple[str, str, str, int], ...]
    """Notes of runs, each with the row and the training dataset, and how many of their runs have it."""
    reported: tuple[tuple[str, tuple[float | None, ...]], ...] = ()
    """Other rows of the paper's table, each with its numbers in percent, one per dataset."""
    controls: tuple[tuple[str, tuple[float | None, ...]], ...] = ()
    """Controls that need no training, each with its numbers as fractions, one per dataset."""
    shuffled: tuple[Cell, ...] = ()
    """The first row's method trained on shuffled video labels, one per dataset."""
    costs: tuple[Cost, ...] = ()
    """Where the table says what its methods are, or measures cost: what their runs cost."""
    contrasts: tuple[Contrast, ...] = ()
    """Where a table is about one method: how it differs from each other one, by class and by video."""
    events: tuple[EventColumn, ...] = ()
    """Where the table measures events: each column's rows by them."""
    transfers: tuple[Transfer, ...] = ()
    """Where the table asks for thresholds: what comes of those that were chosen on held-out training videos."""

    @property
    def name(self) -> str:
        """What it and its files are called: under another selection than `last`, with the selection's name."""
        return self.plan.table + selection_suffix(self.selection)

    def cell(self, row: str, train: str, test: str) -> Cell:
        """Return one cell."""
        return self._by_place[row, train, test]

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str, str], Cell]:
        return {(cell.row, cell.train, cell.test): cell for cell in self.cells}

    def differences(self, train: str, test: str) -> list[Difference]:
        """Return the differences in a column as they are shown: a table's subject, or else each row, less its other."""
        return self.shown(c.difference for c in self.cells if c.difference and (c.train, c.test) == (train, test))

    def shown(self, differences: Iterable[Difference]) -> list[Difference]:
        """Return differences of rows to those that they are compared with as they are shown, see `differences`."""
        return [difference.reversed() if self.plan.subject else difference for difference in differences]


FilledTable = Mapping[Selection, Table]
"""A planned table as it is under each selection."""


def fill_selections(plan: TablePlan, store: RunStore) -> FilledTable:
    """Fill a planned table from the run store under every selection; see `fill_table`."""
    moment = RunStore(store.root, remember=True)
    return {selection: fill_table(plan, moment, selection) for selection in get_args(Selection)}


def fill_table(plan: TablePlan, store: RunStore, selection: Selection) -> Table:
    """Fill a planned table from the run store; what is not stored stays empty, with the reason."""
    cells: list[Cell] = []
    for row in plan.rows:
        for target in plan.datasets:
            in_domain = _cell(plan, row, target, target, store, selection, None)
            cells.append(in_domain)
            cells += [
                _cell(plan, row, source, target, store, selection, in_domain.summary)
                for source in plan.datasets
                if source.name != target.name and plan.protocol == "cross"
            ]
    cells = _compare(plan, cells, store)
    columns = {(c[0].train, c[0].test): [_seeds(cell) for cell in c] for c in _columns(cells)}
    trained = [
        (row.label, dataset, record)
        for row in plan.rows
        for dataset in plan.datasets
        for key in row.runs[dataset.name]
        if (record := store.record(key)) is not None
    ]
    return Table(
        plan=plan,
        selection=selection,
        cells=tuple(cells),
        looks=tuple(sorted({len(record.looks) for _, _, record in trained if not record.spec.imported})),
        crops=_crops((dataset, record) for _, dataset, record in trained),
        deviations=tuple(
            sorted({(d, row, dataset.name) for row, dataset, record in trained for d in record.deviations})
        ),
        run_notes=tuple(
            (*where, count)
            for where, count in Counter((n, row, d.name) for row, d, record in trained for n in record.notes).items()
        ),
        reported=other_rows(plan) if plan.reported else (),
        controls=_controls(plan, store),
        shuffled=tuple(_cell(plan, plan.shuffled, d, d, store, selection, None) for d in plan.datasets)
        if plan.shuffled
        else (),
        costs=find_costs(plan, store, selection) if plan.described or "cost" in plan.measures else (),
        contrasts=tuple(_contrasts(plan, cells, store)) if plan.subject else (),
        events=measure_events(plan, columns, store) if "events" in plan.measures else (),
        transfers=move_thresholds(plan, columns, store, selection) if "thresholds" in plan.measures else (),
    )


def _compare(plan: TablePlan, cells: Sequence[Cell], store: RunStore) -> list[Cell]:
    """Compare the cells of each column, name the rows of a difference, and adjust the p-values of the whole table."""
    against = {row.label: row.against for row in plan.rows}
    compared: list[Cell] = []
    for column in _columns(cells):
        found = compare_column([_seeds(cell) for cell in column], plan.others(), column[0].metric, store)
        compared += [
            replace(cell, standing=row.standing, difference=row.gap) if row else cell
            for cell, row in zip(column, found.rows, strict=True)
        ]
    adjusted = iter(holm([cell.difference.p for cell in compared if cell.difference]))
    return [
        replace(
            cell,
            difference=cell.difference
            and cell.difference.model_copy(update={"one": cell.row, "other": against[cell.row], "p": next(adjusted)}),
        )
        for cell in compared
    ]


def _columns(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return the cells of each column, in the order of the rows."""
    columns: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        columns[cell.train, cell.test].append(cell)
    return list(columns.values())


def _contrasts(plan: TablePlan, cells: Sequence[Cell], store: RunStore) -> Iterator[Contrast]:
    for dataset in plan.datasets:
        seeds = {c.row: _seeds(c) for c in cells if (c.train, c.test) == (dataset.name,) * 2}
        for row in plan.rows:
            if row.label != plan.subject and row.against == plan.subject:
                found = contrast_rows(dataset.name, row.label, seeds[str(plan.subject)], seeds[row.label], store)
                if found is not None:
                    yield found


def _seeds(cell: Cell) -> Seeds:
    """Return the keys of the run and of the evaluation for each seed that has both."""
    return tuple((r, e) for r, e in zip(cell.run_keys, cell.evaluation_keys, strict=True) if e is not None)


def _controls(plan: TablePlan, store: RunStore) -> tuple[tuple[str, tuple[float | None, ...]], ...]:
    """Return what is stored of the controls of each test part that need no training."""
    if plan.shuffled is None:
        return ()
    measured = [store.controls(dataset.test_hash) for dataset in plan.datasets]
    names = dict.fromkeys(name for controls in measured if controls for name in controls.values)
    return tuple((name, tuple(c.values.get(name) if c else None for c in measured)) for name in names)


def _cell(
    plan: TablePlan,
    row: PlannedRow,
    source: PlannedDataset,
    target: PlannedDataset,
    store: RunStore,
    selection: Selection,
    in_domain: Summary | None,
) -> Cell:
    keys = row.runs[source.name]
    found: list[Evaluation | None] = []
    reason = row.unfit.get(source.name, "")
    comparable = source.feature_set == target.feature_set
    if not comparable:
        reason = "different features: " + " and ".join(sorted({source.feature_set, target.feature_set}))
    else:
        for key in keys:
            evaluation, why = _find(store, key, selection, source, target)
            found.append(evaluation)
            reason = reason or why
    evaluations = [evaluation for evaluation in found if evaluation]
    values = [value for e in evaluations if (value := e.metrics[target.metric]) is not None]
    summary = summarise(values) if values else None
    if evaluations and not values:
        reason = why_undefined([target.metric], target.name)
    return Cell(
        row=row.label,
        method=row.method,
        add_ons=row.add_ons,
        settings=row.settings,
        train=source.name,
        test=target.name,
        metric=target.metric,
        summary=summary,
        drop=relative_drop(summary.mean, in_domain.mean) if summary and in_domain else None,
        below_chance=summary is not None and summary.mean < evaluations[0].chance,
        paper=printed_value(plan, row, source, target) if comparable else None,
        run_keys=keys,
        evaluation_keys=tuple(e.key if e else None for e in found) or (None,) * len(keys),
        reason=reason,
    )


def _find(
    store: RunStore, key: str, selection: Selection, source: PlannedDataset, target: PlannedDataset
) -> tuple[Evaluation | None, str]:
    record, failure = store.record(key), store.failure(key)
    failed = f"run {key} {failure.status}: {failure.reason}" if failure else ""
    if record is None:
        return None, failed or f"run {key} has not been trained"
    if selection not in record.selected:
        if record.spec.imported:
            return None, f"run {key} has no {selection} selection: its scores were imported"
        if record.looks and all(look.test is None for look in record.looks) and selection == "oracle":
            return None, f"run {key} has no oracle selection: {why_undefined([target.metric], source.name)}"
        needs = {"validation": "--holdout", "oracle": "--looks", "last": ""}[selection]
        return None, f"run {key} has no {selection} selection: it needs {needs}"
    if selection not in record.selections(source.test_hash):
        return None, f"run {key}: its oracle was chosen on other test labels; repeat with --cached refresh"
    evaluation = store.evaluation(key, evaluation_key(key, selection, target.test_hash))
    return evaluation, "" if evaluation else failed or f"run {key} has not been evaluated on {target.name}"


def _crops(trained: Iterable[tuple[PlannedDataset, RunRecord]]) -> tuple[str, ...]:
    """Say of each dataset how many of its crops its runs take: some methods take one."""
    used: dict[tuple[str, str], set[int]] = {}
    for dataset, record in trained:
        of = "not known (imported)" if record.spec.imported else f"of {dataset.crops}"
        numbers = used.setdefault((dataset.name, of), set())
        if not record.spec.imported:
            numbers.add(record.spec.training.crops_of(dataset.crops))
    return tuple(
        " ".join(filter(None, (name, " or ".join(map(str, sorted(numbers))), of)))
        for (name, of), numbers in sorted(used.items())
    )
