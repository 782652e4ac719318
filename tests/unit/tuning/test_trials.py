"""What trials have reached, from the run store."""

import math
from pathlib import Path

import pytest

from benchmark.runs.records import Failure, Look
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedRow, TablePlan
from benchmark.terms import Range, Training
from benchmark.tuning.trials import Trials, read_trials
from tests.records import make_record
from tests.unit.tuning.searches import a_plan, a_trial

SPACE = {"training.learning_rate": Range(low=1e-5, high=1e-2, log=True, source="estimate")}


def spec_of(dataset: str, seed: int, rate: float) -> RunSpec:
    return RunSpec(
        method="rtfm",
        version=1,
        config={},
        training=Training(steps=5, looks=1, learning_rate=rate),
        inputs={},
        profile="quick",
        holdout=0.25,
        trial=True,
        train_hash=dataset,
        seed=seed,
        title="RTFM",
        dataset=dataset,
        benchmark="other",
        feature_set="i3d",
    )


def store_trial(store: RunStore, spec: RunSpec, value: float | None) -> None:
    with store.stage(spec) as folder:
        record = make_record(
            spec,
            looks=(Look(step=5, validation=value),),
            selected={},
            parameters=10,
            finished="2026-01-01T00:00:00+00:00",
        )
        (folder / "record.json").write_text(record.model_dump_json())


def plan_of(specs: dict[str, dict[str, list[RunSpec]]], datasets: tuple[str, ...]) -> TablePlan:
    plan = a_plan(SPACE, len(specs) - 1, datasets)
    rows = [
        PlannedRow(
            label=label,
            method="rtfm",
            paper=None,
            settings=()
            if label == "as in the recipe"
            else (f"training.learning_rate={next(iter(runs.values()))[0].training.learning_rate}",),
            runs={name: tuple(spec.key for spec in found) for name, found in runs.items()},
        )
        for label, runs in specs.items()
    ]
    return plan.model_copy(update={"rows": tuple(rows)})


def test_a_value_is_the_mean_over_datasets_of_means_over_runs(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    rates = {"as in the recipe": 1e-3, "trial 1": 2e-4}
    specs = {
        label: {name: [spec_of(name, seed, rate) for seed in range(2)] for name in ("one", "two")}
        for label, rate in rates.items()
    }
    values = iter([0.5, 0.6, 0.9, 0.7, 0.8, 0.6, 0.7, 0.9])
    for runs in specs.values():
        for found in runs.values():
            for spec in found:
                store_trial(store, spec, next(values))
    search = read_trials(plan_of(specs, ("one", "two")), store)
    assert search.recipe.held_out == pytest.approx(((0.5 + 0.6) / 2 + (0.9 + 0.7) / 2) / 2)
    (trial,) = search.drawn
    assert trial.values == {"one": (0.8, 0.6), "two": (0.7, 0.9)}
    assert trial.held_out == pytest.approx(0.75)
    assert (trial.settings, search.recipe.settings) == (
        {"training.learning_rate": 2e-4},
        {"training.learning_rate": 1e-3},
    )
    assert search.best is trial


def test_a_trial_without_all_its_runs_has_no_value_and_says_why(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    specs = {
        label: {"one": [spec_of("one", seed, rate) for seed in range(2)]}
        for label, rate in {"as in the recipe": 1e-3, "trial 1": 1e-2, "trial 2": 2e-3, "trial 3": 3e-3}.items()
    }
    for spec in specs["as in the recipe"]["one"]:
        store_trial(store, spec, 0.7)
    store_trial(store, specs["trial 1"]["one"][0], 0.9)
    failed = specs["trial 1"]["one"][1]
    store.write_failure(
        Failure(key=failed.key, spec=failed, reason="loss became nan at step 3", traceback="", failed="now")
    )
    store_trial(store, specs["trial 2"]["one"][0], 0.9)
    store_trial(store, specs["trial 2"]["one"][1], None)
    search = read_trials(plan_of(specs, ("one",)), store)
    assert [trial.held_out for trial in search.drawn] == [None, None, None]
    assert [trial.settings.get("training.learning_rate") for trial in search.drawn] == [1e-2, 2e-3, 3e-3]
    assert [trial.reason for trial in search.drawn] == [
        f"run {failed.key} failed: loss became nan at step 3",
        f"run {specs['trial 2']['one'][1].key}: its held-out videos are all of one class",
        f"run {specs['trial 3']['one'][0].key} has not been trained",
    ]
    assert (search.best, search.near, search.standard_error) == (None, (), None)


def test_the_best_is_the_first_of_equals_and_never_the_recipe() -> None:
    drawn = tuple(a_trial(f"trial {n}", {}, value) for n, value in enumerate((0.6, 0.8, 0.8), start=1))
    search = Trials(a_plan(SPACE, 3), a_trial("as in the recipe", {}, 0.95), drawn)
    assert search.best is drawn[1]


def test_near_the_top_are_those_within_one_standard_error_of_the_best() -> None:
    best = a_trial("trial 1", {}, 0.80, spread=0.02)
    # Two runs, 0.78 and 0.82: deviation 0.0283, over the root of two 0.02.
    drawn = (best, a_trial("trial 2", {}, 0.781), a_trial("trial 3", {}, 0.779))
    search = Trials(a_plan(SPACE, 3), a_trial("as in the recipe", {}, 0.5), drawn)
    assert search.standard_error == pytest.approx(0.02)
    assert search.near == drawn[:2]


def test_the_standard_error_is_within_datasets_and_not_between_them() -> None:
    trial = a_trial("trial 1", {}, 0.7)
    values = {"one": (0.9, 0.94), "two": (0.5, 0.44)}
    best = type(trial)("trial 1", {}, values, 0.695)
    search = Trials(a_plan(SPACE, 1, ("one", "two")), trial, (best,))
    errors = [0.04**2 / 2 / 2, 0.06**2 / 2 / 2]
    assert search.standard_error == pytest.approx(math.sqrt(sum(errors)) / 2)


def test_one_run_of_each_gives_no_standard_error() -> None:
    trial = type(a_trial("x", {}, 0.5))("trial 1", {}, {"cameras": (0.7,)}, 0.7)
    search = Trials(a_plan(SPACE, 1), trial, (trial,))
    assert search.standard_error is None
    assert search.near == (trial,)
