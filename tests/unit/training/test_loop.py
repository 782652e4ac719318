from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.api import FeatureSpec, MethodError
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Video
from benchmark.plugins.pipelines import find_pipeline
from benchmark.runs.run_spec import RunSpec
from benchmark.terms import Training
from benchmark.training.choices import Choices
from benchmark.training.loop import Trained, look_steps, train
from benchmark.training.scoring import score_videos
from benchmark.training.specification import plan_runs

METHOD = find_pipeline(f"{Path(__file__).parents[2] / 'plugins' / 'mean_mil.py'}:MeanMIL")
CPU = torch.device("cpu")


@pytest.fixture
def dataset(tiny_scenes: Path) -> Dataset:
    return Dataset(tiny_scenes / "scenes-ucf-crime")


def plan(dataset: Dataset, *overrides: str, holdout: float = 0.0, seed: int = 0) -> RunSpec:
    options = Choices(seeds=seed + 1, holdout=holdout, settings=("steps=6", "looks=3", "segments=8", *overrides))
    return plan_runs(METHOD, dataset, options)[0][seed]


def run(dataset: Dataset, *overrides: str, **kwargs: Any) -> Trained:
    torch.set_num_threads(1)
    return train(plan(dataset, *overrides, **kwargs), METHOD, dataset, CPU, lambda step, loss: None)


def test_same_seed_same_bits_and_another_seed_others(dataset: Dataset) -> None:
    first, again, other = run(dataset), run(dataset), run(dataset, seed=1)
    for name, tensor in first.weights[6].items():
        assert torch.equal(tensor, again.weights[6][name])
    np.testing.assert_array_equal(first.losses["loss"], again.losses["loss"])
    assert not np.array_equal(first.losses["loss"], other.losses["loss"])


def test_looks_do_not_change_what_is_trained(dataset: Dataset) -> None:
    looked, blind = run(dataset), run(dataset, "looks=0")
    assert blind.looks == ()
    assert set(blind.selected) == {"last"}
    np.testing.assert_array_equal(looked.losses["loss"], blind.losses["loss"])


def test_selections_are_the_best_looks_and_only_their_weights_are_kept(dataset: Dataset) -> None:
    trained = run(dataset, holdout=0.34)
    assert [look.step for look in trained.looks] == [2, 4, 6]
    for selection, attribute in (("validation", "validation"), ("oracle", "test")):
        values = [getattr(look, attribute) for look in trained.looks]
        best = trained.looks[int(np.argmax(values))].step  # argmax: the earliest of equals
        assert trained.selected[selection] == best  # type: ignore[index]
    assert trained.selected["last"] == 6
    assert set(trained.weights) == set(trained.selected.values())


def test_every_loss_term_of_every_step_is_kept(dataset: Dataset) -> None:
    losses = run(dataset).losses
    assert set(losses) == {"loss", "normal"}
    assert all(values.shape == (6,) and np.isfinite(values).all() for values in losses.values())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("nan", "loss became nan at step 2"),
        ("vector", r"returned loss of shape \(1,\), expected a scalar"),
        ("shape", r"score\(\) gave shape"),
        ("range", r"score\(\) gave values outside \[0, 1\]"),
    ],
)
def test_a_method_that_breaks_its_contract_fails_with_the_reason(dataset: Dataset, spoil: str, message: str) -> None:
    with pytest.raises(MethodError, match=message):
        run(dataset, f"spoil={spoil}", "hidden=300", "learning_rate=1")


def test_scoring_covers_every_row_and_keeps_the_mode(dataset: Dataset) -> None:
    method, _ = METHOD.load()
    model = method(method.Config(), FeatureSpec(dim=256, sources={}))
    videos = dataset.manifest.split("test")
    for training in (True, False):
        model.train(training)
        scores = score_videos(model, dataset, videos, Training(), CPU)
        assert model.training is training
        assert {name: len(values) for name, values in scores.items()} == {v.name: v.rows for v in videos}


@pytest.mark.parametrize(
    ("steps", "looks", "expected"), [(200, 4, {50, 100, 150, 200}), (2, 5, {1, 2}), (7, 1, {7}), (7, 0, set())]
)
def test_looks_are_evenly_spaced_and_end_with_the_last_step(steps: int, looks: int, expected: set[int]) -> None:
    assert look_steps(steps, looks) == expected


def test_a_trial_opens_no_test_video_and_keeps_no_weights(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {video.name: video.split for video in dataset.manifest.videos}
    opened: list[str] = []

    def note(name: str) -> None:
        real = getattr(Dataset, name)

        def read(self: Dataset, video: Video) -> object:
            opened.append(splits[video.name])
            return real(self, video)

        monkeypatch.setattr(Dataset, name, read)

    for name in ("features", "motion", "objects"):
        note(name)
    spec = plan(dataset, holdout=0.34).model_copy(update={"trial": True})
    trained = train(spec, METHOD, dataset, CPU, lambda step, loss: None)
    assert set(opened) == {"train"}
    assert [(look.step, look.test) for look in trained.looks] == [(2, None), (4, None), (6, None)]
    assert (trained.selected, trained.weights) == ({}, {})
    # The weights and the held-out videos are those of the same run that is no trial.
    ordinary = run(dataset, holdout=0.34)
    assert [look.validation for look in trained.looks] == [look.validation for look in ordinary.looks]


def test_a_fold_is_judged_on_its_own_part_of_the_training_videos(dataset: Dataset) -> None:
    spec = plan(dataset).model_copy(update={"trial": True, "holdout": 1 / 3})
    values = {
        train(spec.model_copy(update={"fold": fold}), METHOD, dataset, CPU, lambda step, loss: None)
        .looks[-1]
        .validation
        for fold in range(3)
    }
    assert None not in values
    assert len(values) > 1
