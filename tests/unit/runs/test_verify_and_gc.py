"""`wvad store verify` and `gc`: what they find, what they remove, and what they leave alone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli import run
from benchmark.runs.gc import find_waste
from benchmark.runs.records import Failure
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.runs.trained_on import TrainedOn, path_of, read_trained_on, write_trained_on
from benchmark.system.files import scratch_name
from benchmark.tables.cells import fill_table
from tests.small_store import contents, draw_scores, make_results, spec_of, store_run

KEY = spec_of("clav", 0).key
NO_PROCESS = 2**22 + 1  # above the greatest process id


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return make_results(tmp_path, seeds=2)


def call(command: str, results: Results, *options: str) -> int:
    return run(["store", command, *options, "--results", str(results.root)])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def file_of(results: Results, kind: str) -> Path:
    return sorted((results.runs / KEY).glob(kind))[0]


KINDS = ["record.json", "spec.json", "checksums.json", "losses.csv", "evaluations/*.json", "evaluations/*.npz"]


def test_an_intact_store_is_said_to_be_one(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(results.root)
    assert call("verify", results) == 0
    assert "4 runs and 8 evaluations in" in (printed := capsys.readouterr().out)
    assert "0 problems" in printed
    assert call("gc", results, "--delete") == 0
    assert "0 found" in capsys.readouterr().out
    assert contents(results.root) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_every_damage_is_found_and_removed_and_nothing_else(
    kind: str, damage: Callable[[Path], None], results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(results.root)
    damage(file_of(results, kind))
    assert call("verify", results) == 1
    assert "1 problems" in (printed := capsys.readouterr().out)
    assert f"run {KEY}" in printed
    assert "`wvad store gc --delete` removes" in printed
    assert call("gc", results) == 0
    assert call("gc", results, "--delete") == 0
    gone = set(before) - set(contents(results.root))
    whole_run = not kind.startswith("evaluations")
    assert gone == {name for name in before if KEY in name and (whole_run or file_of_one(name, before, kind))}
    assert call("verify", results) == 0


def file_of_one(name: str, before: dict[str, bytes], kind: str) -> bool:
    """Whether a file is of the evaluation that comes first."""
    first = min(other for other in before if f"{KEY}/evaluations" in other and other.endswith(Path(kind).suffix))
    return name.startswith(first.removesuffix(Path(kind).suffix))


@pytest.mark.parametrize("kind", ["record.json", "evaluations/*.json", "evaluations/*.npz"])
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_damage_never_gives_another_number(kind: str, damage: Callable[[Path], None], results: Results) -> None:
    before = read(RunStore(results.runs))
    damage(file_of(results, kind))
    after = read(RunStore(results.runs))
    assert len(after) < len(before)
    assert after.items() <= before.items()


def read(store: RunStore) -> dict[tuple[str, ...], object]:
    """Everything that tables and comparisons take from a run."""
    found: dict[tuple[str, ...], object] = {("record",): store.record(KEY)}
    for evaluation in store.evaluations(KEY):
        scored = store.read_scores(KEY, evaluation.key)
        found[evaluation.key, "metrics"] = repr(evaluation)
        found[evaluation.key, "scores"] = scored and scored.scores.tobytes()
    return {name: repr(value) for name, value in found.items() if value is not None}


def test_what_no_plan_asks_for_is_listed_and_removed_on_demand(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    store, before = RunStore(results.runs), contents(results.root)
    other = spec_of("mmil", 0)
    store_run(store, other, draw_scores(0, 0.5))
    store.write_failure(Failure(key="f" * 16, spec=other, reason="bad", traceback="", failed="now"))
    dead = store.root / "staging" / scratch_name("k").replace(str(os.getpid()), str(NO_PROCESS))
    alive = store.root / "staging" / scratch_name("k")
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "losses.csv").write_text("1")
    assert call("gc", results) == 0
    printed = capsys.readouterr().out
    assert f"{other.key}: a run that no plan asks for" in printed
    assert f"{NO_PROCESS}: left by a process that is no more" in printed
    assert "3 found" in printed
    assert store.record(other.key) is not None
    assert call("gc", results, "--delete") == 0
    assert contents(results.root) == {**before, alive.relative_to(results.root).as_posix() + "/losses.csv": b"1"}


def test_runs_of_an_earlier_call_are_asked_for(results: Results) -> None:
    (plan,) = results.plans(None)
    results.write_invocation(plan.model_copy(update={"rows": plan.rows[:1]}))  # replaces the plan, not the call
    assert call("gc", results, "--delete") == 0
    assert len(RunStore(results.runs).keys()) == 4


def test_what_is_derived_goes_with_its_evaluations(results: Results) -> None:
    store = RunStore(results.runs)
    (plan,) = results.plans(None)
    fill_table(plan, store, "last")
    (kept,) = (store.root / "comparisons").iterdir()
    assert call("gc", results, "--delete") == 0
    assert kept.exists()
    flip(file_of(results, "evaluations/*.npz"))
    cut(file_of(results, "record.json"))
    assert call("gc", results, "--delete") == 0
    assert not kept.exists()


def test_a_plan_that_cannot_be_read_stops_the_removal(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    (plan,) = results.plans(None)
    results.plan_path(plan).write_text("{")
    before = contents(results.root)
    assert call("gc", results, "--delete") == 2
    assert "plan.json: damaged" in capsys.readouterr().err
    assert contents(results.root) == before


@pytest.mark.parametrize("command", ["verify", "gc"])
def test_without_a_store_it_is_said_where_it_was_looked_for(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(command, Results(tmp_path / "none")) == 2
    assert "no run store there; name its folder with --results" in capsys.readouterr().err


def test_a_run_from_before_there_were_sums_is_sound(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(results.runs)
    record = store.record(KEY)
    assert record is not None
    (store.folder(KEY) / "checksums.json").unlink()
    (store.folder(KEY) / "record.json").write_text(record.model_dump_json(indent=1) + "\n")
    assert call("verify", results) == 0
    assert "1 runs have no sums" in capsys.readouterr().out


def test_what_a_run_was_trained_on_goes_with_it(results: Results) -> None:
    kept, other = results.store.keys()[0], "0" * 16
    for key in (kept, other):
        described = TrainedOn(run_key=key, feature_set="f", crops=1, stride=16, fps=25, assumed=False)
        write_trained_on(results.store, described)
    found = find_waste(results, lambda done, total: None)
    assert [path for waste in found.waste for path in waste.paths] == [path_of(results.store, other)]
    assert read_trained_on(results.store, kept) is not None
    path_of(results.store, kept).write_bytes(path_of(results.store, other).read_bytes())
    assert read_trained_on(results.store, kept) is None
