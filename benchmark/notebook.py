"""The interface for notebooks: compare methods, read what is stored, open a dataset; tables are pandas tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pandas as pd
from rich.console import Console

from benchmark.datasets.catalog import data_root, open_or_make
from benchmark.datasets.dataset import Dataset
from benchmark.execution.call import do_tables
from benchmark.prediction.frames import predict as predict
from benchmark.runs.records import Evaluation, RunRecord, trouble_line
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.tables.cells import Table, fill_table
from benchmark.tables.declaration import declare_comparison
from benchmark.tables.planning import plan_table
from benchmark.terms import Device, Profile, Selection
from benchmark.training.choices import Choices

PART_DIGITS = 16
"""Of the hash of a dataset's training or test part, as a column shows it."""


@dataclass(frozen=True)
class Comparison:
    """A method compared with others, as pandas tables; all values are fractions.

    Attributes
    ----------
    results
        Mean and deviation over seeds of each method on each dataset.
    differences
        The method less each other one, and each tuned one less itself as in the recipe, with 95 % interval and p
        adjusted for all of them.
    classes
        The same by class of anomaly.
    videos
        The test videos on which they differ most, five each way.
    """

    results: pd.DataFrame
    differences: pd.DataFrame
    classes: pd.DataFrame
    videos: pd.DataFrame

    @classmethod
    def of(cls, table: Table) -> Comparison:
        """Take the parts of a filled table about one method."""
        return cls(results_frame(table), differences_frame(table), classes_frame(table), videos_frame(table))


def open_dataset(name: str, data: Path | str | None = None) -> Dataset:
    """Open a dataset by name; the simulated ones are made if they are not there yet.

    Parameters
    ----------
    data
        Folder of the datasets; else ``$WVAD_DATA``, else ``./data``.

    Raises
    ------
    InputError
        If there is none of that name, or it is damaged.
    """
    return open_or_make(name, data_root(None if data is None else Path(data)), lambda done, total: None)


def load_runs(
    results: Path | str = "results", selection: Selection = "last", *, controls: bool = False
) -> pd.DataFrame:
    """Load what is stored under one selection: a row for each run and each dataset that it was tested on.

    Runs that share `configuration` differ in their seed alone: no other rows may be pooled into a mean. `train_part`
    and `test_part` tell datasets of one name apart that were imported with other videos or labels. Settings stand in
    columns ``config.KEY``, ``training.KEY`` and ``ADD-ON.KEY``, metrics in columns of their own; nan where one is
    undefined.

    Parameters
    ----------
    selection
        Which weights of a run count.
    controls
        Whether runs on shuffled video labels are there too; `shuffled_labels` tells them.

    Raises
    ------
    InputError
        If no run is stored there under this selection.
    """
    return pd.DataFrame(
        {
            **_identity(record, evaluation),
            "metric": evaluation.metric,
            **{name: _number(value) for name, value in evaluation.metrics.items() if not _is_class_wise(name)},
            **record.spec.named_settings,
        }
        for record, evaluation in _evaluations(Path(results), selection, controls)
    )


def load_class_wise(
    results: Path | str = "results", selection: Selection = "last", *, controls: bool = False
) -> pd.DataFrame:
    """Load the class-wise AUCs of the rows of `load_runs`: a row for each class and definition.

    Raises
    ------
    InputError
        If no run is stored there under this selection.
    """
    found = _evaluations(Path(results), selection, controls)
    rows = [
        {**_identity(record, evaluation), "class": name, "definition": definition, "auc": _number(value)}
        for record, evaluation in found
        for metric, value in evaluation.metrics.items()
        if _is_class_wise(metric)
        for definition, _, name in [metric.partition("/")]
    ]
    return pd.DataFrame(rows, columns=[*_identity(*found[0]), "class", "definition", "auc"])


