"""SMIL: a support vector machine on the top instances of soft bags (Li and Vasconcelos, CVPR 2015), reconstructed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import Bags, FeatureSpec, PairBatch
from benchmark.api.fitted import FittedMethod
from methods.parts.layers import init_xavier_uniform, top_indices
from methods.parts.losses import add_total
from methods.parts.switches import Need, SwitchedConfig

MOST_CHOICES = 10
"""How often segments are chosen anew in one fit, at most."""
CONSTANT = 1e-6
"""A feature whose standard deviation is a smaller share of its mean counts as constant."""


class SMIL(FittedMethod):
    """A linear machine on segments; its decision on a video is the mean of the k highest on the video's segments.

    Terms of `training_step`, weighted as they enter the loss: hinge, weights. k = max(1, round(T / `top_divisor`)),
    in normal videos as well: that is what makes their bags soft, since a few strays among them cost little.
    """

    title = "Top-instance SVM (SMIL, reconstructed)"

    class Config(SwitchedConfig):
        """Settings of SMIL."""

        solver: Literal["sgd", "alternation"] = Field(
            "sgd",
            description="the optimiser, on the hinge of batches; or segments of all videos are chosen and a linear "
            "machine is fitted to them, in turn",
        )
        top_divisor: int = Field(10, ge=1, description="k = max(1, round(T / top_divisor)) segments stand for a video")
        weight_regularisation: float = Field(1e-3, gt=0, description="weight of half the squared weights")
        hidden: int = Field(0, ge=0, le=65_536, description="width of a ReLU layer ahead of the machine; 0 for none")

        def _needs(self) -> Sequence[Need]:
            return [Need("solver 'sgd'", self.solver == "sgd", ("hidden",))]

    config: Config
    mean: Tensor
    deviation: Tensor

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.first = nn.Linear(features.dim, config.hidden or 1)
        self.second = nn.Linear(config.hidden, 1) if config.hidden else None
        self.register_buffer("mean", torch.zeros(features.dim))
        self.register_buffer("deviation", torch.ones(features.dim))
        self.apply(init_xavier_uniform)

    def prepare(self, bags: PairBatch) -> None:
        """Take mean and standard deviation of all training segments, crops included."""
        halves = [half.features for half in (bags.normal, bags.abnormal)]
        means = torch.stack([half.mean((0, 1, 2)) for half in halves])
        counts = means.new_tensor([[half[..., 0].numel()] for half in halves])
        variances = torch.stack([half.var((0, 1, 2), correction=0) for half in halves])
        shares = counts / counts.sum()
        mean = (shares * means).sum(0)
        deviation = (shares * (variances + (means - mean).square())).sum(0).sqrt()
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.masked_fill(deviation <= CONSTANT * mean.abs(), 1))

    def decide(self, features: Tensor) -> Tensor:
        """Return the decision g on single segments, (…, D) -> (…), of standardised features."""
        # Weights are scaled in place of the features, which may be many more.
        weight = self.first.weight / self.deviation
        out = F.linear(features, weight, self.first.bias - weight @ self.mean)
        if self.second is not None:
            out = self.second(out.relu())
        return out.squeeze(-1)

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: the sigmoid of the decision, mean over crops."""
        return self.decide(features).sigmoid().mean(1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; with solver ``alternation``, how good the machine is."""
        if self.config.solver == "alternation":
            self.keep(batch)
        instances = self.decide(torch.cat([batch.normal.features, batch.abnormal.features])).mean(1)
        normal, abnormal = top_mean(instances, self.instances_of(instances.shape[1])).chunk(2)
        layers = [self.first] if self.second is None else [self.first, self.second]
        squares = torch.stack([layer.weight.square().sum() for layer in layers]).sum()
        return add_total(
            {
                "hinge": F.relu(1 + torch.cat([normal, -abnormal])).mean(),
                "weights": self.config.weight_regularisation * squares / 2,
            }
        )

    def collect(self, bags: Bags) -> Tensor:
        """Return what is kept of each video: its segments, mean over crops, (videos, T, D)."""
        return bags.features.mean(1)

    def fit(self, kept: Tensor, labels: Tensor) -> Mapping[str, Tensor]:
        """Choose the segments that stand for each video, and fit a linear machine to their means, in turn.

        It begins with all segments, and ends when the choice stands still, or after `MOST_CHOICES` of them. Features
        are standardised by the means of whole videos. Source: estimate, in place of the paper's own solver.
        """
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC

        videos, length, dim = kept.shape
        means = kept.mean(1, dtype=torch.float64)
        scaler = StandardScaler().fit(means.numpy())
        scale = torch.from_numpy(np.asarray(scaler.scale_))
        choice = torch.arange(length).expand(videos, -1)
        for turn in range(1 + MOST_CHOICES):
            # The same objective as by gradients, but for the square of the hinge.
            machine = LinearSVC(C=1 / (self.config.weight_regularisation * videos), random_state=0)
            machine.fit(scaler.transform(means.numpy()), labels.numpy())
            weight = torch.from_numpy(np.asarray(machine.coef_))
            decisions = kept @ (weight[0] / scale).to(kept.dtype)
            last, choice = choice, top_indices(decisions, self.instances_of(length)).sort(-1).values
            if torch.equal(last, choice) or turn == MOST_CHOICES:
                break
            means = kept.gather(1, choice[..., None].expand(-1, -1, dim)).mean(1, dtype=torch.float64)
        return {
            "first.weight": weight,
            "first.bias": torch.from_numpy(np.asarray(machine.intercept_)),
            "mean": torch.from_numpy(np.asarray(scaler.mean_)),
            "deviation": scale,
        }

    def instances_of(self, length: int) -> int:
        """Return k, how many of a video's segments stand for it."""
        return max(1, round(length / self.config.top_divisor))


def top_mean(values: Tensor, k: int) -> Tensor:
    """Return the mean of the k largest values, the largest mean that any k of them have: (…, T) -> (…)."""
    return values.gather(-1, top_indices(values, k)).mean(-1)
