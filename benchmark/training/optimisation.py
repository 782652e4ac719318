"""Optimizer, clipping of gradients and learning rate of a training, as its recipe says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from benchmark.api import Method
from benchmark.terms import Schedule, Training


class Optimisation:
    """Changes a method's weights, step by step.

    Parameters
    ----------
    passes_of
        How many steps a pass over the training videos takes, for schedules that count passes.
    """

    def __init__(self, model: Method, settings: Training, passes_of: int = 1) -> None:
        self.optimizer = make_optimizer(model, settings)
        self._weights = list(model.parameters())
        self._clip_norm = settings.clip_norm
        self._rate: LambdaLR | None = None
        if (schedule := settings.schedule) is not None:
            factor = partial(rate_factor, schedule, passes_of=passes_of, steps=settings.steps)
            self._rate = LambdaLR(self.optimizer, factor)

    def step(self, loss: Tensor) -> None:
        """Take one step down a loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self._weights, self._clip_norm)
        self.optimizer.step()
        if self._rate is not None:
            self._rate.step()


def make_optimizer(model: Method, settings: Training) -> torch.optim.Optimizer:
    """Return the optimizer that a recipe names."""
    rate, decay, momentum = settings.learning_rate, settings.weight_decay, settings.momentum
    weights = list(_groups(model, rate))
    match settings.optimizer:
        case "adam":
            return torch.optim.Adam(weights, lr=rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(weights, lr=rate, weight_decay=decay, fused=True)
        case "adagrad":  # eps as in the code of Sultani et al. 2018, and as Adam's
            return torch.optim.Adagrad(weights, lr=rate, weight_decay=decay, eps=1e-8)
        case "sgd":
            return torch.optim.SGD(weights, lr=rate, weight_decay=decay, momentum=momentum)
        case "rmsprop":
            return torch.optim.RMSprop(weights, lr=rate, weight_decay=decay, momentum=momentum)


def _groups(model: Method, rate: float) -> Iterator[dict[str, object]]:
    """Yield the parameters by what `Method.rate_factors` multiplies their rate by."""
    factors = model.rate_factors()
    by_factor: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        factor = next((factor for prefix, factor in factors.items() if name.startswith(prefix)), 1.0)
        by_factor.setdefault(factor, []).append(parameter)
    for factor, parameters in by_factor.items():
        yield {"params": parameters, "lr": factor * rate}


def rate_factor(schedule: Schedule, step: int, passes_of: int, steps: int) -> float:
    """Return what the learning rate is multiplied by at a step, counted from 0.

    Parameters
    ----------
    passes_of
        How many steps a pass takes.
    steps
        Of the whole training.
    """
    unit = passes_of if schedule.unit == "passes" else 1
    now, end = step // unit, max(1, -(-steps // unit))
    risen = min(1.0, (now + 1) / schedule.warm_up) if schedule.warm_up else 1.0
    if schedule.shape == "milestones":
        return float(risen * schedule.factor ** sum(milestone <= now for milestone in schedule.milestones))
    return risen * (1 + math.cos(math.pi * now / (schedule.period or end))) / 2
