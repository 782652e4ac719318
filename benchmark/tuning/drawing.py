"""Settings drawn from a search space by Optuna, and a search kept in Optuna's own form."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from benchmark.system.seeding import derive_seed
from benchmark.terms import Range, Sampler
from benchmark.tuning.trials import Trial, Trials

Drawn = Mapping[str, Any]
"""``SECTION.KEY`` -> a value."""

FIRST_ROUND, ROUND = 10, 5
"""Trials of a TPE search that are drawn at random, and then between two looks at what was reached."""
DIGITS = 3
"""Significant digits of what is drawn: a recipe is read by people."""


@contextmanager
def _quietly() -> Iterator[None]:
    """Have Optuna say nothing of studies that are none of the user's, and leave its settings as they were."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def rounds(sampler: Sampler, trials: int) -> list[int]:
    """Return how many trials are drawn at once: all at random, since none depends on what others reach, or in rounds.

    Rounds have the same size on every machine, so that what is drawn depends on what was reached and on nothing else.
    """
    if sampler == "random":
        return [trials]
    sizes = [min(FIRST_ROUND, trials)]
    while sum(sizes) < trials:
        sizes.append(min(ROUND, trials - sum(sizes)))
    return sizes


def draw_more(space: Mapping[str, Range], before: Sequence[Trial], count: int) -> Sequence[Drawn]:
    """Draw the next settings of a search.

    The first ones, and all of a random search, are drawn at random; later ones by a tree-structured Parzen estimator
    (Bergstra et al. 2011) from what those before have reached.
    """
    if not before:
        return [draw_at_random(space, number) for number in range(count)]
    return _draw_near(space, before, count)


def draw_at_random(space: Mapping[str, Range], number: int) -> Drawn:
    """Draw the settings of a trial.

    Each has a seed of its own, derived from its name and the trial's number: methods that search the same range of a
    setting try the same values of it, and one more setting changes no other.
    """
    return {
        name: _ask(RandomSampler(_seed("trial", str(number), name)), {name: range_}, 1)[0][name]
        for name, range_ in space.items()
    }


def _draw_near(space: Mapping[str, Range], before: Sequence[Trial], count: int) -> Sequence[Drawn]:
    with _quietly():
        sampler = TPESampler(n_startup_trials=0, seed=_seed("round", str(len(before))), constant_liar=True)
    return _ask(sampler, space, count, before)


def _ask(
    sampler: BaseSampler, space: Mapping[str, Range], count: int, before: Sequence[Trial] = ()
) -> list[dict[str, Any]]:
    distributions = {name: _distribution(range_) for name, range_ in space.items()}
    with _quietly():
        study = optuna.create_study(sampler=sampler, direction="maximize")
        study.add_trials([_frozen(trial, space) for trial in before])
        asked = [study.ask(distributions).params for _ in range(count)]
    return [{name: _shorten(drawn[name], range_) for name, range_ in space.items()} for drawn in asked]


def to_optuna(search: Trials) -> bytes:
    """Return a search as the journal of an Optuna study, which Optuna and its dashboard open."""
    assert search.plan.search is not None
    with tempfile.TemporaryDirectory() as folder, _quietly():
        path = Path(folder) / "journal"
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(storage=storage, study_name=search.plan.table, direction="maximize")
        study.add_trials([_frozen(trial, search.plan.search.ranges) for trial in search.drawn])
        return path.read_bytes()


def _frozen(trial: Trial, space: Mapping[str, Range]) -> FrozenTrial:
    """Return a trial as Optuna has it; one without a value has failed."""
    failed = trial.held_out is None
    return create_trial(
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        value=trial.held_out,
        params={name: trial.settings[name] for name in space},
        distributions={name: _distribution(range_) for name, range_ in space.items()},
        user_attrs={"label": trial.label, **({"reason": trial.reason} if failed else {})},
    )


def _distribution(range_: Range) -> BaseDistribution:
    low, high = range_.low, range_.high
    if low is None or high is None:
        return CategoricalDistribution(range_.choices)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=range_.log)
    return FloatDistribution(low, high, log=range_.log)


def _shorten(value: Any, range_: Range) -> Any:
    if not isinstance(value, float) or range_.low is None or range_.high is None:
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), float(range_.low)), float(range_.high))


def _seed(*purpose: str) -> int:
    return derive_seed(0, "search", *purpose) % 2**32
