"""Searches planned and done on tiny datasets: what is tried, what is stored, what goes on after an interruption."""

import subprocess
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from rich.console import Console

from benchmark.cli import run
from benchmark.datasets.dataset import Dataset
from benchmark.execution.call import Planned
from benchmark.plugins.recipes import RecipeFile
from benchmark.runs.gc import find_waste
from benchmark.runs.results_folder import Results
from benchmark.runs.verify import check_run
from benchmark.system.errors import InputError
from benchmark.system.yaml_text import parse_yaml
from benchmark.tables.cells import fill_table
from benchmark.tables.declaration import RowDeclaration, TableDeclaration
from benchmark.tables.declaring import declare_comparison
from benchmark.tables.line_ups import find_line_ups
from benchmark.tables.planning import plan_table
from benchmark.training.choices import Choices
from benchmark.training.requirements import UnfitError
from benchmark.tuning.drawing import to_optuna
from benchmark.tuning.fragment import repeat_command, to_recipe
from benchmark.tuning.planning import MethodSearch, SearchChoices, check_searches, plan_search
from benchmark.tuning.trials import Trials
from benchmark.tuning.tune import do_searches, tune_tables

STREAMS = f"{Path(__file__).parents[2] / 'plugins' / 'asks.py'}:TwoStreams"
WVAD = [sys.executable, "-c", "from benchmark.cli import main; main()"]
ODD = """
from pydantic import Field, model_validator
from methods.dmil import DMIL

class Odd(DMIL):
    title = "Odd"

    class Config(DMIL.Config):
        least: float = Field(0.1, ge=0, le=1)
        most: float = Field(0.9, ge=0, le=1)

        @model_validator(mode="after")
        def _in_order(self):
            if self.least >= self.most:
                raise ValueError("least is not below most")
            return self
"""


@pytest.fixture
def dataset(tiny_scenes: Path) -> Dataset:
    return Dataset(tiny_scenes / "scenes-avenue")


def small(results: Path, **choices: Any) -> Choices:
    given = {"settings": ("steps=2", "batch_size=2"), "executor": "serial", "tracking": "none"}
    return Choices(results=results, **{**given, **choices})


def planned(dataset: Dataset, choices: Choices, method: str = "dmil", **search: Any) -> MethodSearch:
    wanted = SearchChoices(**{"trials": 3, "names": ("learning_rate", "centre_weight"), **search})
    return plan_search(method, [dataset], choices, wanted, "command")


def do(searches: Sequence[MethodSearch]) -> tuple[list[Trials], int]:
    """Do searches; return what they found and how many runs were trained."""
    store = Results(searches[0].choices.results).store
    before = len(store.keys())
    found = do_searches(searches, Console(file=StringIO()))
    return found, len(store.keys()) - before


def test_every_trial_has_the_same_runs_and_none_is_tested(dataset: Dataset, tmp_path: Path) -> None:
    search = planned(dataset, small(tmp_path))
    (found,), trained = do([search])
    assert trained == (3 + 1) * 2
    store = Results(tmp_path).store
    records = list(store.records())
    assert {(r.spec.trial, r.spec.holdout, r.spec.training.looks, len(r.looks)) for r in records} == {
        (True, 0.25, 1, 1)
    }
    assert {look.test for r in records for look in r.looks} == {None}
    assert all(not list(store.evaluations(r.key)) and not r.selected for r in records)
    assert {r.spec.training.steps for r in records} == {2}
    assert [list(check_run(store, r.key)) for r in records] == [[]] * len(records)
    assert len({tuple(trial.settings.items()) for trial in found.drawn}) == 3
    assert found.best is not None
    assert found.best.held_out == max(trial.held_out for trial in found.drawn if trial.held_out is not None)


def test_trials_are_kept_by_gc_and_stand_in_no_line_up(dataset: Dataset, tmp_path: Path) -> None:
    do([planned(dataset, small(tmp_path))])
    results = Results(tmp_path)
    results.write_invocation(next(iter(results.plans(None))))
    assert find_waste(results, lambda done, total: None).waste == ()
    assert [line_up.contenders for line_up in find_line_ups(results.plans(None), results.store, "last")] == [()]


def test_the_test_part_of_a_dataset_does_not_matter(dataset: Dataset, tmp_path: Path) -> None:
    other = Dataset(dataset.path)
    manifest = other.manifest
    videos = [
        v.model_copy(update={"intervals": ((0, 16),)}) if v.split == "test" and v.label else v for v in manifest.videos
    ]
    other.manifest = manifest.model_copy(update={"videos": tuple(videos)})
    assert other.manifest.test_hash() != manifest.test_hash()
    plans = [planned(one, small(tmp_path)).plan([{"config.centre_weight": 0.1}], 1)[0] for one in (dataset, other)]
    assert plans[0].run_keys() == plans[1].run_keys()


