"""Settings drawn from a search space: within it, by seeds of their own, and near what did well."""

import json
import math
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmark.runs.table_plan import TablePlan
from benchmark.terms import Range
from benchmark.tuning.drawing import FIRST_ROUND, ROUND, draw_at_random, draw_more, rounds, to_optuna
from benchmark.tuning.trials import Trial, Trials
from tests.unit.tuning.searches import a_plan, a_trial

RATE = Range(low=1e-5, high=1e-2, log=True, source="estimate")
DROPOUT = Range(low=0.0, high=0.8, source="estimate")
WHOLE = Range(low=1, high=5, source="estimate")
STEPS = Range(choices=(50, 100, 200), source="estimate")
SPACE = {"training.learning_rate": RATE, "config.dropout": DROPOUT, "config.top_k": WHOLE, "training.steps": STEPS}


@given(st.integers(0, 10_000))
def test_what_is_drawn_is_in_the_space_and_short(number: int) -> None:
    drawn = draw_at_random(SPACE, number)
    assert list(drawn) == list(SPACE)
    assert 1e-5 <= drawn["training.learning_rate"] <= 1e-2
    assert 0 <= drawn["config.dropout"] <= 0.8
    assert drawn["config.top_k"] in (1, 2, 3, 4, 5)
    assert isinstance(drawn["config.top_k"], int)
    assert drawn["training.steps"] in (50, 100, 200)
    for name in ("training.learning_rate", "config.dropout"):
        assert drawn[name] == float(f"{drawn[name]:.3g}")


def test_a_setting_is_drawn_alike_whatever_else_is_searched() -> None:
    for number in range(5):
        alone = draw_at_random({"training.learning_rate": RATE}, number)
        assert draw_at_random(SPACE, number)["training.learning_rate"] == alone["training.learning_rate"]


def test_trials_and_settings_have_seeds_of_their_own() -> None:
    same = {"a": DROPOUT, "b": DROPOUT}
    drawn = [draw_at_random(same, number) for number in range(20)]
    assert len({trial["a"] for trial in drawn}) > 15
    assert all(trial["a"] != trial["b"] for trial in drawn)


def test_log_ranges_are_drawn_by_factors() -> None:
    exponents = [math.log10(draw_at_random({"r": RATE}, number)["r"]) for number in range(300)]
    assert sum(e < -3.5 for e in exponents) / 300 == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("sampler", "trials", "sizes"),
    [("random", 20, [20]), ("tpe", 20, [10, 5, 5]), ("tpe", 12, [10, 2]), ("tpe", 4, [4]), ("tpe", 1, [1])],
)
def test_rounds_do_not_depend_on_the_machine(sampler: str, trials: int, sizes: list[int]) -> None:
    assert (FIRST_ROUND, ROUND) == (10, 5)
    assert rounds(sampler, trials) == sizes  # type: ignore[arg-type]


def trials_with_a_peak(count: int) -> list[Trial]:
    """Trials that are the better the nearer the rate is to 0.001."""
    found = []
    for number in range(count):
        drawn = draw_at_random(SPACE, number)
        value = 1 - abs(math.log10(drawn["training.learning_rate"]) + 3) / 2
        found.append(a_trial(f"trial {number + 1}", drawn, value))
    return found


def test_the_first_trials_of_a_tpe_search_are_those_of_a_random_one() -> None:
    assert draw_more(SPACE, (), 4) == [draw_at_random(SPACE, number) for number in range(4)]


def test_tpe_draws_near_what_did_well_and_the_same_again() -> None:
    before = trials_with_a_peak(30)
    drawn = draw_more(SPACE, before, 40)
    assert drawn == draw_more(SPACE, before, 40)
    near = sum(abs(math.log10(trial["training.learning_rate"]) + 3) < 0.75 for trial in drawn)
    at_random = sum(
        abs(math.log10(draw_at_random(SPACE, number)["training.learning_rate"]) + 3) < 0.75 for number in range(40)
    )
    assert near > at_random + 5
    assert all(0 <= trial["config.dropout"] <= 0.8 for trial in drawn)


def test_a_trial_without_a_value_does_not_stop_tpe() -> None:
    before = [*trials_with_a_peak(10), Trial("trial 11", draw_at_random(SPACE, 10), {}, None, "run failed")]
    assert len(draw_more(SPACE, before, 5)) == 5


def test_optuna_opens_what_is_kept_of_a_search(tmp_path: Path) -> None:
    plan: TablePlan = a_plan(SPACE, 3)
    drawn = (*trials_with_a_peak(2), Trial("trial 3", draw_at_random(SPACE, 2), {}, None, "run 12 failed: no memory"))
    search = Trials(plan, a_trial("as in the recipe", {}, 0.5), drawn)
    (tmp_path / "journal").write_bytes(to_optuna(search))
    for line in (tmp_path / "journal").read_text().splitlines():
        json.loads(line)
    study = optuna.load_study(
        study_name=plan.table, storage=JournalStorage(JournalFileBackend(str(tmp_path / "journal")))
    )
    assert study.best_value == pytest.approx(max(t.held_out for t in drawn if t.held_out is not None))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert study.trials[0].params == dict(drawn[0].settings)
    assert study.trials[2].user_attrs["reason"] == "run 12 failed: no memory"
    assert study.trials[2].params == dict(drawn[2].settings)


def test_optuna_is_left_as_the_user_has_set_it() -> None:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        draw_more(SPACE, trials_with_a_peak(3), 1)
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(before)
