"""A scikit-learn estimator fitted to whole videos, as a method like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.api import FeatureSpec, MethodConfig, PairBatch
from benchmark.api.fitted import FittedMethod

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class SklearnMethod(FittedMethod):
    """A scikit-learn classifier with a linear decision, fitted to the mean features of the training videos.

    A subclass defines `make_estimator`. The estimator is fitted to the standardised means; its decision is held in
    `weight` and `bias`, so an estimator without `coef_` and `intercept_` cannot be used. A snippet's score is the
    sigmoid of its decision, mean over crops. The loss that is reported is the squared hinge of the decision.
    """

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.weight = nn.Parameter(torch.zeros(features.dim))
        self.bias = nn.Parameter(torch.zeros(1))

    def make_estimator(self) -> BaseEstimator:
        """Return a new estimator; random numbers come from a fixed ``random_state``."""
        raise TypeError(f"{type(self).__name__} defines no make_estimator")

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Keep the videos of the batch that are new, and return the squared hinge loss of the decision."""
        self.keep(batch)
        margins = [self._decide(self.collect(batch.normal)), -self._decide(self.collect(batch.abnormal))]
        return {"loss": F.relu(1 + torch.cat(margins)).square().mean()}

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: the sigmoid of the decision, mean over crops."""
        return self._decide(features).sigmoid().mean(1)

    def fit(self, kept: Tensor, labels: Tensor) -> Mapping[str, Tensor]:
        """Return weight and bias of the decision that the estimator learns from all videos."""
        from sklearn.preprocessing import StandardScaler

        means = kept.numpy().astype(np.float64)
        scaler = StandardScaler().fit(means)
        estimator = self.make_estimator().fit(scaler.transform(means), labels.numpy())
        coefficients = getattr(estimator, "coef_", None)
        if coefficients is None or np.shape(coefficients) != (1, means.shape[1]):
            raise TypeError(
                f"{type(estimator).__name__} has no linear decision (coef_, intercept_); no other can be stored"
            )
        weight = np.asarray(coefficients)[0] / scaler.scale_
        bias = float(np.ravel(estimator.intercept_)[0]) - float(scaler.mean_ @ weight)
        return {"weight": torch.from_numpy(weight), "bias": torch.tensor([bias], dtype=torch.float64)}

    def _decide(self, features: Tensor) -> Tensor:
        return F.linear(features, self.weight[None], self.bias).squeeze(-1)
