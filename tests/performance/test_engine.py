"""What the engine does around a run: everything but training and scoring, which are played back here."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.datasets.dataset import Dataset
from benchmark.runs.store import RunStore
from benchmark.tables.declaration import read_table
from benchmark.tables.planning import plan_table
from benchmark.training import jobs
from benchmark.training.choices import Choices
from benchmark.training.jobs import Job, Outcome, perform

GROUP = "a run of RTFM tested on three datasets, without training and scoring"
QUICK, STEPS = 200, 10
"""The steps of a quick run, and those that it is measured by."""


def play_back(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a function of a job give again what it gave the first time for the same datasets and videos."""
    made: dict[str, object] = {}
    function: Callable[..., object] = getattr(jobs, name)

    def again(*arguments: object) -> object:
        (dataset,) = (a.name for a in arguments if isinstance(a, Dataset))
        if dataset not in made:
            made[dataset] = function(*arguments)
        return made[dataset]

    monkeypatch.setattr(jobs, name, again)


NAMES = ("ucf-crime", "xd-violence", "shanghaitech")


def measure(benchmark: BenchmarkFixture, data: Path, results: Path, steps: int, rounds: int) -> None:
    """Measure the first run of Table 4, with so many steps, each time as if it were new."""
    datasets = [Dataset(data / f"scenes-{name}") for name in NAMES]
    options = Choices(seeds=1, settings=(f"training.steps={steps}", "training.looks=0"))
    _, planned = plan_table(read_table("table4"), datasets, options, "wvad reproduce table4", "scenes")
    numbers = count()

    def unseen() -> tuple[tuple[Job, Callable[[int, float], None]], dict[str, object]]:
        runs = results / str(next(numbers))
        RunStore(runs).prepare()
        return (replace(planned[0], runs=runs), lambda step, loss: None), {}

    outcome: Outcome = benchmark.pedantic(perform, setup=unseen, rounds=rounds, warmup_rounds=1)
    assert outcome.status == "ok", outcome.reason
    store = RunStore(outcome.job.runs)
    assert len(list(store.evaluations(planned[0].spec.key))) == len(datasets)


@pytest.mark.benchmark(group=GROUP)
def test_engine_around_a_run(
    benchmark: BenchmarkFixture, tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark.extra_info.update(kind="limit", aim="≤ 0.05 × the run with them")
    play_back(monkeypatch, "train")
    play_back(monkeypatch, "score_videos")
    measure(benchmark, tiny_scenes, tmp_path, steps=2, rounds=7)


@pytest.mark.benchmark(group=GROUP)
def test_run(benchmark: BenchmarkFixture, tiny_scenes: Path, tmp_path: Path) -> None:
    benchmark.extra_info.update(scale=QUICK // STEPS)
    measure(benchmark, tiny_scenes, tmp_path, steps=STEPS, rounds=2)
