"""A table: its declaration, the runs it needs, and the cells that the stored runs give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.runs.results_folder import Results
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.table_plan import MethodCard, PlannedDataset, PlannedRow, TablePlan
from benchmark.system.errors import InputError
from benchmark.system.files import file_name
from benchmark.system.frozen import first_error
from benchmark.tables.declaration import RowDeclaration, TableDeclaration
from benchmark.tables.describing import MakeCard, choose_card, describe_dataset, describe_figures, describe_row
from benchmark.terms import Profile, Protocol, Supervision
from benchmark.training.choices import Choices
from benchmark.training.elsewhere.scores import PREFIX
from benchmark.training.jobs import Job, distinct_jobs
from benchmark.training.requirements import (
    UnfitError,
    check_comparable,
    check_fits,
    check_holdout,
    check_overrides,
    check_trainable,
)
from benchmark.training.specification import describe_run, make_job, plan_runs, supervision_of


def plan_table(
    table: TableDeclaration, datasets: Sequence[Dataset], choices: Choices, command: str, stem: str = ""
) -> tuple[TablePlan, list[Job]]:
    """Plan a table: the keys of all its runs, and the jobs that train and evaluate them.

    Jobs are ordered by seed, so that an interrupted table has all cells of few seeds rather than few cells.

    Parameters
    ----------
    command
        What repeats the call.
    stem
        What the table's folder is called before the profile; by default after the datasets.

    Raises
    ------
    InputError
        If a method cannot be used or trained on a dataset, or the table would have no name or no end.
    """
    check_comparable(datasets)
    if "thresholds" in table.measures and not choices.holdout:
        raise InputError("--measures thresholds: held-out training videos choose them; give --holdout, such as 0.2")
    tried = next((tuned.trials for row in table.rows for tuned in row.tuned.values()), None)
    name = (stem or "+".join(dataset.name for dataset in datasets)) + (f"-tuned-{tried}" if tried else "")
    with_runs = next((row for row in table.rows if row.method), table.rows[0])
    reference = table.subject or table.reference or with_runs.label
    compared = [row.model_copy(update={"against": row.against or reference}) for row in table.rows]
    card = choose_card(table.described, table.measures)
    planned = [_plan_row(row, table.protocol, datasets, choices, card=card) for row in compared]
    if not any(keys for row in planned for keys in row.row.runs.values()):
        nothing = InputError(f"{table.name}: none of these rows has a method that could be trained")
        raise next((error for row in planned for error in row.unfit.values()), nothing)
    trained = [row for row in table.rows if row.method and not row.method.startswith(PREFIX)]
    first = next(iter(trained), None)
    controls = (
        [_plan_row(_control(first), "in-domain", datasets, choices, shuffled_labels=True)]
        if table.controls and first
        else []
    )
    methods = [find_pipeline(row.method) for row in trained]
    check_overrides(choices.overrides, {text for row in planned for text in row.used}, methods)
    plan = check_plan(
        table=table.name,
        title=table.title,
        protocol=table.protocol,
        reported=table.reported,
        study=table.study,
        subject=table.subject,
        power=table.power,
        measures=table.measures,
        join=table.join,
        folder=folder_of(name, choices.profile),
        profile=choices.profile,
        seeds=len(choices.every_seed),
        holdout=choices.holdout,
        overrides=choices.overrides,
        command=command,
        datasets=tuple(describe_dataset(dataset) for dataset in datasets),
        rows=tuple(row.row for row in planned),
        shuffled=controls[0].row if controls else None,
    )
    jobs = [job for row in (*planned, *controls) for job in row.jobs]
    return plan, distinct_jobs(jobs)


def check_plan(table: str, **fields: Any) -> TablePlan:
    """Make a plan; one that could not be read again is refused before anything is trained for it.

    Raises
    ------
    InputError
        If it could not.
    """
    try:
        return TablePlan(table=table, **fields)
    except ValidationError as error:
        raise InputError(f"{table}: cannot be planned, {first_error(error)}") from None


def _control(first: RowDeclaration) -> RowDeclaration:
    name = first.label if not first.settings else f"{first.method}, {', '.join(first.settings)}"
    return first.model_copy(update={"label": f"{name}, on shuffled video labels"})


@dataclass(frozen=True)
class _Row:
    """A planned row, the jobs that it needs, and those of the settings that its method took."""

    row: PlannedRow
    jobs: list[Job]
    used: set[str]
    unfit: dict[str, UnfitError] = field(default_factory=dict)


def _plan_imported(row: RowDeclaration, datasets: Sequence[Dataset], choices: Choices) -> _Row:
    """Plan a row of scores from elsewhere: its runs are stored, and need no job."""
    results = Results(choices.results)
    found = {dataset.name: find_imported(row.method, dataset, choices.profile, results) for dataset in datasets}
    runs = {name: tuple(spec.key for spec in specs[: len(choices.every_seed)]) for name, specs in found.items()}
    planned = PlannedRow(
        label=row.label, method=row.method, group=row.group, against=row.against, paper=None, runs=runs
    )
    return _Row(planned, [], set())


def _plan_reported(row: RowDeclaration, datasets: Sequence[Dataset]) -> _Row:
    """Plan a row that has no method: it says why, and what was published."""
    planned = PlannedRow(
        label=row.label,
        method=row.label,
        group=row.group,
        paper=row.paper,
        runs={dataset.name: () for dataset in datasets},
        unfit={dataset.name: row.reason for dataset in datasets},
        card=MethodCard(reported=describe_figures(row.published, datasets)),
    )
    return _Row(planned, [], set())


def _plan_row(
    row: RowDeclaration,
    protocol: Protocol,
    datasets: Sequence[Dataset],
    choices: Choices,
    shuffled_labels: bool = False,
    card: MakeCard | None = None,
) -> _Row:
    if row.reason:
        return _plan_reported(row, datasets)
    if row.method.startswith(PREFIX):
        return _plan_imported(row, datasets, choices)
    pipeline = find_pipeline(row.method)
    runs: dict[str, tuple[str, ...]] = {}
    jobs: list[Job] = []
    used: set[str] = set()
    unfit: dict[str, UnfitError] = {}
    supervision: dict[str, Supervision] = {}
    for dataset in datasets:
        tuned = row.tuned[dataset.name].settings if dataset.name in row.tuned else ()
        try:
            specs, taken = plan_runs(pipeline, dataset, choices, (*row.settings, *tuned), shuffled_labels)
        except UnfitError as error:
            unfit[dataset.name], runs[dataset.name] = error, ()
            continue
        supervision[dataset.name] = supervision_of(pipeline, specs[0])
        check_overrides(row.settings, taken, [pipeline])
        used |= taken
        runs[dataset.name] = tuple(spec.key for spec in specs)
        comparable = [d for d in datasets if d.manifest.feature_set == dataset.manifest.feature_set]
        targets = comparable if protocol == "cross" else [dataset]
        jobs += [make_job(spec, pipeline, dataset, targets, choices) for spec in specs]
    planned = describe_row(
        pipeline,
        runs,
        label=row.label,
        settings=row.settings,
        tuned=row.tuned,
        group=row.group,
        against=row.against,
        paper=row.paper,
        unfit={name: str(error) for name, error in unfit.items()},
        supervision={name: told for name, told in supervision.items() if told != "weak"},
        card=card and card(pipeline, datasets, choices, row.settings),
    )
    return _Row(planned, jobs, used, unfit)


def find_imported(method: str, dataset: Dataset, profile: Profile, results: Results) -> list[RunSpec]:
    """Find the runs of the latest import under a name on a dataset, in the order of the seeds.

    Parameters
    ----------
    method
        ``imported:NAME``.

    Raises
    ------
    InputError
        If there is none.
    """
    wanted = (method, dataset.manifest.train_hash(), profile)
    # What was imported last is what was planned last: a run that is there already is not stored anew.
    plans = [plan for plan in results.plans(_table_of(method)) if plan.folder == folder_of(dataset.name, profile)]
    keys = [key for plan in plans for key in plan.run_keys()]
    records = [record for key in keys if (record := results.store.record(key)) is not None]
    specs = [r.spec for r in records if (r.spec.method, r.spec.train_hash, r.spec.profile) == wanted]
    if not specs:
        raise InputError(
            f"{method}: no such scores on {dataset.name}, profile {profile}; `wvad import-scores` brings them in"
        )
    return specs


def plan_imported(specs: Sequence[RunSpec], dataset: PlannedDataset, command: str) -> TablePlan:
    """Plan the table of imported runs, one per seed, so that they are shown wherever planned runs are."""
    first = specs[0]
    return check_plan(
        table=_table_of(first.method),
        title=first.title,
        protocol="in-domain",
        folder=folder_of(dataset.name, first.profile),
        profile=first.profile,
        seeds=len(specs),
        holdout=0.0,
        overrides=(),
        command=command,
        datasets=(dataset,),
        rows=(
            PlannedRow(
                label=first.title,
                method=first.method,
                paper=None,
                runs={dataset.name: tuple(spec.key for spec in specs)},
            ),
        ),
    )


def plan_diagnosis(pipeline: Pipeline, dataset: Dataset, choices: Choices, command: str) -> tuple[TablePlan, list[Job]]:
    """Plan the runs of a method that are to be diagnosed, one per seed: none looks at a test video or is tested.

    Parameters
    ----------
    choices
        With the share of training videos that is held out.

    Raises
    ------
    InputError
        If the recipe is wrong, or the dataset lacks videos or an input that the method needs.
    """
    check_trainable(dataset)
    check_holdout(dataset, looks=1)  # the diagnosis is the one look
    first, used = describe_run(pipeline, dataset, choices, ("training.looks=0",))
    check_overrides(choices.overrides, used, [pipeline])
    check_fits(pipeline, first, dataset)
    specs = [first.model_copy(update={"seed": seed, "settings": ()}) for seed in choices.every_seed]
    row = describe_row(pipeline, {dataset.name: [spec.key for spec in specs]}, label=first.title)
    plan = check_plan(
        table=f"diagnose-{file_name(pipeline.name)}",
        title=f"{first.title} on {dataset.name}",
        protocol="in-domain",
        folder=folder_of(dataset.name, choices.profile),
        profile=choices.profile,
        seeds=len(specs),
        holdout=choices.holdout,
        overrides=choices.overrides,
        command=command,
        datasets=(describe_dataset(dataset),),
        rows=(row,),
        diagnosis=True,
    )
    return plan, [make_job(spec, pipeline, dataset, (), choices) for spec in specs]


def _table_of(method: str) -> str:
    return file_name(method.replace(":", "-"))


def folder_of(stem: str, profile: Profile) -> str:
    """Return what the folder of a table is called."""
    return f"{stem}-{profile}"
