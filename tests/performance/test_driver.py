"""What the driver does per run, with runs of a millisecond that an executor makes up."""

import time
import tracemalloc
from collections.abc import Generator, Iterable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from rich.console import Console

from benchmark.execution.driver import run_jobs
from benchmark.execution.executors import Watcher
from benchmark.training.jobs import Job, Outcome
from tests.executors.small_jobs import Notes, jobs_in

WORK = 0.001


class MadeUp:
    """Says of each job after a millisecond that it is done."""

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        for job in jobs:
            watcher.started(job)
            time.sleep(WORK)
            yield Outcome(job, "ok", trained=True, seconds=WORK)


def many_jobs(runs: Path, data: Path, number: int) -> list[Job]:
    (job,) = jobs_in(runs, data, 1)
    return [replace(job, spec=job.spec.model_copy(update={"seed": seed})) for seed in range(number)]


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    """Number of runs: few where nothing is measured."""
    return 100 if request.config.getoption("benchmark_disable") else 10_000


def drive(jobs: list[Job]) -> list[Outcome]:
    return run_jobs(jobs, MadeUp(), Console(file=StringIO()), lambda outcome: None)


@pytest.mark.benchmark(group="10,000 runs of a millisecond: the driver, and the executor alone")
def test_executor_alone(benchmark: BenchmarkFixture, tiny_scenes: Path, tmp_path: Path, number: int) -> None:
    jobs = many_jobs(tmp_path, tiny_scenes, number)
    benchmark.extra_info.update(waits=True)
    outcomes = benchmark.pedantic(lambda: list(MadeUp().run(jobs, Notes())), rounds=1)
    assert len(outcomes) == number


@pytest.mark.benchmark(group="10,000 runs of a millisecond: the driver, and the executor alone")
def test_driver_around_many_runs(benchmark: BenchmarkFixture, tiny_scenes: Path, tmp_path: Path, number: int) -> None:
    benchmark.extra_info.update(kind="limit", aim="≤ 5 × the executor alone", waits=True)
    outcomes = benchmark.pedantic(drive, (many_jobs(tmp_path / "timed", tiny_scenes, number),), rounds=1)
    assert len(outcomes) == number
    tracemalloc.start()
    jobs = many_jobs(tmp_path / "weighed", tiny_scenes, max(100, number // 10))  # the dataset weighs as much as a few
    drive(jobs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    benchmark.extra_info["bytes_per_run"] = peak / len(jobs)
    assert peak / len(jobs) < 10_000
