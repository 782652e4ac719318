"""A table: its declaration, the runs it needs, and the cells that the stored runs give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Self

import yaml
from pydantic import ValidationError, model_validator

from benchmark.datasets.store import Dataset
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import first_error
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedDataset, PlannedRow, TablePlan
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel
from benchmark.terms import SCENES_PREFIX, Protocol
from benchmark.training.jobs import Job
from benchmark.training.scores_from_elsewhere import PREFIX, find_imported
from benchmark.training.specification import Options, check_comparable, check_overrides, make_job, plan_runs


class RowDeclaration(FrozenModel):
    """A row of a table.

    Attributes
    ----------
    label
        What to call it; unique in the table.
    method
        ``NAME[@PRESET][+ADD-ON...]``, as on the command line.
    settings
        ``KEY=VALUE`` settings that make the row what it is; they win over those of the command line.
    against
        Label of the row that this one is compared with; by default the table's `reference`.
    group
        Heading of the part of the table that the row belongs to; rows of a group follow one another.
    paper
        What the row is called in the paper's own table, see `benchmark.paper`.
    """

    label: str
    method: str
    settings: tuple[str, ...] = ()
    group: str = ""
    against: str | None = None
    paper: str | None = None


class TableDeclaration(FrozenModel):
    """A table as declared in ``benchmark/tables/NAME.yaml``.

    Attributes
    ----------
    protocol
        ``cross``: every row trained on each dataset is tested on each. ``in-domain``: tested where it was trained.
    datasets
        The benchmarks that the paper's table is about.
    reported
        Whether the other rows of the paper's table are listed, where features and benchmark are the paper's.
    controls
        Whether controls stand under the table.
    study
        Whether the rows are values of settings, to be drawn as well.
    reference
        Label of the row that the others are compared with; by default the first.
    subject
        Label of the row that is compared with each of the others, where the table is about one method.
    power
        A difference, as a fraction, for which to say how many seeds and test videos would show it.
    """

    name: str
    title: str
    protocol: Protocol
    datasets: tuple[str, ...]
    rows: tuple[RowDeclaration, ...]
    reported: bool = False
    controls: bool = True
    study: bool = False
    reference: str | None = None
    subject: str | None = None
    power: float | None = None

    @model_validator(mode="after")
    def _labels_are_clear(self) -> Self:
        labels = [row.label for row in self.rows]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise ValueError(f"two rows are called {twice}")
        for named in (self.reference, self.subject, *(row.against for row in self.rows)):
            if named is not None and named not in labels:
                raise ValueError(f"no row is called {named}, which others are compared with")
        return self


def list_tables() -> list[str]:
    """Return the names of the declared tables."""
    folder = files("benchmark") / "tables"
    return sorted(Path(str(entry)).stem for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def read_table(name: str) -> TableDeclaration:
    """Read a table's declaration.

    Raises
    ------
    InputError
        If there is no such table or its declaration is wrong.
    """
    if name not in list_tables():
        raise InputError(f"unknown table {name}; known: {', '.join(list_tables())}")
    path = files("benchmark") / "tables" / f"{name}.yaml"
    try:
        table = TableDeclaration.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(f"{path}: not a table declaration: {first_error(error)}") from None
    if table.name != name:
        raise InputError(f"{path}: says that it is {table.name}, not {name}")
    return table


def plan_table(
    table: TableDeclaration, datasets: Sequence[Dataset], folder: str, command: str, options: Options
) -> tuple[TablePlan, list[Job]]:
    """Plan a table: the keys of all its runs, and the jobs that train and evaluate them.

    Jobs are ordered by seed, so that an interrupted table has all cells of few seeds rather than few cells.
    """
    check_comparable(datasets)
    reference = table.subject or table.reference or table.rows[0].label
    compared = [row.model_copy(update={"against": row.against or reference}) for row in table.rows]
    planned = [_plan_row(row, table.protocol, datasets, options) for row in compared]
    shuffled = replace(options, shuffled_labels=True)
    first = next((row for row in table.rows if not row.method.startswith(PREFIX)), None)
    controls = [_plan_row(_control(first), "in-domain", datasets, shuffled)] if table.controls and first else []
    check_overrides(options.overrides, {text for row in planned for text in row.used})
    plan = TablePlan(
        table=table.name,
        title=table.title,
        protocol=table.protocol,
        reported=table.reported,
        study=table.study,
        subject=table.subject,
        power=table.power,
        folder=folder,
        profile=options.profile,
        seeds=options.seeds,
        holdout=options.holdout,
        overrides=options.overrides,
        command=command,
        datasets=tuple(describe_dataset(dataset) for dataset in datasets),
        rows=tuple(row.row for row in planned),
        shuffled=controls[0].row if controls else None,
    )
    jobs = [job for row in (*planned, *controls) for job in row.jobs]
    return plan, distinct_jobs(jobs)


def distinct_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Merge the jobs of one run, of rows, tables or datasets that share it, and order them by seed."""
    found: dict[str, Job] = {}
    for job in jobs:
        known = found.setdefault(job.spec.key, job)
        found[job.spec.key] = replace(known, evaluate_on=tuple(dict.fromkeys(known.evaluate_on + job.evaluate_on)))
    return sorted(found.values(), key=lambda job: job.spec.seed)


