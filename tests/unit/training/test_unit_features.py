"""Features get their length before add-ons do anything, in training and in tests, and keep what add-ons make of it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import find_pipeline
from benchmark.training.choices import Choices
from benchmark.training.loop import Trained, train
from benchmark.training.specification import plan_runs
from methods.ica import ICA

CPU = torch.device("cpu")
SMALL = ("steps=1", "looks=1", "segments=4", "crops=1", "dropout=0")
CASES = [
    ("mmil@official-code", (), "segments"),
    ("mmil@paper", (), "snippets"),
    ("mmil@paired-adam", (), "none"),
    ("rtfm", ("unit_features=segments",), "segments"),
]


@pytest.fixture
def dataset(tiny_scenes: Path) -> Dataset:
    return Dataset(tiny_scenes / "scenes-avenue")


def run(method: str, settings: Sequence[str], dataset: Dataset) -> Trained:
    torch.set_num_threads(1)
    choices = Choices(seeds=1, settings=(*SMALL, *settings))
    (spec,), used = plan_runs(find_pipeline(f"{method}+ica"), dataset, choices)
    assert used == set(choices.settings)
    return train(spec, find_pipeline(f"{method}+ica"), dataset, CPU, lambda step, loss: None)


@pytest.mark.parametrize(("method", "settings", "stage"), CASES)
def test_an_add_on_is_given_the_features_at_their_length(
    method: str, settings: Sequence[str], stage: str, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: dict[bool, list[Tensor]] = {True: [], False: []}
    forward = ICA.forward

    def noted(self: ICA, x: Tensor) -> Tensor:
        lengths[self.training].append(x.double().norm(dim=-1).flatten())
        return forward(self, x)

    monkeypatch.setattr(ICA, "forward", noted)
    run(method, settings, dataset)
    of_segments, of_rows = (torch.cat(lengths[training]) for training in (True, False))
    one = torch.ones_like
    assert of_rows.allclose(one(of_rows), atol=1e-6) == (stage != "none")
    assert of_segments.allclose(one(of_segments), atol=1e-6) == (stage == "segments")
    # A mean of unit vectors that differ is shorter than they are.
    assert bool(of_segments.lt(0.999).any() & of_segments.le(1 + 1e-6).all()) == (stage == "snippets")


@pytest.mark.parametrize(("method", "settings", "stage"), CASES)
def test_the_scale_of_an_add_on_reaches_the_method(
    method: str, settings: Sequence[str], stage: str, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is = run(method, settings, dataset)
    forward = ICA.forward
    monkeypatch.setattr(ICA, "forward", lambda self, x: 3 * forward(self, x))
    scaled = run(method, settings, dataset)
    assert scaled.losses["loss"][0] != pytest.approx(as_it_is.losses["loss"][0], rel=1e-3)