def compare(
    method: str,
    against: Sequence[str],
    datasets: Sequence[str],
    *,
    seeds: int | None = None,
    profile: Profile = "quick",
    settings: Sequence[str] = (),
    data: Path | str | None = None,
    results: Path | str = "results",
    device: Device = "auto",
    executor: str | None = None,
    selection: Selection = "last",
    tuned: int | None = None,
) -> Comparison:
    """Compare a method with others, as `wvad compare` does; runs that are stored are not trained again.

    Parameters
    ----------
    method, against
        ``METHOD[@PRESET][+ADD-ON...]`` or ``path/to/file.py:Class``, each.
    datasets
        Names of imported or simulated datasets; each is trained and tested on by itself.
    seeds
        Seeds of each method; 3 in profile ``quick`` and 5 in ``paper`` unless given.
    settings
        ``KEY=VALUE`` settings, as after `--set`.
    executor
        ``serial``, ``local``, ``ray``, ``slurm`` or a plug-in; ``serial`` on a single GPU, else ``local``.
    selection
        Which weights of a run count.
    tuned
        Random trials that each method gets on each dataset's training part; None for the recipes as they are.

    Raises
    ------
    InputError
        If a method, dataset or setting is wrong, or a run did not succeed.
    """
    choices = Choices(
        profile=profile,
        seeds=seeds,
        data=None if data is None else Path(data),
        results=Path(results),
        device=device,
        executor=executor,
        tracking="none",
        settings=tuple(settings),
    )
    opened = [open_dataset(name, choices.data) for name in datasets]
    console, call = Console(stderr=True), "benchmark.compare"
    declared = declare_comparison(method, against, opened, choices)
    if tuned is not None:
        from benchmark.tuning.tune import tune_tables  # brings Optuna along

        (declared,) = tune_tables([(declared, opened)], choices, tuned, call, console)
    plan, jobs = plan_table(declared, opened, choices, call)
    for outcome in do_tables([(plan, jobs)], choices, console, lambda plan: None):
        if outcome.status != "ok":
            raise InputError(trouble_line(outcome.status, outcome.job.spec, outcome.reason))
    return Comparison.of(fill_table(plan, Results(choices.results).store, selection))


def _evaluations(results: Path, selection: Selection, controls: bool) -> list[tuple[RunRecord, Evaluation]]:
    """Return the stored evaluations under a selection, each with its run."""
    if selection not in get_args(Selection):
        raise InputError(f"selection {selection!r}: choose one of {', '.join(get_args(Selection))}")
    store = Results(results).store
    found = [
        (record, evaluation)
        for record in store.records()
        if controls or not record.spec.shuffled_labels
        for evaluation in store.evaluations(record.key)
        if evaluation.selection == selection
    ]
    if not found:
        raise InputError(
            f"{results}: no run is stored there under the selection {selection}; `wvad train` or `compare` makes some"
        )
    return found


def _identity(record: RunRecord, evaluation: Evaluation) -> dict[str, object]:
    """Say what a row is of; see `load_runs`."""
    spec = record.spec
    return {
        "run_key": record.key,
        "configuration": spec.configuration,
        "title": spec.title,
        "method": spec.method,
        "add_ons": "+".join(add_on.name for add_on in spec.add_ons),
        "train_dataset": spec.dataset,
        "train_part": spec.train_hash[:PART_DIGITS],
        "eval_dataset": evaluation.dataset,
        "test_part": evaluation.test_hash[:PART_DIGITS],
        "profile": spec.profile,
        "holdout": spec.holdout,
        "shuffled_labels": spec.shuffled_labels,
        "imported": spec.imported,
        "seed": spec.seed,
        "selection": evaluation.selection,
        "step": evaluation.step,
    }


def _is_class_wise(metric: str) -> bool:
    return "/" in metric


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def results_frame(table: Table) -> pd.DataFrame:
    """Return the cells of a table: row, datasets, metric, mean, standard deviation over seeds, number of seeds."""
    return pd.DataFrame(
        {
            "row": cell.row,
            "train_dataset": cell.train,
            "eval_dataset": cell.test,
            "metric": cell.metric,
            "mean": cell.summary.mean if cell.summary else None,
            "std": cell.summary.std if cell.summary else None,
            "n_seeds": cell.summary.n if cell.summary else 0,
            "standing": cell.standing,
            "reason": cell.reason,
        }
        for cell in table.cells
    )


def differences_frame(table: Table) -> pd.DataFrame:
    """Return the differences of a table about one method, with 95 % interval and p."""
    columns = ["dataset", "metric", "one", "other", "difference", "ci_low", "ci_high", "p_holm"]
    rows = [
        (dataset.name, dataset.metric, d.one, d.other, d.gap, d.ci_low, d.ci_high, d.p)
        for dataset in table.plan.datasets
        for d in table.differences(dataset.name, dataset.name)
    ]
    return pd.DataFrame(rows, columns=columns)


def classes_frame(table: Table) -> pd.DataFrame:
    """Return how a table's method differs from each other row by class."""
    columns = ["dataset", "other", "class", "definition", "videos", "auc_one", "auc_other", "ci_low", "ci_high"]
    rows = [
        (found.dataset, found.other, c.name, c.definition, c.videos, c.one, c.other, c.ci_low, c.ci_high)
        for found in table.contrasts
        for c in found.classes
    ]
    return pd.DataFrame(rows, columns=columns)


def videos_frame(table: Table) -> pd.DataFrame:
    """Return the test videos on which a table's method differs most from each other row, five each way."""
    columns = ["dataset", "other", "video", "classes", "share_one", "share_other"]
    rows = [
        (found.dataset, found.other, video.name, ", ".join(video.classes), video.one, video.other)
        for found in table.contrasts
        for video in (*found.better, *reversed(found.worse))
    ]
    return pd.DataFrame(rows, columns=columns)
