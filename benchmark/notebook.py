"""The interface for notebooks: compare methods, read what is stored, open a dataset; tables are pandas tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
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
from benchmark.tables.declaring import declare_comparison
from benchmark.tables.frames import classes_frame, differences_frame, results_frame, videos_frame
from benchmark.tables.planning import plan_table
from benchmark.terms import METRIC_NAMES, Device, Profile, Selection
from benchmark.training.choices import Choices
from reports.tables.verdicts import verdicts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PART_DIGITS = 16
"""Of the hash of a dataset's training or test part, as a column shows it."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """A method compared with others, as pandas tables; all values are fractions.

    It shows itself as its verdicts and the means, in percent; `plot` draws the differences.

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
    verdicts
        The answer, in a sentence for each dataset.
    """

    results: pd.DataFrame
    differences: pd.DataFrame
    classes: pd.DataFrame
    videos: pd.DataFrame
    verdicts: tuple[str, ...]

    @classmethod
    def of(cls, table: Table) -> Comparison:
        """Take the parts of a filled table about one method."""
        return cls(
            results_frame(table),
            differences_frame(table),
            classes_frame(table),
            videos_frame(table),
            tuple(verdicts(table)),
        )

    def plot(self) -> Figure:
        """Draw the differences in points with their 95 % intervals, filled where one is beyond doubt.

        Raises
        ------
        InputError
            If no two methods can be compared.
        """
        import matplotlib.pyplot  # noqa: F401 - a notebook shows figures from then on

        from reports.figures.forest import draw_intervals

        if self.differences.empty:
            raise InputError("nothing to draw: no two methods of this comparison can be compared")
        rows = self.differences.to_dict("records")
        shown = self.differences.assign(
            column=[f"{row['dataset']} ({METRIC_NAMES[row['metric']]})" for row in rows],
            label=[f"{row['one']} − {row['other']}" for row in rows],
        )
        return draw_intervals(shown, "difference in points")

    def __repr__(self) -> str:
        return "\n".join((*self.verdicts, "", self._means().to_string(index=False)))

    def _repr_html_(self) -> str:
        sentences = "".join(f"<p>{escape(verdict)}</p>" for verdict in self.verdicts)
        return sentences + self._means().to_html(index=False)

    def _means(self) -> pd.DataFrame:
        """Return what people read of the results."""
        shown = self.results[["row", "eval_dataset", "metric", "mean", "std", "n_seeds"]]
        in_percent = {name: 100 * shown[name].astype(float).round(4) for name in ("mean", "std")}
        return shown.assign(metric=shown["metric"].map(dict(METRIC_NAMES)), **in_percent).rename(
            columns={"row": "method", "eval_dataset": "dataset", "mean": "mean, %", "std": "std, %", "n_seeds": "seeds"}
        )


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


def load_scores(run: pd.Series, results: Path | str = "results") -> pd.DataFrame:
    """Load the scores of a run on the test videos: a row for each snippet.

    Columns are `video`, `classes` (empty for a normal video), `snippet` (from 0), `score`, `frames` that the snippet
    stands for, and `abnormal_frames`, those of them that are annotated as abnormal.

    Parameters
    ----------
    run
        A row of `load_runs`, such as ``load_runs().iloc[0]``.

    Raises
    ------
    InputError
        If its scores are not stored there, or damaged.
    """
    store, key = Results(Path(results)).store, str(run["run_key"])
    wanted = (run["eval_dataset"], run["test_part"], run["selection"])
    found = (e for e in store.evaluations(key) if (e.dataset, e.test_hash[:PART_DIGITS], e.selection) == wanted)
    evaluation = next(found, None)
    scored = store.read_scores(key, evaluation.key) if evaluation else None
    if scored is None:
        raise InputError(
            f"{results}: no scores of run {key} on {wanted[0]} there; `wvad store verify` says what is damaged"
        )
    frame = pd.DataFrame(
        {
            "video": np.array(scored.names)[scored.video],
            "classes": np.array([", ".join(names) for names in scored.classes])[scored.video],
            "score": scored.scores,
            "frames": scored.positive + scored.negative,
            "abnormal_frames": scored.positive,
        }
    )
    frame.insert(2, "snippet", frame.groupby("video", sort=False).cumcount())
    return frame


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
