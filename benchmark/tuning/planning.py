"""A search planned: the runs of each trial, in a plan as tables have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import read_recipe
from benchmark.plugins.registry import MethodPlugin
from benchmark.plugins.search_space import SEARCHED, named_settings, resolve_space
from benchmark.runs.run_spec import RunSpec, titled
from benchmark.runs.table_plan import PlannedRow, Search, TablePlan
from benchmark.system.entry_points import list_plugins
from benchmark.system.errors import InputError
from benchmark.system.files import file_name
from benchmark.system.hashing import digest
from benchmark.tables.describing import describe_dataset, describe_row
from benchmark.tables.planning import check_plan, folder_of
from benchmark.terms import HELD_OUT, MOST_FOLDS, MOST_TRIALS, TRIALS, Range, Sampler
from benchmark.training.choices import Choices
from benchmark.training.elsewhere.scores import PREFIX
from benchmark.training.jobs import Job, distinct_jobs
from benchmark.training.requirements import check_fits, check_holdout, check_overrides, check_trainable
from benchmark.training.specification import describe_run, make_job
from benchmark.tuning.drawing import Drawn

TRIAL_SEEDS = 2
"""Seeds of each trial, unless others are chosen."""

RECIPE = "as in the recipe"


@dataclass(frozen=True, kw_only=True)
class SearchChoices:
    """The choices of a search beside those of its runs.

    Attributes
    ----------
    folds
        Parts into which the training videos are dealt, each held out once; None where each seed draws what is held out.
    names
        The settings to search, as `--set` names them; empty for all of the search space.

    Raises
    ------
    InputError
        If a choice is none.
    """

    trials: int = TRIALS
    sampler: Sampler = "random"
    folds: int | None = None
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= MOST_TRIALS:
            raise InputError(f"trials: choose a number from 1 to {MOST_TRIALS}")
        if self.folds is not None and not 2 <= self.folds <= MOST_FOLDS:
            raise InputError(f"--folds: choose a number from 2 to {MOST_FOLDS}")


@dataclass(frozen=True)
class MethodSearch:
    """The search for one method's settings, which are to be the same on all of some datasets.

    Attributes
    ----------
    settings
        What is set in place of the recipe's values in every trial: the settings of a table's row.
    choices
        Of the runs: with the held-out share, and the seeds of each trial.
    ranges
        What is drawn from.
    """

    pipeline: Pipeline
    settings: tuple[str, ...]
    datasets: tuple[Dataset, ...]
    choices: Choices
    search: SearchChoices
    ranges: Mapping[str, Range]
    command: str

    @property
    def place(self) -> tuple[str, str]:
        """The table and the folder that the search is kept as."""
        folder = folder_of("+".join(dataset.name for dataset in self.datasets), self.choices.profile)
        settings = f"-{digest(self.settings)[:6]}" if self.settings else ""
        return f"tune-{file_name(self.pipeline.name)}{settings}", folder

    def plan(self, drawn: Sequence[Drawn], new: int) -> tuple[TablePlan, list[Job]]:
        """Plan the trials that are drawn so far, and the jobs of those that are new.

        The recipe's own settings are planned with the first ones: what is drawn is set beside them.

        Parameters
        ----------
        new
            How many of the last ones are new.
        """
        tried = {RECIPE: (), **{f"trial {n}": as_settings(settings) for n, settings in enumerate(drawn, start=1)}}
        specs = {
            label: {dataset.name: self._specify(dataset, label, settings) for dataset in self.datasets}
            for label, settings in tried.items()
        }
        rows = tuple(self._row(label, settings, specs[label]) for label, settings in tried.items())
        first = specs[RECIPE][self.datasets[0].name]
        table, folder = self.place
        plan = check_plan(
            table=table,
            title=titled(first[0].title, self.settings),
            protocol="in-domain",
            folder=folder,
            profile=self.choices.profile,
            seeds=len(first),
            holdout=first[0].holdout,
            overrides=self.choices.overrides,
            command=self.command,
            datasets=tuple(describe_dataset(dataset) for dataset in self.datasets),
            rows=rows,
            search=Search(
                ranges=dict(self.ranges),
                trials=self.search.trials,
                sampler=self.search.sampler,
                folds=self.search.folds,
            ),
        )
        to_do = list(tried) if new == len(drawn) else list(tried)[-new:]
        jobs = [
            make_job(spec, self.pipeline, dataset, (), self.choices)
            for label in to_do
            for dataset in self.datasets
            for spec in specs[label][dataset.name]
        ]
        return plan, distinct_jobs(jobs)

    def _row(self, label: str, settings: Sequence[str], specs: Mapping[str, Sequence[RunSpec]]) -> PlannedRow:
        runs = {name: [spec.key for spec in own] for name, own in specs.items()}
        return describe_row(self.pipeline, runs, label=label, settings=(*self.settings, *settings))

    def _specify(self, dataset: Dataset, label: str, settings: Sequence[str]) -> list[RunSpec]:
        """Specify the runs of a trial on a dataset."""
        # One look, at the weights of the last step: those are what a table shows.
        changed = (*self.settings, *settings, "training.looks=1")
        try:
            spec, _ = describe_run(self.pipeline, dataset, self.choices, changed)
        except InputError:
            if label == RECIPE:
                raise
            return []  # each value is in its range, but they do not go together: a trial without a value
        trial = spec.model_copy(update={"trial": True, "settings": (*self.settings, label)})
        if self.search.folds is None:
            return [trial.model_copy(update={"seed": seed}) for seed in self.choices.every_seed]
        share = {"holdout": 1 / self.search.folds}
        return [trial.model_copy(update={**share, "fold": fold}) for fold in range(self.search.folds)]


def plan_search(
    reference: str,
    datasets: Sequence[Dataset],
    choices: Choices,
    search: SearchChoices,
    command: str,
    settings: Sequence[str] = (),
) -> MethodSearch:
    """Plan a search for a method's settings.

    Parameters
    ----------
    settings
        What is set in every trial, and not searched.

    Raises
    ------
    InputError
        If the method cannot be used, or a dataset has too few training videos to hold some out; `UnfitError` if its
        features are not for the method.
    """
    if reference.startswith(PREFIX):
        raise InputError(f"{reference}: scores from elsewhere have no settings that could be tuned; leave it out")
    pipeline = find_pipeline(reference)
    if search.folds is not None and (choices.seeds is not None or choices.holdout):
        raise InputError("--folds says what is held out and how often; leave --seeds and --holdout away")
    choices = replace(choices, seeds=choices.seeds or TRIAL_SEEDS, holdout=choices.holdout or HELD_OUT, looks=None)
    for dataset in datasets:
        check_trainable(dataset)
        check_holdout(dataset, looks=1)
        _check_folds(dataset, search.folds)
    fixed = named_settings((*choices.overrides, *settings), pipeline)
    wanted = named_settings(search.names, pipeline, SEARCHED)
    ranges = {
        name: range_
        for name, range_ in resolve_space(pipeline, choices.profile).items()
        if name not in fixed.values() and (not search.names or name in wanted.values())
    }
    for dataset in datasets:
        check_fits(pipeline, describe_run(pipeline, dataset, choices, settings)[0], dataset)
    return MethodSearch(pipeline, tuple(settings), tuple(datasets), choices, search, ranges, command)


def check_searches(search: SearchChoices, choices: Choices, searches: Sequence[MethodSearch]) -> None:
    """Refuse a method named twice, and a setting that no method searches, or is to be set and that none of these has.

    One that another method searches is no slip, as the same command serves all methods; but each has to search some.

    Raises
    ------
    InputError
        If there is one.
    """
    pipelines = [one.pipeline for one in searches]
    places = [one.place for one in searches]
    for one in searches:
        if places.count(one.place) > 1:
            raise InputError(f"{one.pipeline.name} is named twice")
    here = dict.fromkeys(key for one in searches for key in one.ranges)
    for name in search.names:
        if not any(named_settings([name], one.pipeline, SEARCHED).get(name) in one.ranges for one in searches):
            everywhere = {key for plugin in list_plugins(MethodPlugin).values() for key in read_recipe(plugin).search}
            if name not in everywhere:
                raise InputError(f"--search {name}: no method searches such a setting; here are {', '.join(here)}")
    for one in searches:
        if not one.ranges:
            raise InputError(
                f"{one.pipeline.name}: nothing of what is asked for can be searched; "
                f"`wvad methods {one.pipeline.name}` lists what can"
            )
    used = {text for one in pipelines for text in named_settings(choices.overrides, one)}
    check_overrides(choices.overrides, used, pipelines)


def as_settings(drawn: Mapping[str, Any]) -> tuple[str, ...]:
    """Write settings as `--set` takes them."""
    return tuple(f"{name}={json.dumps(value)}" for name, value in drawn.items())


def _check_folds(dataset: Dataset, folds: int | None) -> None:
    for label, word in ((0, "normal"), (1, "abnormal")):
        count = sum(video.label == label for video in dataset.manifest.split("train"))
        if folds is not None and count < folds:
            raise InputError(f"--folds {folds}: dataset {dataset.name} has {count} {word} training videos; give fewer")
