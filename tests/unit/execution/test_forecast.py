from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.dataset import Dataset
from benchmark.execution import forecast
from benchmark.execution.forecast import expect_seconds, guess_seconds, makespan
from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.tables.declaration import choose_rows, read_table
from benchmark.tables.planning import plan_table
from benchmark.terms import Training
from benchmark.training.choices import Choices
from benchmark.training.jobs import Job
from tests.unit.runs.test_records import spec

RECORD = next(RunStore(Path(__file__).parents[2] / "frozen" / "runs").records())


def record(seconds: float, **changes: object) -> RunRecord:
    return RECORD.model_copy(update={"spec": spec(**changes), "seconds": seconds})


def test_a_run_is_expected_to_take_what_those_like_it_took() -> None:
    stored = [
        record(10, seed=1),
        record(20, seed=2),
        record(60, method="clav"),
        record(100, dataset="xd-violence"),
        record(9999, profile="paper"),
    ]
    assert expect_seconds([spec()], stored, 1) == 15
    assert expect_seconds([spec(), spec(dataset="avenue")], stored, 1) == pytest.approx(15 + 130 / 3)
    assert expect_seconds([spec(method="dmil")], stored, 1) == pytest.approx(190 / 4)
    assert expect_seconds([spec(training=Training(steps=7))], stored, 1) == pytest.approx(130 / 3)
    assert expect_seconds([spec(), spec()], stored, 2) == 15


def test_of_runs_that_are_equally_alike_those_of_this_processor_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "processor_name", lambda: "slow")

    def on(processor: str | None, seconds: float, **changes: object) -> RunRecord:
        found = record(seconds, **changes)
        place = found.environment.model_copy(update={"processor": processor})
        return found.model_copy(update={"environment": place})

    stored = [on("slow", 30, seed=1), on("fast", 2, seed=2), on(None, 3, seed=3), on("fast", 7, method="clav", seed=1)]
    assert expect_seconds([spec()], stored, 1) == 30
    assert expect_seconds([spec(method="clav")], stored, 1) == 7
    assert expect_seconds([spec(method="dmil")], stored, 1) == 30


def test_without_a_stored_run_of_the_profile_nothing_is_expected() -> None:
    assert expect_seconds([spec(profile="paper")], [record(10)], 1) is None
    assert expect_seconds([], [], 1) == 0


@given(st.lists(st.floats(0, 1e6), max_size=30), st.integers(1, 8))
def test_runs_side_by_side_take_no_less_than_their_share_and_no_more_than_that_and_the_longest(
    seconds: list[float], places: int
) -> None:
    found = makespan(seconds, places)
    least = max([sum(seconds) / places, *seconds])
    assert least * (1 - 1e-9) <= found <= sum(seconds) * (1 + 1e-9)
    assert found <= sum(seconds) / places + max(seconds, default=0.0) + 1e-6


def test_the_longest_runs_go_first() -> None:
    assert makespan([1, 1, 2], 2) == 2
    assert makespan([3, 3, 2, 2, 2], 2) == 7
    assert makespan([], 3) == 0


def planned(tiny_scenes: Path, table: str, *methods: str) -> tuple[TablePlan, list[Job]]:
    (chosen,) = choose_rows([read_table(table)], methods)
    choices = Choices(seeds=1, settings=("steps=50", "batch_size=4", "segments=8"))
    return plan_table(chosen, [Dataset(tiny_scenes / "scenes-ucf-crime")], choices, "command")


def test_without_stored_runs_time_is_guessed_from_what_runs_compute(
    tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "measure_rate", lambda: 1e9)
    plan, jobs = planned(tiny_scenes, "zoo", "mmil", "clav")
    found = {row.method: row.card.multiply_adds["scenes-ucf-crime"] for row in plan.rows if row.card}
    rows = sum(v.rows for v in Dataset(tiny_scenes / "scenes-ucf-crime").manifest.split("test"))
    seconds = {
        method: forecast.START + count * (3 * 50 * 2 * 4 * 8 + rows) / (forecast.SHARE * 1e9)
        for method, count in found.items()
    }
    own = [job for job in jobs if not job.spec.shuffled_labels]
    for job in own:
        assert guess_seconds([plan], [job], 1) == pytest.approx(seconds[job.spec.method])
    assert guess_seconds([plan], own, 2) == pytest.approx(max(seconds.values()))
    # A run that no row describes is like others of its method.
    (control,) = (job for job in jobs if job.spec.shuffled_labels)
    assert guess_seconds([plan], [*own, control], 1) == pytest.approx(sum(seconds.values()) + seconds["mmil"])


def test_nothing_is_guessed_where_no_plan_says_what_its_methods_compute(tiny_scenes: Path) -> None:
    plan, jobs = planned(tiny_scenes, "table4", "rtfm")
    assert guess_seconds([plan], jobs, 1) is None


def test_the_rate_of_this_machine_is_that_of_a_machine() -> None:
    assert 1e8 < forecast.measure_rate() < 1e13