def _control(first: RowDeclaration) -> RowDeclaration:
    name = first.label if not first.settings else f"{first.method}, {', '.join(first.settings)}"
    return first.model_copy(update={"label": f"{name}, on shuffled video labels"})


@dataclass(frozen=True)
class _Row:
    """A planned row, the jobs that it needs, and those of the settings that its method took."""

    row: PlannedRow
    jobs: list[Job]
    used: set[str]


def _plan_imported(row: RowDeclaration, datasets: Sequence[Dataset], options: Options) -> _Row:
    """Plan a row of scores from elsewhere: its runs are stored, and need no job."""
    store = RunStore(options.runs)
    runs = {
        dataset.name: tuple(s.key for s in find_imported(row.method, dataset, options.profile, store)[: options.seeds])
        for dataset in datasets
    }
    planned = PlannedRow(
        label=row.label, method=row.method, group=row.group, against=row.against, paper=None, runs=runs
    )
    return _Row(planned, [], set())


def _plan_row(row: RowDeclaration, protocol: Protocol, datasets: Sequence[Dataset], options: Options) -> _Row:
    if row.method.startswith(PREFIX):
        return _plan_imported(row, datasets, options)
    pipeline, options = find_pipeline(row.method), replace(options, overrides=options.overrides + row.settings)
    runs: dict[str, tuple[str, ...]] = {}
    jobs: list[Job] = []
    used: set[str] = set()
    for dataset in datasets:
        specs, taken = plan_runs(pipeline, dataset, options)
        check_overrides(row.settings, taken)
        used |= taken
        runs[dataset.name] = tuple(spec.key for spec in specs)
        comparable = [d for d in datasets if d.manifest.feature_set == dataset.manifest.feature_set]
        targets = comparable if protocol == "cross" else [dataset]
        jobs += [make_job(spec, pipeline, dataset, targets, options) for spec in specs]
    add_ons = tuple(add_on.name for add_on in pipeline.add_ons)
    planned = PlannedRow(
        label=row.label,
        method=pipeline.method_name,
        add_ons=add_ons,
        settings=row.settings,
        group=row.group,
        against=row.against,
        paper=row.paper,
        reference=pipeline.reference,
        runs=runs,
    )
    return _Row(planned, jobs, used)


def describe_dataset(dataset: Dataset) -> PlannedDataset:
    """Describe a dataset for a plan."""
    manifest = dataset.manifest
    return PlannedDataset(
        name=manifest.name,
        benchmark=manifest.benchmark,
        metric=manifest.metric,
        feature_set=manifest.feature_set,
        crops=manifest.crops,
        test_hash=manifest.test_hash(),
        test_videos=len(manifest.split("test")),
        missing=len(manifest.missing),
        simulated=manifest.name.startswith(SCENES_PREFIX),
    )