def test_a_search_goes_on_from_what_is_stored(dataset: Dataset, tmp_path: Path) -> None:
    few, _ = do([planned(dataset, small(tmp_path), trials=2)])
    more, trained = do([planned(dataset, small(tmp_path), trials=4)])
    assert trained == 2 * 2
    assert more[0].drawn[:2] == few[0].drawn
    _, trained = do([planned(dataset, small(tmp_path), trials=4)])
    assert trained == 0


def test_tpe_goes_on_where_it_was_interrupted_and_tries_the_same(dataset: Dataset, tmp_path: Path) -> None:
    whole, trained = do([planned(dataset, small(tmp_path / "whole"), trials=13, sampler="tpe")])
    assert trained == 14 * 2
    interrupted = small(tmp_path / "part")
    rounds: list[Sequence[Planned]] = []

    def stop(planned: Sequence[Planned]) -> None:
        rounds.append(planned)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    search = planned(dataset, interrupted, trials=13, sampler="tpe")
    with pytest.raises(KeyboardInterrupt):
        do_searches([search], Console(file=StringIO()), stop)
    again, trained = do([search])
    assert trained == 3 * 2
    assert again[0].drawn == whole[0].drawn


def test_folds_are_runs_of_one_seed(dataset: Dataset, tmp_path: Path) -> None:
    (found,), trained = do([planned(dataset, small(tmp_path), folds=3, trials=1)])
    assert trained == 2 * 3
    records = list(Results(tmp_path).store.records())
    assert sorted((r.spec.fold, r.spec.seed) for r in records) == [(0, 0), (0, 0), (1, 0), (1, 0), (2, 0), (2, 0)]
    assert {r.spec.holdout for r in records} == {1 / 3}
    assert len(found.drawn[0].values["scenes-avenue"]) == 3


def test_methods_try_the_same_values_of_a_range_that_they_share(dataset: Dataset, tmp_path: Path) -> None:
    found, _ = do([planned(dataset, small(tmp_path), method, names=("learning_rate",)) for method in ("dmil", "mmil")])
    assert [trial.settings for trial in found[0].drawn] == [trial.settings for trial in found[1].drawn]


def test_what_is_set_is_not_searched(dataset: Dataset, tmp_path: Path) -> None:
    choices = small(tmp_path, settings=("steps=2", "dropout=0.3"))
    assert list(planned(dataset, choices, names=()).ranges) == [
        "training.learning_rate",
        "training.weight_decay",
        "training.segments",
        "config.centre_weight",
        "config.top_divisor",
    ]


