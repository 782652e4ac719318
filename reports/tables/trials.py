"""What a search for settings has found: the best of each method, and all of its trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

import pandas as pd

from benchmark.runs.table_plan import Search, TablePlan
from benchmark.system.amounts import count
from benchmark.tuning.trials import Trial, Trials
from reports.tables.captions import SIMULATED, share
from reports.tables.document import Document, Part
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow, percent, signed
from reports.tables.paths import shown_command, without_folders
from reports.tables.settings import said_ranges, said_settings, short_names, shown_value

TITLE = "Settings searched"
HEADERS = ("held-out AUC", "of the recipe", "gain", "within one standard error")
OPTIMISTIC = "The best value is the highest of many, and therefore optimistic."
ONE_RUN = f"{EMPTY} one run of each trial: a standard error needs two."
NEAR = "† within one standard error of the best."


def search_document(searches: Sequence[Trials]) -> Document:
    """Put the searches of one call together: the best of each method, then all trials of each.

    Parameters
    ----------
    searches
        One per method, on the same datasets and with equal choices.
    """
    plan = searches[0].plan
    name = plan.table if len(searches) == 1 else "tune"
    groups = (GridGroup("", tuple(map(_summary_row, searches))),)
    summary = Part(
        name, TITLE, search_caption(searches), Grid("", "method", HEADERS, groups), tuple(_summary_notes(searches))
    )
    return Document(name, shown_command(plan.command), (summary, *map(_trials_part, searches)))


def search_of(plan: TablePlan) -> Search:
    """Return what a planned search draws from, and how."""
    assert plan.search is not None
    return plan.search


def search_caption(searches: Sequence[Trials]) -> tuple[str, ...]:
    """Return the sentences on what the trials of a call's searches rest on."""
    plan = searches[0].plan
    names = ", ".join(f"{dataset.name} ({dataset.feature_set})" for dataset in plan.datasets)
    return (
        f"{TITLE}: {', '.join(search.plan.title for search in searches)}. {_said_trials(searches)}; "
        f"profile {plan.profile}.",
        _said_judge(plan),
        f"Datasets: {names}.",
        *((SIMULATED,) if any(dataset.simulated for dataset in plan.datasets) else ()),
        *((f"Changed settings: {', '.join(plan.overrides)}.",) if plan.overrides else ()),
        *(f"Searched for {s.plan.title}: {said_ranges(search_of(s.plan).ranges)}." for s in searches),
    )


def missing_trials(search: Trials) -> str:
    """Say how many of the trials have no value; empty where all have one."""
    missing = len(search.drawn) - len(search.valued)
    return f"{missing} of {count(len(search.drawn), 'trial')} without a value" if missing else ""


def trials_frame(search: Trials) -> pd.DataFrame:
    """Return the trials of a search, a row for each dataset; values are fractions, means over the stored runs."""
    planned = {row.label: row for row in search.plan.rows}
    rows: list[dict[str, object]] = [
        {
            "table": search.plan.table,
            "method": search.plan.title,
            "trial": trial.label,
            "dataset": dataset.name,
            "held_out": fmean(values) if (values := trial.values[dataset.name]) else None,
            "n_runs": len(values),
            "run_keys": " ".join(planned[trial.label].runs[dataset.name]),
            **{name: trial.settings.get(name) for name in search_of(search.plan).ranges},
        }
        for trial in (search.recipe, *search.drawn)
        for dataset in search.plan.datasets
    ]
    frame = pd.DataFrame(rows, dtype=object)  # a setting may be null, or of several kinds
    return frame.astype({"held_out": float, "n_runs": int})


def _said_trials(searches: Sequence[Trials]) -> str:
    how = {"random": "drawn at random", "tpe": "drawn by TPE, later ones near those that did well"}
    trials = count(len(searches[0].drawn), "trial")
    return f"{trials}{' each' if len(searches) > 1 else ''}, {how[search_of(searches[0].plan).sampler]}"


def _said_judge(plan: TablePlan) -> str:
    folds = search_of(plan).folds
    if folds is None:
        over = f"{count(plan.seeds, 'seed')} with {share(plan.holdout)} of the training videos held out"
    else:
        over = f"{folds} folds of the training videos, each held out once"
    datasets = " and over datasets" if len(plan.datasets) > 1 else ""
    return (
        "Held-out AUC: of each video's highest score, on held-out training videos, in percent; "
        f"mean over {over}{datasets}, ± its standard error. No test video was opened."
    )


def _summary_row(search: Trials) -> GridRow:
    best, own = search.best, search.recipe.held_out
    if best is None or best.held_out is None:
        return GridRow(search.plan.title, (GridCell(EMPTY), percent(own), GridCell(EMPTY), GridCell("", EMPTY)))
    error = search.standard_error
    near = f"{len(search.near)} of {count(len(search.valued), 'trial')}"
    cells = (
        GridCell(percent(best.held_out).value, f"± {100 * error:.2f}" if error is not None else ""),
        percent(own),
        GridCell(EMPTY if own is None else signed(100 * (best.held_out - own))),
        GridCell("", EMPTY if error is None else near),
    )
    return GridRow(search.plan.title, cells)


def _summary_notes(searches: Sequence[Trials]) -> Iterator[str]:
    found = [search for search in searches if search.best is not None]
    for search in searches:
        if search.best is not None:
            yield f"Best of {search.plan.title}: {said_settings(search.best.settings)}."
            if (search.best.held_out or 0.0) < (search.recipe.held_out or 0.0):
                yield f"No trial of {search.plan.title} is better than the recipe's own settings: they may stay."
    yield from (f"{s.plan.title}: {missing}." for s in searches if (missing := missing_trials(s)))
    if found:
        yield OPTIMISTIC
    if any(search.standard_error is None for search in found):
        yield ONE_RUN


def _trials_part(search: Trials) -> Part:
    """Return all trials of a search, the best first, the recipe's own settings among them."""
    title = f"Trials of {search.plan.title}"
    datasets = [dataset.name for dataset in search.plan.datasets]
    shown = datasets if len(datasets) > 1 else []
    names = short_names(search_of(search.plan).ranges)
    trials = (search.recipe, *search.drawn)
    ranked = sorted(trials, key=lambda trial: -1.0 if trial.held_out is None else trial.held_out, reverse=True)
    rows = (GridRow(trial.label, tuple(_cells(trial, search, shown, names))) for trial in ranked)
    grid = Grid("", "trial", ("held-out AUC", *shown, *names.values()), (GridGroup("", tuple(rows)),))
    caption = f"{title}, the best first; bold: the best. “{search.recipe.label}” is set beside them and never chosen."
    return Part(f"{search.plan.table}-trials", title, (caption,), grid, tuple(_trial_notes(search)))


def _cells(trial: Trial, search: Trials, datasets: Sequence[str], names: Iterable[str]) -> Iterator[GridCell]:
    best = trial is search.best
    near = search.standard_error is not None and not best and trial in search.near
    yield GridCell(percent(trial.held_out).value, marks="†" if near else "", bold=best)
    for dataset in datasets:
        yield percent(fmean(trial.values[dataset]) if trial.held_out is not None else None)
    for name in names:
        yield GridCell("", shown_value(trial.settings[name]) if name in trial.settings else EMPTY)


def _trial_notes(search: Trials) -> Iterator[str]:
    if search.standard_error is not None and len(search.near) > 1:
        yield NEAR
    for trial in (search.recipe, *search.drawn):
        if trial.held_out is None:
            yield f"{trial.label}: {without_folders(trial.reason)}."
