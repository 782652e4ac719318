"""A training of several stages: where each ends, what a method is shown there, and what it costs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.api import FeatureSpec, Method, MethodConfig, MethodError
from benchmark.datasets.dataset import Dataset
from benchmark.execution.paper_scale import SHAPES, count_run
from benchmark.plugins.contract import examine, find_subject
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.stages import Stages
from benchmark.runs.run_spec import RunSpec
from benchmark.terms import Training
from benchmark.training.choices import Choices
from benchmark.training.loop import Trained, train
from benchmark.training.specification import plan_runs

PLUGINS = Path(__file__).parents[2] / "plugins"
STAGED = find_pipeline(f"{PLUGINS / 'staged.py'}:Staged")
BEHIND = find_pipeline(f"{PLUGINS / 'staged.py'}:Staged+{PLUGINS / 'halve.py'}:Halve")
STEPS = 8


class InStages(Method):
    def __init__(self, shares: dict[str, float]) -> None:
        super().__init__(MethodConfig(), FeatureSpec(1, {}))
        self.shares, self.ended = shares, list[str]()

    def training_stages(self) -> dict[str, float]:
        return self.shares

    def stage_ended(self, name: str, videos: object) -> None:
        self.ended.append(name)


def plan(pipeline: Pipeline, dataset: Dataset) -> RunSpec:
    return plan_runs(pipeline, dataset, Choices(seeds=1, settings=(f"steps={STEPS}", "segments=8", "looks=1")))[0][0]


def run(pipeline: Pipeline, dataset: Dataset, spec: RunSpec) -> Trained:
    return train(spec, pipeline, dataset, torch.device("cpu"), lambda step, loss: None)


@pytest.fixture
def dataset(tiny_scenes: Path) -> Dataset:
    return Dataset(tiny_scenes / "scenes-ucf-crime")


def total(dataset: Dataset) -> float:
    """The sum of the training videos' features, of the crop that profile quick uses."""
    videos = dataset.manifest.split("train")
    return float(sum(dataset.features(video)[:, 0].astype(np.float64).sum() for video in videos))


def test_each_stage_but_the_last_ends_once_with_all_training_videos(dataset: Dataset) -> None:
    kept = run(STAGED, dataset, plan(STAGED, dataset)).weights[STEPS]
    abnormal = sum(video.label for video in dataset.manifest.split("train"))
    for name, step in (("first", 4), ("second", 6)):
        assert kept[f"{name}_ended"][:2].tolist() == [step, abnormal]
        assert kept[f"{name}_ended"][2].item() == pytest.approx(total(dataset), rel=1e-6)
    assert kept["third_ended"].tolist() == [0, 0, 0]


def test_held_out_videos_are_not_shown(dataset: Dataset) -> None:
    spec = plan(STAGED, dataset).model_copy(update={"holdout": 0.5})
    kept = run(STAGED, dataset, spec).weights[STEPS]
    assert 0 < kept["first_ended"][2].item() < 0.9 * total(dataset)


def test_behind_an_add_on_a_method_is_shown_what_the_add_on_makes_of_them(dataset: Dataset) -> None:
    spec = plan(BEHIND, dataset)
    still = spec.model_copy(update={"training": spec.training.model_copy(update={"learning_rate": 1e-12})})
    kept = run(BEHIND, dataset, still).weights[STEPS]
    assert kept["method.second_ended"][2].item() == pytest.approx(total(dataset) / 2, rel=1e-5)  # Halve stays at 1/2


@given(shares=st.lists(st.integers(1, 20), min_size=1, max_size=6), steps=st.integers(1, 50))
def test_stages_end_in_their_order_and_as_their_shares_say(shares: list[int], steps: int) -> None:
    whole = sum(shares)
    method = InStages({f"s{i}": share / whole for i, share in enumerate(shares)})
    stages, ends = Stages(method, steps), []
    for step in range(1, steps + 1):
        stages.after(step, lambda: ())
        ends += [step] * (len(method.ended) - len(ends))
    assert method.ended == [f"s{i}" for i in range(len(shares) - 1)]
    assert stages.passes == len(ends)
    if steps >= len(shares):
        assert np.diff([0, *ends, steps]).min() >= 1
    for end, past in zip(ends, np.cumsum(shares[:-1]) / whole, strict=True):
        assert abs(end - past * steps) <= len(shares)


@pytest.mark.parametrize("shares", [{"a": 0.5, "b": 0.4}, {"a": 1.5, "b": -0.5}])
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(MethodError, match=r"^shares of stages are positive and sum to 1, not \{"):
        Stages(InStages(shares), 10)


def test_passes_over_the_training_videos_are_counted_in_what_a_run_costs() -> None:
    counted = count_run(STAGED, "shanghaitech")
    assert counted is not None
    shape, segments = SHAPES["shanghaitech"], Training().segments
    assert counted.scored_snippets == shape.test_snippets + 2 * (shape.normal + shape.abnormal) * segments


@pytest.mark.parametrize("pipeline", [STAGED, BEHIND], ids=["alone", "behind an add-on"])
def test_a_method_of_stages_keeps_the_contract(pipeline: Pipeline) -> None:
    findings = {finding.check: finding for finding in examine(find_subject(pipeline.reference))}
    assert {name: finding for name, finding in findings.items() if finding.verdict == "broken"} == {}
