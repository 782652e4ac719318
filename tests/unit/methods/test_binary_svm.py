"""Binary SVM and its adapter: what is stored is scikit-learn's own decision on whole videos."""

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from benchmark.api import Bags, FeatureSpec, MethodConfig, PairBatch
from benchmark.api.sklearn import SklearnMethod
from benchmark.plugins.pipelines import find_pipeline
from benchmark.system.errors import InputError
from methods.binary_svm import BinarySVM, BinarySVMConfig

DIM, CROPS, SEGMENTS = 5, 2, 4


def bags(names: list[str], shift: float) -> Bags:
    """The features of a video depend on its name alone, as a dataset's do."""
    features = [
        torch.randn(CROPS, SEGMENTS, DIM, generator=torch.Generator().manual_seed(int(name[1:]))) + shift
        for name in names
    ]
    return Bags(torch.stack(features), None, None, tuple(names))


def batches() -> list[PairBatch]:
    """Three batches; some videos come twice, others once."""
    return [
        PairBatch(bags([f"n{i}" for i in normal], 0.0), bags([f"a{i}" for i in abnormal], 1.0))
        for normal, abnormal in (([1, 2], [11, 12]), ([3, 1], [13, 11]), ([4, 2], [14, 15]))
    ]


def trained(method: SklearnMethod) -> SklearnMethod:
    optimizer = torch.optim.Adam(method.parameters(), lr=0.1, weight_decay=0.5)
    for batch in batches():
        optimizer.zero_grad()
        method.training_step(batch)["loss"].backward()
        optimizer.step()
    return method


def make(penalty: float = 1.0) -> BinarySVM:
    return BinarySVM(BinarySVMConfig(penalty=penalty), FeatureSpec(DIM, {}))


def videos() -> tuple[np.ndarray, np.ndarray]:
    """Each training video once: the mean of all its segments and crops, and its label."""
    seen = {}
    for batch in batches():
        for half, label in ((batch.normal, 0), (batch.abnormal, 1)):
            for name, video in zip(half.video_ids, half.features.double().numpy(), strict=True):
                rows = [video[c, t] for c in range(CROPS) for t in range(SEGMENTS)]
                seen[name] = (sum(rows) / len(rows), label)
    names = sorted(seen)
    return np.stack([seen[name][0] for name in names]), np.array([seen[name][1] for name in names])


@pytest.mark.parametrize("penalty", [0.1, 1.0, 10.0])
def test_scores_are_those_of_scikit_learns_decision(penalty: float) -> None:
    method = trained(make(penalty)).eval()
    reference = make_pipeline(StandardScaler(), LinearSVC(C=penalty, random_state=0)).fit(*videos())
    snippets = torch.randn(1, CROPS, 7, DIM, generator=torch.Generator().manual_seed(3))
    expected = np.zeros(7)
    for crop in range(CROPS):
        decision = reference.decision_function(snippets[0, crop].double().numpy())
        expected += 1 / (1 + np.exp(-decision)) / CROPS
    with torch.no_grad():
        assert method.score(snippets)[0].numpy() == pytest.approx(expected, rel=1e-4)


def test_the_optimiser_has_no_part_in_what_is_saved() -> None:
    method = trained(make())
    saved = {name: value.clone() for name, value in method.state_dict().items()}
    optimizer = torch.optim.Adam(method.parameters(), lr=0.5)
    method.train()
    for batch in batches():  # no new video: the same fit
        optimizer.zero_grad()
        method.training_step(batch)["loss"].backward()
        optimizer.step()
    for name, value in method.state_dict().items():
        assert torch.equal(value, saved[name])


def test_the_loss_is_the_squared_hinge_of_whole_videos() -> None:
    method = trained(make()).eval()
    batch = batches()[0]
    losses = []
    for half, sign in ((batch.normal, -1), (batch.abnormal, 1)):
        for video in half.features:
            decision = float(video.mean((0, 1)) @ method.weight.detach() + method.bias.detach())
            losses.append(max(0.0, 1 - sign * decision) ** 2)
    assert method.training_step(batch)["loss"].item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_loaded_weights_stay_as_they_are() -> None:
    method, fresh = trained(make()), make()
    fresh.load_state_dict(method.state_dict())
    fresh.eval()
    assert torch.equal(fresh.weight, method.weight)


def test_an_estimator_without_a_linear_decision_is_refused() -> None:
    class Curved(SklearnMethod):
        def make_estimator(self) -> SVC:
            return SVC(kernel="rbf")

    with pytest.raises(TypeError, match=r"^SVC has no linear decision \(coef_, intercept_\); no other can be stored$"):
        trained(Curved(MethodConfig(), FeatureSpec(DIM, {}))).state_dict()


def test_an_add_on_in_front_is_refused() -> None:
    with pytest.raises(InputError, match="binary-svm is fitted, not trained: an add-on before it learns nothing"):
        find_pipeline("binary-svm+ica").load()
