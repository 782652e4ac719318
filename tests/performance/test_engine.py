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


@pytest.mark.benchmark(group="a run tested on three datasets, without training and scoring")
def test_engine_around_a_run(
    benchmark: BenchmarkFixture, tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark.extra_info.update(kind="seconds", aim="≤ 0.5 s")
    datasets = [Dataset(tiny_scenes / f"scenes-{name}") for name in ("ucf-crime", "xd-violence", "shanghaitech")]
    options = Choices(seeds=1, settings=("training.steps=2", "training.looks=0"))
    _, planned = plan_table(read_table("table4"), datasets, options, "wvad reproduce table4", "scenes")
    numbers = count()

    def unseen() -> tuple[tuple[Job, Callable[[int, float], None]], dict[str, object]]:
        runs = tmp_path / str(next(numbers))
        RunStore(runs).prepare()
        return (replace(planned[0], runs=runs), lambda step, loss: None), {}

    play_back(monkeypatch, "train")
    play_back(monkeypatch, "score_videos")
    outcome: Outcome = benchmark.pedantic(perform, setup=unseen, rounds=7, warmup_rounds=1)
    assert outcome.status == "ok", outcome.reason
    store = RunStore(outcome.job.runs)
    assert len(list(store.evaluations(planned[0].spec.key))) == len(datasets)
