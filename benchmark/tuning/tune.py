"""Searches done: their trials as runs of the store, and a table whose rows are tuned alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from rich.console import Console

from benchmark.datasets.dataset import Dataset
from benchmark.execution.call import Planned, do_tables
from benchmark.runs.results_folder import Results
from benchmark.runs.table_plan import TablePlan, Tuned
from benchmark.system.errors import InputError
from benchmark.tables.declaration import RowDeclaration, TableDeclaration
from benchmark.training.choices import Choices
from benchmark.training.requirements import UnfitError
from benchmark.tuning.drawing import Drawn, draw_more, rounds
from benchmark.tuning.planning import MethodSearch, SearchChoices, as_settings, check_searches, plan_search
from benchmark.tuning.trials import Trials, read_trials

Announce = Callable[[Sequence[Planned]], None]
"""Told what is about to be done."""
Finish = Callable[[Trials], None]
"""What is done with a search after each of its rounds, before its files are logged: whoever calls writes it."""
OnDatasets = tuple[TableDeclaration, Sequence[Dataset]]
"""A table, and the datasets that it is to be made on."""


def _nothing(what: object) -> None:
    """Do nothing, for whoever does not look on."""


def do_searches(
    searches: Sequence[MethodSearch], console: Console, announce: Announce = _nothing, finish: Finish = _nothing
) -> list[Trials]:
    """Do searches of equal choices together, and return what they found.

    What is tried depends on the stored results of the trials before it, and on nothing else. So a search that was
    interrupted goes on from its stored runs, and several calls at once share the runs of one. A trial whose run does
    not succeed is one without a value.

    Raises
    ------
    InputError
        If the executor cannot be used, or the results folder cannot be written.
    """
    choices, search = searches[0].choices, searches[0].search
    drawn: list[list[Drawn]] = [[] for _ in searches]
    found: list[Trials] = []
    for size in rounds(search.sampler, search.trials):
        for number, one in enumerate(searches):
            drawn[number] += draw_more(one.ranges, found[number].drawn if found else (), size)
        planned = [one.plan(own, size) for one, own in zip(searches, drawn, strict=True)]
        announce(planned)
        found = _do_round(planned, choices, console, finish)
    return found


def _do_round(planned: Sequence[Planned], choices: Choices, console: Console, finish: Finish) -> list[Trials]:
    store = Results(choices.results).store
    found: list[Trials] = []

    def read(plan: TablePlan) -> None:
        found.append(read_trials(plan, store))
        finish(found[-1])

    do_tables(planned, choices, console, read)
    return found


def tune_tables(
    tables: Sequence[OnDatasets],
    choices: Choices,
    trials: int,
    command: str,
    console: Console,
    announce: Announce = _nothing,
    finish: Finish = _nothing,
) -> list[TableDeclaration]:
    """Search the settings of each row on each dataset's training videos, and declare the tables with what was found.

    Every row gets as many random trials, rows of several tables that are alike the same ones. Below the tuned rows
    stand those as in the recipes, so that what tuning gains is a difference of the table as others are.

    Raises
    ------
    InputError
        If a row has nothing to search, or no trial of it gave a value.
    """
    wanted, of_trials = SearchChoices(trials=trials), replace(choices, seeds=None)  # the seeds are the table's
    searches: dict[tuple[str, tuple[str, ...], str], MethodSearch] = {}
    unfit: list[UnfitError] = []
    for table, datasets in tables:
        for row, dataset in product([row for row in table.rows if row.method], datasets):
            try:
                found = plan_search(row.method, [dataset], of_trials, wanted, command, row.settings)
            except UnfitError as error:  # the row has no runs there, and the table says why
                unfit.append(error)
            else:
                searches[row.method, row.settings, dataset.name] = found
    if not searches:
        raise unfit[0]
    check_searches(wanted, choices, list(searches.values()))
    done = do_searches(list(searches.values()), console, announce, finish)
    best = {key: _best(trials) for key, trials in zip(searches, done, strict=True)}
    return [
        _declare_beside(
            table,
            [
                {d.name: best[key] for d in datasets if (key := (row.method, row.settings, d.name)) in best}
                for row in table.rows
            ],
        )
        for table, datasets in tables
    ]


def _best(trials: Trials) -> Tuned:
    best = trials.best
    if best is None or best.held_out is None:
        places = ", ".join(dataset.name for dataset in trials.plan.datasets)
        raise InputError(
            f"{trials.plan.title} on {places}: none of {len(trials.drawn)} trials gave a value; "
            f"{trials.drawn[0].label}: {trials.drawn[0].reason}"
        )
    return Tuned(
        settings=as_settings(best.settings),
        held_out=best.held_out,
        recipe_held_out=trials.recipe.held_out,
        trials=len(trials.drawn),
    )


def _declare_beside(table: TableDeclaration, tuned: Sequence[Mapping[str, Tuned]]) -> TableDeclaration:
    """Declare a table with its rows tuned, and below them as they were, each compared with itself tuned."""

    def name(label: str | None) -> str | None:
        return label and f"{label}, tuned"

    def group(row: RowDeclaration, how: str) -> str:
        return f"{row.group}, {how}" if row.group else how

    rows = [
        row.model_copy(
            update={
                "label": name(row.label),
                "tuned": dict(own),
                "group": group(row, "tuned alike"),
                "against": name(row.against),
            }
        )
        for row, own in zip(table.rows, tuned, strict=True)
    ]
    rows += [
        row.model_copy(update={"group": group(row, "as in the recipes"), "against": name(row.label)})
        for row in table.rows
    ]
    first = table.reference or table.rows[0].label
    changed = {"rows": tuple(rows), "reference": name(first), "subject": name(table.subject)}
    return TableDeclaration.model_validate(dict(table) | changed)
