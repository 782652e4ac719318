"""What a method is told and shown before its first step, and what becomes of what it keeps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.segments import segment_mean
from benchmark.plugins.contract import examine, find_subject
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.store import RunStore
from benchmark.system.seeding import derive_seed
from benchmark.training.choices import Choices
from benchmark.training.jobs import perform
from benchmark.training.loop import Trained, train
from benchmark.training.specification import make_job, plan_runs
from benchmark.training.trained_methods import load_trained

PLUGINS = Path(__file__).parents[2] / "plugins"
PREPARED = find_pipeline(f"{PLUGINS / 'prepared.py'}:Prepared")
BEHIND = find_pipeline(f"{PLUGINS / 'prepared.py'}:Prepared+{PLUGINS / 'halve.py'}:Halve")
CPU = torch.device("cpu")
STEPS, SEGMENTS = 3, 8


@pytest.fixture
def dataset(tiny_scenes: Path) -> Dataset:
    return Dataset(tiny_scenes / "scenes-ucf-crime")


def plan(pipeline: Pipeline, dataset: Dataset, choices: Choices | None = None, seed: int = 0) -> RunSpec:
    choices = choices or Choices(seeds=seed + 1, settings=(f"steps={STEPS}", f"segments={SEGMENTS}", "looks=1"))
    return plan_runs(pipeline, dataset, choices)[0][seed]


def run(pipeline: Pipeline, dataset: Dataset, spec: RunSpec) -> Trained:
    torch.set_num_threads(1)
    return train(spec, pipeline, dataset, CPU, lambda step, loss: None)


def means(dataset: Dataset) -> list[np.ndarray]:
    """The mean segment of all normal and of all abnormal training videos, of the first crop."""
    halves = []
    for label in (0, 1):
        videos = [video for video in dataset.manifest.split("train") if video.label == label]
        segments = [segment_mean(dataset.features(video)[:, 0], SEGMENTS) for video in videos]
        halves.append(np.mean(np.concatenate(segments).astype(np.float64), axis=0))
    return halves


def test_a_method_is_told_of_its_training_once_and_then_shown_all_training_videos(dataset: Dataset) -> None:
    spec = plan(PREPARED, dataset)
    kept = run(PREPARED, dataset, spec).weights[STEPS]
    labels = [video.label for video in dataset.manifest.split("train")]
    assert kept["videos"].tolist() == [labels.count(0), labels.count(1)]
    for name, expected in zip(("normal", "abnormal"), means(dataset), strict=True):
        np.testing.assert_allclose(kept[name].numpy(), expected, atol=1e-5)
    assert int(kept["steps"]) == kept["context"][0] == STEPS
    assert int(kept["context"][1]) == derive_seed(spec.seed, "method") % 2**62


def test_each_run_has_a_seed_of_its_own_for_the_generators_of_a_method(dataset: Dataset) -> None:
    seeds = [int(run(PREPARED, dataset, plan(PREPARED, dataset, seed=s)).weights[STEPS]["context"][1]) for s in (0, 1)]
    assert seeds[0] != seeds[1]


def test_held_out_videos_are_not_shown(dataset: Dataset) -> None:
    spec = plan(PREPARED, dataset).model_copy(update={"holdout": 0.5})
    assert run(PREPARED, dataset, spec).weights[STEPS]["videos"].tolist() == [3, 3]


def test_behind_an_add_on_a_method_is_shown_what_the_add_on_makes_of_them(dataset: Dataset) -> None:
    kept = run(BEHIND, dataset, plan(BEHIND, dataset)).weights[STEPS]
    for name, expected in zip(("normal", "abnormal"), means(dataset), strict=True):
        np.testing.assert_allclose(kept[f"method.{name}"].numpy(), expected / 2, atol=1e-5)  # Halve starts with 1/2
    assert kept["method.steps"] == STEPS


def test_what_was_prepared_comes_back_with_a_stored_run(dataset: Dataset, tmp_path: Path) -> None:
    settings = (f"steps={STEPS}", f"segments={SEGMENTS}", "looks=1")
    choices = Choices(seeds=1, settings=settings, results=tmp_path)
    spec = plan(PREPARED, dataset, choices)
    store = RunStore(choices.runs)
    store.prepare()
    outcome = perform(make_job(spec, PREPARED, dataset, [dataset], choices), lambda *_: None)
    assert (outcome.status, outcome.reason) == ("ok", "")
    record = store.record(spec.key)
    assert record is not None
    loaded = load_trained(record, STEPS, PREPARED, store, CPU).state_dict()
    trained = run(PREPARED, dataset, spec).weights[STEPS]
    assert loaded["normal"].abs().sum() > 0
    assert loaded.keys() == trained.keys()
    assert all(torch.equal(loaded[name], trained[name]) for name in trained)


@pytest.mark.parametrize("pipeline", [PREPARED, BEHIND], ids=["alone", "behind an add-on"])
def test_a_method_that_is_prepared_keeps_the_contract(pipeline: Pipeline) -> None:
    findings = {finding.check: finding for finding in examine(find_subject(pipeline.reference))}
    assert {name for name, finding in findings.items() if finding.verdict == "broken"} == set()
