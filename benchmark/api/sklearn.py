"""Methods in another style: a scikit-learn estimator fitted to whole videos, as a method like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, Method, MethodConfig, PairBatch

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Floats = NDArray[np.float64]


class SklearnMethod(Method):
    """A scikit-learn classifier with a linear decision, fitted to the mean features of the training videos.

    A subclass defines `make_estimator`. Each video that a batch brings is kept once, as the mean of its segments and
    crops; whenever weights are looked at or saved, the estimator is fitted to all videos so far, standardised. So a
    training has to be long enough to bring every video: videos of a class / batch size, in steps.

    The decision is held in `weight` and `bias`, which save and load like any other weights; nothing is pickled, so an
    estimator without `coef_` and `intercept_` cannot be used. A snippet's score is the sigmoid of its decision, mean
    over crops. Between fits the optimiser moves the weights down the squared hinge loss that is reported; no fit
    depends on it.
    """

    takes_add_ons: ClassVar[bool] = False

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.weight = nn.Parameter(torch.zeros(features.dim))
        self.bias = nn.Parameter(torch.zeros(1))
        self._videos: dict[str, tuple[Floats, int]] = {}
        self._fitted: tuple[Tensor, Tensor] | None = None
        self._fitted_to = 0
        self.register_state_dict_pre_hook(lambda module, prefix, keep: self._fit())  # type: ignore[no-untyped-call]

    def make_estimator(self) -> BaseEstimator:
        """Return a new estimator; random numbers come from a fixed ``random_state``."""
        raise TypeError(f"{type(self).__name__} defines no make_estimator")

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Keep the videos of the batch that are new, and return the squared hinge loss of the decision."""
        margins = [self._keep(batch.normal, 0), -self._keep(batch.abnormal, 1)]
        return {"loss": F.relu(1 + torch.cat(margins)).square().mean()}

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: the sigmoid of the decision, mean over crops."""
        return F.linear(features, self.weight[None], self.bias).squeeze(-1).sigmoid().mean(1)

    def train(self, mode: bool = True) -> Self:
        """Fit before scores are asked for."""
        if not mode:
            self._fit()
        return super().train(mode)

    def _keep(self, bags: Bags, label: int) -> Tensor:
        """Keep each video once; return the decisions of all."""
        means = bags.features.mean((1, 2))
        for name, mean in zip(bags.video_ids, means.detach().cpu().numpy().astype(np.float64), strict=True):
            self._videos.setdefault(name, (mean, label))
        return F.linear(means, self.weight[None], self.bias).squeeze(-1)

    def _fit(self) -> None:
        """Put the decision that is fitted to all videos so far in the place of the weights."""
        if not self._videos:  # as loaded, or not trained yet
            return
        if self._fitted is None or self._fitted_to < len(self._videos):
            self._fitted, self._fitted_to = self._solve(), len(self._videos)
        with torch.no_grad():
            self.weight.copy_(self._fitted[0])
            self.bias.copy_(self._fitted[1])

    def _solve(self) -> tuple[Tensor, Tensor]:
        from sklearn.preprocessing import StandardScaler

        names = sorted(self._videos)
        features = np.stack([self._videos[name][0] for name in names])
        labels = np.array([self._videos[name][1] for name in names])
        scaler = StandardScaler().fit(features)
        estimator = self.make_estimator().fit(scaler.transform(features), labels)
        coefficients = getattr(estimator, "coef_", None)
        if coefficients is None or np.shape(coefficients) != (1, features.shape[1]):
            raise TypeError(
                f"{type(estimator).__name__} has no linear decision (coef_, intercept_); no other can be stored"
            )
        weight = np.asarray(coefficients)[0] / scaler.scale_
        bias = float(np.ravel(estimator.intercept_)[0]) - float(scaler.mean_ @ weight)
        return torch.from_numpy(weight).float(), torch.tensor([bias], dtype=torch.float32)
