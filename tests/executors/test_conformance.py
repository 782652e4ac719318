"""What every executor has to do, whichever it is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from benchmark.datasets.dataset import Dataset
from benchmark.execution.executors import Executor, Resources
from benchmark.execution.executors.local import LocalExecutor
from benchmark.execution.executors.ray import RayExecutor
from benchmark.execution.executors.serial import SerialExecutor
from benchmark.execution.executors.slurm import SlurmExecutor
from benchmark.runs.store import RunStore
from benchmark.training.jobs import Job, Outcome, Tested, is_complete
from tests.executors.small_jobs import Notes, contents, jobs_in

EXECUTORS: dict[str, Callable[[], Executor]] = {
    "serial": lambda: SerialExecutor(Resources()),
    "local": lambda: LocalExecutor(Resources(workers=2)),
    "ray": lambda: RayExecutor(Resources()),
    "slurm-debug": lambda: SlurmExecutor(Resources(address="debug")),
    "slurm-local": lambda: SlurmExecutor(Resources(workers=2, address="local")),
}
QUICK = ["serial", "local", "ray", "slurm-debug"]
APART = ["local", "ray", "slurm-local"]


def create(name: str, request: pytest.FixtureRequest) -> Executor:
    if name == "ray":
        request.getfixturevalue("ray_here")
    if name == "slurm-local":  # submitit waits that long for the result of a dead process: a slow disk may hold it
        request.getfixturevalue("monkeypatch").setattr("submitit.core.core.Job._results_timeout_s", 1)
    return EXECUTORS[name]()


@pytest.fixture(params=QUICK)
def executor(request: pytest.FixtureRequest) -> Executor:
    return create(request.param, request)


@pytest.fixture(params=APART)
def apart(request: pytest.FixtureRequest) -> Executor:
    """An executor whose jobs are in processes of their own."""
    return create(request.param, request)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny_scenes: Path) -> dict[str, object]:
    """What three runs hold that were done one after another in this process."""
    runs = tmp_path_factory.mktemp("runs")
    assert all(outcome.status == "ok" for outcome in SerialExecutor().run(jobs_in(runs, tiny_scenes, 3), Notes()))
    return contents(runs)


def test_every_job_ends_in_one_outcome_and_its_run_has_the_same_bits_as_a_serial_one(
    executor: Executor, tmp_path: Path, tiny_scenes: Path, undisturbed: dict[str, object]
) -> None:
    jobs, notes = jobs_in(tmp_path / "runs", tiny_scenes, 3), Notes()
    outcomes = list(executor.run(jobs, notes))
    assert sorted(outcome.job.spec.seed for outcome in outcomes) == [0, 1, 2] == sorted(notes.begun)
    assert all(outcome.status == "ok" and outcome.trained for outcome in outcomes)
    tests = {job.dataset: Tested.of(Dataset(job.dataset).manifest) for job in jobs}
    assert all(is_complete(job, tests) for job in jobs)
    assert contents(tmp_path / "runs") == undisturbed
    assert list((tmp_path / "runs" / "staging").iterdir()) == []


def without_evaluations(runs: Path, data: Path) -> Job:
    """Store three runs, and return the job of one that lacks its evaluations."""
    jobs = jobs_in(runs, data, 3)
    list(SerialExecutor().run(jobs, Notes()))
    for path in (runs / jobs[0].spec.key / "evaluations").iterdir():
        path.unlink()
    return jobs[0]


def test_a_stored_run_is_not_trained_again_and_gets_the_evaluations_that_it_lacks(
    executor: Executor, tmp_path: Path, tiny_scenes: Path, undisturbed: dict[str, object]
) -> None:
    job = without_evaluations(tmp_path / "runs", tiny_scenes)
    (outcome,) = executor.run([job], Notes())
    assert (outcome.status, outcome.trained) == ("ok", False)
    assert contents(job.runs) == undisturbed


def test_a_run_whose_weights_are_damaged_is_trained_again_where_they_are_needed(
    executor: Executor, tmp_path: Path, tiny_scenes: Path, undisturbed: dict[str, object]
) -> None:
    job = without_evaluations(tmp_path / "runs", tiny_scenes)
    for path in (job.runs / job.spec.key / "weights").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    (outcome,) = executor.run([job], Notes())
    assert (outcome.status, outcome.trained, outcome.reason) == ("ok", True, "")
    assert contents(job.runs) == undisturbed


def test_a_failing_run_is_recorded_takes_no_other_with_it_and_is_repeated_next_time(
    executor: Executor, tmp_path: Path, tiny_scenes: Path
) -> None:
    failing, sound = jobs_in(tmp_path / "runs", tiny_scenes, 1, "spoil=nan"), jobs_in(tmp_path / "runs", tiny_scenes, 1)
    store = RunStore(tmp_path / "runs")
    for _ in range(2):
        outcomes = {outcome.job.spec.key: outcome for outcome in executor.run([*failing, *sound], Notes())}
        assert outcomes[failing[0].spec.key].status == "failed"
        assert outcomes[failing[0].spec.key].reason == "MethodError: loss became nan at step 2"
        assert outcomes[sound[0].spec.key].status == "ok"
        assert store.keys() == [sound[0].spec.key]
        (failure,) = store.failures()
        assert "Traceback" in failure.traceback


def test_a_run_that_takes_too_long_is_ended(executor: Executor, tmp_path: Path, tiny_scenes: Path) -> None:
    runs = tmp_path / "runs"
    (long,), (short,) = jobs_in(runs, tiny_scenes, 1, "steps=1000000"), jobs_in(runs, tiny_scenes, 1)
    outcomes = {o.job.spec.key: o for o in executor.run([replace(long, timeout=1.0), short], Notes())}
    assert outcomes[long.spec.key].status == "timeout"
    assert outcomes[long.spec.key].reason == "took longer than 1 s (--timeout)"
    assert outcomes[short.spec.key].status == "ok"
    (failure,) = RunStore(runs).failures()
    assert failure.status == "timeout"
    assert list((runs / "staging").iterdir()) == []


def test_no_jobs_give_no_outcomes(executor: Executor) -> None:
    assert list(executor.run(iter([]), Notes())) == []


def test_a_job_is_taken_only_when_there_is_room_and_no_more_than_there_are(
    executor: Executor, tmp_path: Path, tiny_scenes: Path
) -> None:
    jobs = jobs_in(tmp_path / "runs", tiny_scenes, 4)
    taken: list[Job] = []
    outcomes: list[Outcome] = []

    def give() -> Iterator[Job]:
        for job in islice(jobs, 3):  # whoever gives them stops before the last
            assert len(taken) - len(outcomes) < 2
            taken.append(job)
            yield job

    for outcome in executor.run(give(), Notes()):
        outcomes.append(outcome)
    assert {outcome.job.spec.seed for outcome in outcomes} == {0, 1, 2}
    assert len(RunStore(tmp_path / "runs").keys()) == 3


def test_a_run_whose_process_dies_takes_no_other_with_it(
    apart: Executor, tmp_path: Path, tiny_scenes: Path, undisturbed: dict[str, object]
) -> None:
    runs = tmp_path / "runs"
    (dying,), living = jobs_in(runs, tiny_scenes, 1, "spoil=die"), jobs_in(runs, tiny_scenes, 3)
    outcomes = {outcome.job.spec.key: outcome for outcome in apart.run([dying, *living], Notes())}
    assert outcomes[dying.spec.key].status == "failed"
    assert "ended" in outcomes[dying.spec.key].reason
    assert all(outcomes[job.spec.key].status == "ok" for job in living)
    assert [failure.key for failure in RunStore(runs).failures()] == [dying.spec.key]
    assert contents(runs) == undisturbed


def test_a_long_run_tells_how_far_it_is(apart: Executor, tmp_path: Path, tiny_scenes: Path) -> None:
    notes = Notes()
    (outcome,) = apart.run(jobs_in(tmp_path / "runs", tiny_scenes, 1, "spoil=linger", "steps=40"), notes)
    assert outcome.status == "ok"
    assert notes.steps == sorted(notes.steps)
    assert len(set(notes.steps)) > 1


def test_closed_early_it_ends_what_is_running(apart: Executor, tmp_path: Path, tiny_scenes: Path) -> None:
    slow = jobs_in(tmp_path / "runs", tiny_scenes, 1, "spoil=linger", "steps=200")
    quick = jobs_in(tmp_path / "runs", tiny_scenes, 1)
    outcomes = apart.run([*slow, *quick], Notes())
    assert next(outcomes).job == quick[0]
    outcomes.close()  # type: ignore[attr-defined]
    assert RunStore(tmp_path / "runs").keys() == [quick[0].spec.key]
