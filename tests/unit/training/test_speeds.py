"""The pass that measures how fast a method scores: what it is over, on which clock, and that it is made once."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import find_pipeline
from benchmark.runs.scoring_speed import ScoringSpeed, speed_name
from benchmark.runs.store import RunStore
from benchmark.training import speeds
from benchmark.training.choices import Choices
from benchmark.training.jobs import Job, perform
from benchmark.training.specification import make_job, plan_runs

TINY = Choices(seeds=2, settings=("steps=2",))


@pytest.fixture
def jobs(tiny_scenes: Path, tmp_path: Path) -> list[Job]:
    dataset, pipeline = Dataset(tiny_scenes / "scenes-avenue"), find_pipeline("mmil")
    specs, _ = plan_runs(pipeline, dataset, TINY, ())
    made = [make_job(spec, pipeline, dataset, [dataset], replace(TINY, results=tmp_path)) for spec in specs]
    for job in made:
        assert perform(job, lambda step, loss: None).status == "ok"
    return made


def test_a_configuration_is_measured_once_and_its_speed_is_that_of_all_seeds(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, dataset = RunStore(jobs[0].runs), Dataset(jobs[0].dataset)
    scored: list[int] = []
    true_score = speeds.score_videos

    def score(method, data, videos, settings, device):  # type: ignore[no-untyped-def]
        scored.append(len(videos))
        assert torch.get_num_threads() == 1
        return true_score(method, data, videos, settings, device)

    monkeypatch.setattr(speeds, "score_videos", score)
    assert list(speeds.measure_missing_speeds(jobs, store)) == []
    videos = dataset.manifest.split("test")
    assert scored == [1, len(videos)]
    names = {speed_name(job.spec, dataset.manifest.test_hash()) for job in jobs}
    (found,) = (store.derived("speeds", name, ScoringSpeed) for name in names)
    assert found is not None
    assert found.snippets == sum(video.rows for video in videos)
    assert list(speeds.measure_missing_speeds(jobs, store)) == []
    assert len(scored) == 2


def test_a_pass_takes_processor_time_and_no_more_videos_than_needed(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, taken = Dataset(jobs[0].dataset), []

    def score(method, data, videos, settings, device):  # type: ignore[no-untyped-def]
        taken.append(videos)
        time.sleep(0.2)  # waiting is no work
        sum(range(200_000))

    first = dataset.manifest.split("test")[:2]
    monkeypatch.setattr(speeds, "score_videos", score)
    monkeypatch.setattr(speeds, "MOST_ROWS", first[0].rows + 1)
    found = speeds.measure_speed(torch.nn.Identity(), dataset, jobs[0].spec.training)  # type: ignore[arg-type]
    assert taken == [first[:1], first]
    assert found.snippets == sum(video.rows for video in first)
    assert 0 < found.seconds < 0.2


def test_a_method_that_cannot_be_scored_is_named_and_the_next_one_is_measured(jobs: list[Job]) -> None:
    store = RunStore(jobs[0].runs)
    for weights in (store.folder(jobs[0].spec.key) / "weights").iterdir():
        weights.write_bytes(b"damaged")
    (line,) = speeds.measure_missing_speeds(jobs, store)
    assert line.startswith("MMIL on scenes-avenue, seed 0: speed not measured: ")
    name = speed_name(jobs[1].spec, Dataset(jobs[1].dataset).manifest.test_hash())
    assert store.derived("speeds", name, ScoringSpeed) is not None


def test_a_run_records_the_memory_that_it_took_where_it_is_known(jobs: list[Job]) -> None:
    first = RunStore(jobs[0].runs).record(jobs[0].spec.key)
    assert first is not None
    assert first.peak_memory is None or first.peak_memory > 0
    assert first.environment.processor == speeds.processor_name()
