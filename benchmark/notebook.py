"""The interface for notebooks: compare methods, read what is stored, open a dataset; tables are pandas tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console

from benchmark.datasets.catalog import data_root, open_or_make
from benchmark.datasets.dataset import Dataset
from benchmark.execution.call import do_tables
from benchmark.prediction.frames import predict as predict
from benchmark.runs.records import trouble_line
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.tables.cells import Table, fill_table
from benchmark.tables.declaring import declare_comparison
from benchmark.tables.frames import classes_frame, differences_frame, results_frame, videos_frame
from benchmark.tables.planning import plan_table
from benchmark.tables.stored_frames import load_class_wise as load_class_wise
from benchmark.tables.stored_frames import load_runs as load_runs
from benchmark.tables.stored_frames import load_scores as load_scores
from benchmark.terms import METRIC_NAMES, Device, Profile, Selection
from benchmark.training.choices import Choices
from reports.tables.verdicts import verdicts

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