@pytest.mark.parametrize(
    ("changes", "search", "message"),
    [
        ({}, {"trials": 0}, "trials: choose a number from 1 to 1000"),
        ({}, {"folds": 1}, "--folds: choose a number from 2 to 100"),
        ({"seeds": 2}, {"folds": 3}, "--folds says what is held out and how often; leave --seeds and --holdout away"),
        ({"holdout": 0.2}, {"folds": 3}, "--folds says what is held out"),
        ({}, {"folds": 50}, "--folds 50: dataset scenes-avenue has 6 normal training videos; give fewer"),
    ],
)
def test_a_search_that_cannot_be_is_refused(
    dataset: Dataset, tmp_path: Path, changes: dict[str, Any], search: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        planned(dataset, small(tmp_path, **changes), **search)
    assert not list(tmp_path.iterdir())


def test_a_name_that_no_method_searches_is_refused_and_one_of_another_method_is_not(
    dataset: Dataset, tmp_path: Path
) -> None:
    choices = small(tmp_path)

    def check(*names: str, settings: tuple[str, ...] = ()) -> None:
        search = planned(dataset, choices, names=("dropout", *names))
        check_searches(search.search, small(tmp_path, settings=settings), [search])

    check("centre_weight", "penalty", "alpha", settings=("dmil.steps=3",))
    with pytest.raises(InputError, match="dmil: nothing of what is asked for can be searched; `wvad methods dmil`"):
        check_searches(SearchChoices(names=("penalty",)), choices, [planned(dataset, choices, names=("penalty",))])
    with pytest.raises(
        InputError, match=r"--search dropuot: no method searches such a setting; here are config\.dropout"
    ):
        check("dropuot")
    with pytest.raises(InputError, match="--set stepz=2: none of these methods has such a setting; did you mean"):
        check(settings=("stepz=2",))


def test_a_method_is_named_once(dataset: Dataset, tmp_path: Path) -> None:
    choices = small(tmp_path)
    searches = [planned(dataset, choices, name) for name in ("dmil", "DMIL")]
    with pytest.raises(InputError, match="dmil is named twice"):
        check_searches(searches[0].search, choices, searches)


def test_values_that_do_not_go_together_are_a_trial_without_a_value(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(ODD)
    search = planned(dataset, small(tmp_path / "results"), f"{path}:Odd", names=("least", "most"), trials=6)
    (found,), trained = do([search])
    fits = [trial.settings["config.least"] < trial.settings["config.most"] for trial in found.drawn]
    assert 0 < sum(fits) < 6
    assert [trial.held_out is not None for trial in found.drawn] == fits
    assert trained == (1 + sum(fits)) * 2
    assert {trial.reason for trial in found.drawn} == {"", "its settings do not go together"}
    assert "its settings do not go together" in to_optuna(found).decode()


def test_refreshed_trials_of_a_tpe_search_are_trained_once_each(dataset: Dataset, tmp_path: Path) -> None:
    do([planned(dataset, small(tmp_path), trials=12, sampler="tpe")])
    jobs: list[str] = []

    def note(planned: Sequence[Planned]) -> None:
        jobs.extend(job.spec.key for _, own in planned for job in own)

    again = planned(dataset, small(tmp_path, cached="refresh"), trials=12, sampler="tpe")
    do_searches([again], Console(file=StringIO()), note)
    assert len(jobs) == len(set(jobs)) == 13 * 2


def test_two_calls_at_once_share_the_runs_of_one_search(tiny_scenes: Path, tmp_path: Path) -> None:
    command = [*WVAD, "tune", "dmil", "--trials", "6"]
    places = ["--dataset", "scenes-avenue", "--data", str(tiny_scenes), "--results", str(tmp_path)]
    tiny = ["--set", "batch_size=2", "--workers", "1", "--tracking", "none", "--sampler", "random"]
    calls = [subprocess.Popen([*command, *places, *tiny], stdout=PIPE, stderr=PIPE, text=True) for _ in range(2)]
    said = [call.communicate(timeout=240) for call in calls]
    assert [call.returncode for call in calls] == [0, 0]
    assert said[0][0].split("Settings searched")[1] == said[1][0].split("Settings searched")[1]
    store = Results(tmp_path).store
    keys = store.keys()
    assert len(keys) == 7 * 2
    assert [list(check_run(store, key)) for key in keys] == [[]] * 14


def test_trials_go_to_another_store_and_are_sound_there(dataset: Dataset, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    search = planned(dataset, small(here))
    do([search])
    assert run(["store", "export", str(tmp_path / "trials.tar"), "tune-dmil", "--results", str(here)]) == 0
    assert run(["store", "import", str(tmp_path / "trials.tar"), "--results", str(there)]) == 0
    assert run(["store", "verify", "--results", str(there)]) == 0
    _, trained = do([planned(dataset, small(there))])
    assert trained == 0


def test_imported_scores_have_nothing_to_tune(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="imported:mine: scores from elsewhere have no settings"):
        planned(dataset, small(tmp_path), "imported:mine")


def test_what_was_found_is_a_recipe_with_the_command_that_finds_it(dataset: Dataset, tmp_path: Path) -> None:
    search = planned(dataset, small(tmp_path))
    (found,), _ = do([search])
    assert found.best is not None
    content: Any = parse_yaml(to_recipe(search, found, "mine"))
    recipe = RecipeFile.model_validate(content)
    quick = recipe.profiles["quick"]
    leaves = {f"training.{key}": leaf for key, leaf in quick.training.items()}
    leaves |= {f"config.{key}": leaf for key, leaf in quick.config.items()}
    assert {name: leaf.value for name, leaf in leaves.items()} == dict(found.best.settings)
    command = (
        "wvad tune dmil --dataset scenes-avenue --trials 3 --search learning_rate,centre_weight --set steps=2 "
        "--set batch_size=2"
    )
    assert {(leaf.source, leaf.note) for leaf in leaves.values()} == {("search", command)}
    assert repeat_command(search) == command
    assert str(tmp_path) not in to_recipe(search, found)
    assert "method" not in to_recipe(search, found)


def test_the_command_says_what_is_not_by_default(dataset: Dataset, tmp_path: Path) -> None:
    other = planned(dataset, small(tmp_path, seeds=3, holdout=0.5, settings=()), names=(), sampler="tpe")
    assert repeat_command(other) == (
        "wvad tune dmil --dataset scenes-avenue --trials 3 --sampler tpe --seeds 3 --holdout 0.5"
    )
    folds = planned(dataset, small(tmp_path, settings=()), names=(), folds=3)
    assert repeat_command(folds) == "wvad tune dmil --dataset scenes-avenue --trials 3 --folds 3"


def tuned(dataset: Dataset, choices: Choices, table: TableDeclaration, trials: int = 2) -> TableDeclaration:
    (declared,) = tune_tables([(table, [dataset])], choices, trials, "command", Console(file=StringIO()))
    return declared


def test_rows_are_tuned_alike_and_stand_beside_those_of_the_recipes(dataset: Dataset, tmp_path: Path) -> None:
    choices = small(tmp_path, seeds=3)
    rows = (
        RowDeclaration(label="DMIL", method="dmil"),
        RowDeclaration(label="DMIL, k", method="dmil", settings=("top_divisor=2",), against="DMIL"),
        RowDeclaration(label="again", method="dmil", group="others"),
    )
    table = TableDeclaration(name="t", title="t", protocol="in-domain", datasets=("x",), rows=rows, reference="DMIL")
    declared = tuned(dataset, choices, table)
    assert [(row.label, row.group, row.against) for row in declared.rows] == [
        ("DMIL, tuned", "tuned alike", None),
        ("DMIL, k, tuned", "tuned alike", "DMIL, tuned"),
        ("again, tuned", "others, tuned alike", None),
        ("DMIL", "as in the recipes", "DMIL, tuned"),
        ("DMIL, k", "as in the recipes", "DMIL, k, tuned"),
        ("again", "others, as in the recipes", "again, tuned"),
    ]
    assert declared.reference == "DMIL, tuned"
    trials = [record.spec for record in Results(tmp_path).store.records()]
    assert {spec.seed for spec in trials} == {0, 1}  # the three seeds are the table's
    first, second, third, *own = declared.rows
    assert first.tuned == third.tuned
    assert [found.trials for row in (first, second, third) for found in row.tuned.values()] == [2, 2, 2]
    assert not any("top_divisor" in setting for setting in second.tuned["scenes-avenue"].settings)
    assert all(not row.tuned for row in own)
    plan, jobs = plan_table(declared, [dataset], choices, "command")
    assert plan.folder == "scenes-avenue-tuned-2-quick"
    specs = {job.spec.key: job.spec for job in jobs}
    for key in plan.rows[0].runs["scenes-avenue"]:
        spec = specs[key]
        assert (spec.holdout, spec.trial, len(plan.rows[0].runs["scenes-avenue"])) == (0.0, False, 3)
        for setting in first.tuned["scenes-avenue"].settings:
            name, _, value = setting.partition("=")
            assert spec.named_settings[name] == parse_yaml(value)


def test_a_comparison_of_tuned_methods_is_about_the_tuned_one(dataset: Dataset, tmp_path: Path) -> None:
    choices = small(tmp_path, seeds=2)
    declared = tuned(dataset, choices, declare_comparison("dmil", ["mmil"], [dataset], choices))
    assert declared.subject == "DMIL, tuned"
    plan, _ = plan_table(declared, [dataset], choices, "command")
    assert {row.label: row.against for row in plan.rows} == {
        "DMIL, tuned": "DMIL, tuned",
        "MMIL, tuned": "DMIL, tuned",
        "DMIL": "DMIL, tuned",
        "MMIL": "MMIL, tuned",
    }
    assert fill_table(plan, Results(tmp_path).store, "last").cells[0].summary is None


def test_a_search_without_any_value_ends_with_the_reason(dataset: Dataset, tmp_path: Path) -> None:
    choices = small(tmp_path, timeout=0.001)
    table = declare_comparison("dmil", ["mmil"], [dataset], choices)
    with pytest.raises(
        InputError, match=r"DMIL on scenes-avenue: none of 2 trials gave a value; trial 1: run .* timeout"
    ):
        tuned(dataset, choices, table)


def test_a_row_that_does_not_fit_is_not_searched_and_stays_in_the_table(dataset: Dataset, tmp_path: Path) -> None:
    choices = small(tmp_path)
    with pytest.raises(UnfitError, match="states no part visual"):
        planned(dataset, choices, STREAMS)
    rows = (RowDeclaration(label="DMIL", method="dmil"), RowDeclaration(label="streams", method=STREAMS))
    table = TableDeclaration(name="t", title="t", protocol="in-domain", datasets=("x",), rows=rows, controls=False)
    declared = tuned(dataset, choices, table)
    assert {row.label: list(row.tuned) for row in declared.rows} == {
        "DMIL, tuned": [dataset.name],
        "streams, tuned": [],
        "DMIL": [],
        "streams": [],
    }
    plan, _ = plan_table(declared, [dataset], choices, "command")
    assert {row.label: len(row.runs[dataset.name]) > 0 for row in plan.rows} == {
        row.label: row.label.startswith("DMIL") for row in declared.rows
    }
    with pytest.raises(UnfitError, match="states no part visual"):
        tuned(dataset, choices, table.model_copy(update={"rows": rows[1:]}))
