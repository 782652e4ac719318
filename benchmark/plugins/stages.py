"""The stages of a training, and when each of them ends."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable

import torch

from benchmark.api import Method, MethodError, TrainingVideo


class Stages:
    """Tells a method when a stage of its training has ended.

    Parameters
    ----------
    steps
        Of the whole training. Each stage has one at least, unless there are fewer steps than stages.

    Raises
    ------
    MethodError
        If the shares of the stages are not positive, or do not sum to one.
    """

    def __init__(self, model: Method, steps: int) -> None:
        self._model = model
        self._ends: dict[int, list[str]] = defaultdict(list)
        shares = model.training_stages()
        if shares and not (min(shares.values()) > 0 and math.isclose(sum(shares.values()), 1)):
            raise MethodError(f"shares of stages are positive and sum to 1, not {dict(shares)}")
        past, end = 0.0, 0
        for place, name in enumerate(list(shares)[:-1], start=1):
            past += shares[name]
            left = len(shares) - place
            end = max(1, min(max(end + 1, round(past * steps)), steps - left))
            self._ends[end].append(name)

    @property
    def passes(self) -> int:
        """How often all training videos are shown."""
        return sum(map(len, self._ends.values()))

    def after(self, step: int, videos: Callable[[], Iterable[TrainingVideo]]) -> None:
        """Show the method all training videos for each stage that ends with a step, counted from 1."""
        for name in self._ends.get(step, ()):
            self._model.eval()
            with torch.no_grad():
                self._model.stage_ended(name, videos())
            self._model.train()
