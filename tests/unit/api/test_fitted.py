"""A fitted method keeps each video once, is fitted when it is looked at, and stores what was found and no more."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, MethodConfig, MethodError, PairBatch
from benchmark.api.fitted import FittedMethod

DIM = 3


class ClassMeans(FittedMethod):
    """Keeps the mean of the abnormal videos in a parameter, and the number of all in a buffer."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__(MethodConfig(), FeatureSpec(DIM, {}))
        self.mean = nn.Parameter(torch.zeros(DIM))
        self.register_buffer("count", torch.zeros(()))
        self.fits: list[tuple[Tensor, Tensor]] = []

    def fit(self, kept: Tensor, labels: Tensor) -> Mapping[str, Tensor]:
        self.fits.append((kept, labels))
        return {"mean": kept[labels == labels.max()].mean(0), "count": torch.tensor(float(len(kept)))}

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        self.keep(batch)
        return {"loss": self.mean.square().sum()}


class OfNormalVideos(ClassMeans):
    supervision = "normal-only"


def bags(*values: float) -> Bags:
    """Videos of two crops and two segments, each with a mean of its own."""
    offsets = torch.tensor([[-1.0, 1.0], [2.0, -2.0]])[None, :, :, None]
    features = torch.tensor(values)[:, None, None, None] + offsets.expand(len(values), 2, 2, DIM)
    return Bags(features, None, None, tuple(f"v{value:g}" for value in values))


def test_each_video_is_kept_once_as_its_mean_and_given_in_the_order_of_names() -> None:
    method = ClassMeans()
    method.training_step(PairBatch(bags(3, 1), bags(7, 8)))
    method.training_step(PairBatch(bags(1, 2), bags(8, 9)))
    method.eval()
    (kept, labels), *others = method.fits
    assert others == []
    assert torch.equal(kept, torch.tensor([1.0, 2, 3, 7, 8, 9])[:, None].expand(6, DIM))
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(method.mean.data, torch.full((DIM,), 8.0))


def test_nothing_is_fitted_again_without_a_new_video_and_steps_between_are_forgotten() -> None:
    method = ClassMeans()
    method.training_step(PairBatch(bags(1), bags(7)))
    first = {name: value.clone() for name, value in method.state_dict().items()}
    with torch.no_grad():
        method.mean += 5
    method.train()
    method.training_step(PairBatch(bags(1), bags(7)))
    assert all(torch.equal(value, first[name]) for name, value in method.state_dict().items())
    assert len(method.fits) == 1
    method.training_step(PairBatch(bags(1), bags(9)))
    assert float(method.state_dict()["count"]) == 3
    assert len(method.fits) == 2


def test_what_is_loaded_stays_as_it_is() -> None:
    method, fresh = ClassMeans(), ClassMeans()
    method.training_step(PairBatch(bags(1), bags(7)))
    fresh.load_state_dict(method.state_dict())
    assert torch.equal(fresh.eval().mean.data, torch.full((DIM,), 7.0))
    assert fresh.fits == []


def test_a_method_of_normal_videos_keeps_no_others() -> None:
    method = OfNormalVideos()
    method.training_step(PairBatch(bags(1, 3), bags(7, 8)))
    assert torch.equal(method.eval().mean.data, torch.full((DIM,), 2.0))


def test_more_videos_than_memory_allows_are_refused_with_their_size() -> None:
    method = ClassMeans()
    method.most_bytes = 3 * DIM * 4  # type: ignore[misc]
    method.training_step(PairBatch(bags(1), bags(7)))
    with pytest.raises(MethodError, match=r"^ClassMeans keeps .* of training videos, more than the .* fewer segments$"):
        method.training_step(PairBatch(bags(2), bags(8)))
