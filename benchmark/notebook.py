"""The interface for notebooks and scripts; `from benchmark import compare, load_runs, open_dataset`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmark.datasets.catalog import data_root, open_or_make
from benchmark.datasets.store import Dataset
from benchmark.driver import run_jobs
from benchmark.executors import Resources
from benchmark.executors.choice import choose_device, choose_executor
from benchmark.frames import classes_frame, differences_frame, results_frame, runs_frame, videos_frame
from benchmark.runs.records import trouble_line
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.tables.cells import Table, fill_table
from benchmark.tables.declaration import declare_comparison
from benchmark.tables.planning import plan_table
from benchmark.terms import Device, Profile
from benchmark.training.specification import DEFAULT_SEEDS, Options


@dataclass(frozen=True)
class Comparison:
    """A method compared with others, as pandas tables; all values are fractions.

    Attributes
    ----------
    results
        Mean and deviation over seeds of each method on each dataset.
    differences
        The method less each other one, with 95 % interval and p adjusted for all of them.
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


def load_runs(results: Path | str = "results") -> pd.DataFrame:
    """Load the evaluations of all stored runs, one row each, with every metric.

    Raises
    ------
    InputError
        If no run is stored there.
    """
    frame = runs_frame(RunStore(Results(Path(results)).runs))
    if frame.empty:
        raise InputError(f"{results}: no run is stored there; `wvad train` or `compare` makes some")
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

    Raises
    ------
    InputError
        If a method, dataset or setting is wrong, or a run did not succeed.
    """
    store = Results(Path(results))
    options = Options(
        profile=profile,
        seeds=seeds or DEFAULT_SEEDS[profile],
        overrides=tuple(settings),
        runs=store.runs,
        device=choose_device(device, executor),
    )
    opened = [open_dataset(name, data) for name in datasets]
    declaration = declare_comparison(method, against, opened, options)
    folder = f"{'+'.join(datasets)}-{profile}"
    plan, jobs = plan_table(declaration, opened, folder, "benchmark.compare", options)
    store.write_invocation(plan)
    outcomes = run_jobs(
        jobs, choose_executor(executor, Resources(device=options.device)), Console(stderr=True), lambda _: None
    )
    for outcome in outcomes:
        if outcome.status != "ok":
            raise InputError(trouble_line(outcome.status, outcome.job.spec, outcome.reason))
    return Comparison.of(fill_table(plan, RunStore(store.runs), "last"))
