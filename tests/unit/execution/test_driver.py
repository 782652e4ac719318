"""What a call does with its jobs, by an executor that ends them as it is told."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.execution import driver
from benchmark.execution.driver import run_jobs
from benchmark.execution.executors import Watcher
from benchmark.execution.executors.serial import SerialExecutor
from benchmark.runs.claims import Claims
from benchmark.runs.store import RunStore
from benchmark.system.files import scratch_name
from benchmark.terms import Trouble
from benchmark.training.jobs import Job, Outcome, record_failure
from tests.executors.small_jobs import Notes, jobs_in

Ends = Callable[[Job], Trouble | None]


class Scripted:
    """Ends jobs as a script says, in rounds that it remembers; does those for real that the script says nothing of."""

    def __init__(self, ends: Ends = lambda job: None) -> None:
        self.ends = ends
        self.rounds: list[list[Job]] = []

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        self.rounds.append([])
        for job in jobs:
            self.rounds[-1].append(job)
            status = self.ends(job)
            if status is None:
                yield from SerialExecutor().run([job], watcher)
            else:
                watcher.started(job)
                yield record_failure(job, f"said to be {status}", status=status)


def seeds_of(rounds: list[list[Job]]) -> list[list[int]]:
    return [[job.spec.seed for job in one] for one in rounds]


def call(jobs: list[Job], executor: Scripted, terminal: bool = False) -> tuple[dict[int, Outcome], str]:
    console = Console(file=StringIO(), force_terminal=terminal, width=200)
    outcomes = run_jobs(jobs, executor, console, lambda outcome: None)
    assert len({outcome.job.spec.key for outcome in outcomes}) == len(outcomes)
    return {outcome.job.spec.seed: outcome for outcome in outcomes}, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def nothing_is_left(runs: Path) -> Iterator[None]:
    yield
    assert [path for folder in ("claims", "drivers", "staging") for path in (runs / folder).iterdir()] == []


@pytest.mark.parametrize("terminal", [True, False])
def test_a_run_that_is_out_of_memory_is_tried_again_alone_and_without_a_limit(
    runs: Path, tiny_scenes: Path, terminal: bool
) -> None:
    jobs = [job.__class__(**{**vars(job), "memory": 5}) for job in jobs_in(runs, tiny_scenes, 3)]
    executor = Scripted(lambda job: "out-of-memory" if job.spec.seed < 2 and job.memory else None)
    outcomes, text = call(jobs, executor, terminal)
    assert seeds_of(executor.rounds) == [[0, 1, 2], [0], [1]]
    assert all(outcome.status == "ok" for outcome in outcomes.values())
    assert len(outcomes) == 3
    assert text.count("to be tried again alone") == 2
    assert list(RunStore(runs).failures()) == []


def test_what_is_out_of_memory_alone_is_given_up_with_its_other_seeds(runs: Path, tiny_scenes: Path) -> None:
    jobs = jobs_in(runs, tiny_scenes, 3)
    executor = Scripted(lambda job: "out-of-memory")
    outcomes, _ = call(jobs, executor)
    assert seeds_of(executor.rounds) == [[0, 1, 2], [0]]
    assert [outcomes[seed].status for seed in range(3)] == ["out-of-memory", "skipped", "skipped"]
    assert outcomes[1].reason == "not begun after seed 0: said to be out-of-memory"
    assert {failure.status for failure in RunStore(runs).failures()} == {"out-of-memory", "skipped"}


def test_after_a_run_that_took_too_long_its_other_seeds_are_not_begun_and_other_runs_are(
    runs: Path, tiny_scenes: Path
) -> None:
    jobs = [*jobs_in(runs, tiny_scenes, 3, "hidden=8"), *jobs_in(runs, tiny_scenes, 1)]
    executor = Scripted(lambda job: "timeout" if job.spec.config["hidden"] == 8 else None)
    outcomes = run_jobs(jobs, executor, Console(file=StringIO()), lambda outcome: None)
    assert sorted(outcome.status for outcome in outcomes) == ["ok", "skipped", "skipped", "timeout"]
    assert len(executor.rounds[0]) == 2
    again, _ = call(jobs_in(runs, tiny_scenes, 3, "hidden=8"), Scripted())
    assert all(outcome.status == "ok" for outcome in again.values())
    assert list(RunStore(runs).failures()) == []


def test_a_failed_run_takes_no_other_seed_with_it(runs: Path, tiny_scenes: Path) -> None:
    outcomes, _ = call(jobs_in(runs, tiny_scenes, 2), Scripted(lambda job: None if job.spec.seed else "failed"))
    assert [outcomes[seed].status for seed in range(2)] == ["failed", "ok"]


def elsewhere(runs: Path, job: Job, end: Callable[[], object]) -> threading.Thread:
    """Let another call have claimed a run, and give it up after it has ended in some way."""
    claimed, other = threading.Event(), Claims(runs)

    def work() -> None:
        with other:
            assert other.take(job.spec.key)
            claimed.set()
            threading.Event().wait(0.3)
            end()

    thread = threading.Thread(target=work)
    thread.start()
    assert claimed.wait(10)
    return thread


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "LOOK", 0.02)


@pytest.mark.usefixtures("quick_looks")
def test_a_run_that_another_call_does_is_left_to_it(runs: Path, tiny_scenes: Path) -> None:
    jobs, ready = jobs_in(runs, tiny_scenes, 2), jobs_in(runs.with_name("ready"), tiny_scenes, 1)
    list(SerialExecutor().run(ready, Notes()))
    key = jobs[0].spec.key
    thread = elsewhere(runs, jobs[0], lambda: RunStore(ready[0].runs).folder(key).rename(runs / key))
    executor = Scripted()
    outcomes, text = call(jobs, executor)
    thread.join()
    assert seeds_of(executor.rounds) == [[1]]
    assert [(outcomes[seed].status, outcomes[seed].trained) for seed in range(2)] == [("ok", False), ("ok", True)]
    assert text.count("waiting for 1 run that another call is doing") == 1
    assert "seed 0: trained before" in text


@pytest.mark.usefixtures("quick_looks")
def test_a_run_that_failed_in_another_call_meanwhile_is_not_repeated_here(runs: Path, tiny_scenes: Path) -> None:
    (job,) = jobs_in(runs, tiny_scenes, 1)
    record_failure(job, "failed long ago")
    thread = elsewhere(runs, job, lambda: record_failure(job, "failed there", status="timeout"))
    executor = Scripted()
    outcomes, _ = call([job], executor)
    thread.join()
    assert seeds_of(executor.rounds) == [[]]
    assert (outcomes[0].status, outcomes[0].reason) == ("timeout", "failed there")


@pytest.mark.usefixtures("quick_looks")
def test_a_run_that_another_call_leaves_undone_is_done_here(runs: Path, tiny_scenes: Path) -> None:
    (job,) = jobs_in(runs, tiny_scenes, 1)
    record_failure(job, "failed long ago")
    thread = elsewhere(runs, job, lambda: None)
    outcomes, _ = call([job], Scripted())
    thread.join()
    assert (outcomes[0].status, outcomes[0].trained) == ("ok", True)


@pytest.fixture
def hears_interrupts() -> Iterator[None]:
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.usefixtures("hears_interrupts")
def test_an_interrupt_lets_the_run_under_way_end_and_begins_no_other(runs: Path, tiny_scenes: Path) -> None:
    def interrupt(job: Job) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        call(jobs_in(runs, tiny_scenes, 3), Scripted(interrupt))
    (key,) = RunStore(runs).keys()
    assert key == jobs_in(runs, tiny_scenes, 1)[0].spec.key


@pytest.mark.usefixtures("hears_interrupts")
def test_an_interrupt_during_the_last_run_changes_nothing(runs: Path, tiny_scenes: Path) -> None:
    def interrupt(job: Job) -> None:
        if job.spec.seed == 1:
            os.kill(os.getpid(), signal.SIGINT)

    outcomes, _ = call(jobs_in(runs, tiny_scenes, 2), Scripted(interrupt))
    assert [outcomes[seed].status for seed in range(2)] == ["ok", "ok"]


def test_a_call_with_nothing_to_do_clears_what_dead_drivers_left(runs: Path, tiny_scenes: Path) -> None:
    jobs = jobs_in(runs, tiny_scenes, 1)
    call(jobs, Scripted())
    key = jobs[0].spec.key
    record_failure(jobs[0], "its process was ended by signal 9")  # after its work, before its report
    dead = f"{scratch_name('k').rpartition('@')[0]}@{2**22 + 1}"
    (runs / "claims" / key).mkdir()
    for path in (runs / "claims" / key / dead, runs / "drivers" / dead, runs / "failed" / f".{dead}"):
        path.touch()
    (runs / "staging" / dead).mkdir()
    executor = Scripted()
    assert call(jobs, executor)[0][0].status == "ok"
    assert executor.rounds == list((runs / "failed").iterdir()) == []  # and `nothing_is_left` of the rest
