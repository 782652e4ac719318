import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.store import Dataset
from benchmark.executors import Executor, Resources
from benchmark.executors.local import LocalExecutor
from benchmark.executors.serial import SerialExecutor
from benchmark.jobs import Job, is_complete
from benchmark.pipelines import find_pipeline
from benchmark.planning import Options, make_job, plan_runs
from benchmark.runs import RunStore

METHOD = find_pipeline(f"{Path(__file__).parents[1] / 'plugins' / 'mean_mil.py'}:MeanMIL")
EXECUTORS = [SerialExecutor, lambda: LocalExecutor(Resources(2))]


class Notes:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def started(self, job: Job) -> None:
        self.begun.append(job.spec.seed)

    def stepped(self, job: Job, step: int, loss: float) -> None:
        assert 1 <= step <= job.spec.training.steps


def jobs_in(runs: Path, data: Path, seeds: int, *overrides: str) -> list[Job]:
    dataset = Dataset(data / "scenes-avenue")
    options = Options(seeds=seeds, overrides=("steps=4", "looks=2", *overrides), runs=runs)
    specs, _ = plan_runs(METHOD, dataset, options)
    return [make_job(spec, METHOD, dataset, [dataset], options) for spec in specs]


@pytest.mark.parametrize("make", EXECUTORS, ids=["serial", "local"])
def test_every_job_ends_in_one_outcome_and_is_stored(make: type[Executor], tmp_path: Path, tiny_scenes: Path) -> None:
    jobs, notes = jobs_in(tmp_path, tiny_scenes, 3), Notes()
    outcomes = list(make().run(jobs, notes))
    assert sorted(outcome.job.spec.seed for outcome in outcomes) == [0, 1, 2] == sorted(notes.begun)
    assert all(outcome.status == "ok" and outcome.trained for outcome in outcomes)
    hashes = {job.dataset: Dataset(job.dataset).manifest.test_hash() for job in jobs}
    assert all(is_complete(job, hashes) for job in jobs)
    again = list(make().run(jobs, notes))
    assert all(outcome.status == "ok" and not outcome.trained for outcome in again)


def test_executors_give_the_same_bits(tmp_path: Path, tiny_scenes: Path) -> None:
    stores = []
    for number, make in enumerate(EXECUTORS):
        jobs = jobs_in(tmp_path / str(number), tiny_scenes, 2)
        assert all(outcome.status == "ok" for outcome in make().run(jobs, Notes()))
        stores.append(RunStore(tmp_path / str(number)))
    serial, local = stores
    assert serial.keys() == local.keys()
    for key in serial.keys():  # noqa: SIM118 (a method of the store)
        weights = [next((store.folder(key) / "weights").glob("4.safetensors")).read_bytes() for store in stores]
        assert weights[0] == weights[1]
        for ours, theirs in zip(serial.evaluations(key), local.evaluations(key), strict=True):
            assert ours == theirs.model_copy(update={"finished": ours.finished})
            scores = [store.read_scores(key, ours.key) for store in stores]
            assert scores[0].names == scores[1].names
            np.testing.assert_array_equal(scores[0].scores, scores[1].scores)


@pytest.mark.parametrize("make", EXECUTORS, ids=["serial", "local"])
def test_a_failing_run_is_recorded_and_repeated_next_time(
    make: type[Executor], tmp_path: Path, tiny_scenes: Path
) -> None:
    jobs = jobs_in(tmp_path, tiny_scenes, 1, "spoil=nan")
    for _ in range(2):
        (outcome,) = make().run(jobs, Notes())
        assert outcome.status == "failed"
        assert outcome.reason == "MethodError: loss became nan at step 2"
    store = RunStore(tmp_path)
    assert store.keys() == []
    (failure,) = store.failures()
    assert "Traceback" in failure.traceback


def test_a_run_whose_process_dies_takes_no_other_with_it(tmp_path: Path, tiny_scenes: Path) -> None:
    dying, living = jobs_in(tmp_path, tiny_scenes, 1, "spoil=die"), jobs_in(tmp_path, tiny_scenes, 2)
    outcomes = {o.job.spec.key: o for o in LocalExecutor(Resources(2)).run([*dying, *living], Notes())}
    assert outcomes[dying[0].spec.key].status == "failed"
    assert "its process ended with code 9" in outcomes[dying[0].spec.key].reason
    assert all(outcomes[job.spec.key].status == "ok" for job in living)


def test_an_interrupt_while_a_process_starts_leaves_none_behind(
    tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = LocalExecutor._start

    def start_and_interrupt(*arguments: object) -> object:
        worker = start(*arguments)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        return worker

    monkeypatch.setattr(LocalExecutor, "_start", start_and_interrupt)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            list(LocalExecutor(Resources(2)).run(jobs_in(tmp_path, tiny_scenes, 2), Notes()))
    finally:
        signal.signal(signal.SIGINT, usual)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("make", EXECUTORS, ids=["serial", "local"])
def test_a_run_that_takes_too_long_is_ended(make: type[Executor], tmp_path: Path, tiny_scenes: Path) -> None:
    long = [replace(job, timeout=1.0) for job in jobs_in(tmp_path, tiny_scenes, 1, "steps=1000000")]
    short = jobs_in(tmp_path, tiny_scenes, 1)
    statuses = {o.job.spec.key: (o.status, o.reason) for o in make().run([*long, *short], Notes())}
    assert statuses[long[0].spec.key] == ("timeout", "took longer than 1 s (--timeout)")
    assert statuses[short[0].spec.key][0] == "ok"
    (failure,) = RunStore(tmp_path).failures()
    assert failure.status == "timeout"
    assert not list((tmp_path / "staging").iterdir())


def test_a_run_that_takes_too_much_memory_says_so(tmp_path: Path, tiny_scenes: Path) -> None:
    (job,) = jobs_in(tmp_path, tiny_scenes, 1, "spoil=memory")
    (outcome,) = LocalExecutor(Resources(1)).run([replace(job, memory=500 << 20)], Notes())
    assert outcome.status == "out-of-memory"
    (outcome,) = LocalExecutor(Resources(1)).run([job], Notes())
    assert outcome.status == "ok"


@pytest.mark.parametrize("make", EXECUTORS, ids=["serial", "local"])
def test_jobs_are_taken_only_when_there_is_room(make: type[Executor], tmp_path: Path, tiny_scenes: Path) -> None:
    taken = []

    def give() -> Iterator[Job]:
        for job in jobs_in(tmp_path, tiny_scenes, 4):
            taken.append(job)
            yield job

    outcomes = make().run(give(), Notes())
    assert taken == []
    next(outcomes)
    assert len(taken) <= 2
    assert len(list(outcomes)) == 3
