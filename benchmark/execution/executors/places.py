"""How many runs fit side by side on this machine, and on which GPU each one goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

import torch

from benchmark.execution.executors import Resources
from benchmark.system.machine import usable_cores


def count_places(resources: Resources) -> int:
    """Return how many runs go side by side on this machine: as many as asked for, or as fit."""
    if resources.workers is not None:
        return resources.workers
    if resources.device == "cuda":
        return _gpus() * _runs_per_gpu(resources)
    return usable_cores()


@dataclass(frozen=True)
class Gpu:
    """The part of a GPU that a run takes.

    Attributes
    ----------
    name
        The GPU, as ``CUDA_VISIBLE_DEVICES`` names it.
    share
        Share of its memory.
    """

    name: str
    share: float

    @classmethod
    def of(cls, place: int, resources: Resources) -> Self:
        """Return the GPU of a place; neighbouring places are on different ones."""
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = named.split(",") if named else [str(number) for number in range(_gpus())]
        return cls(names[place % len(names)], min(1.0, resources.gpus_per_run))

    def take(self) -> None:
        """Let this process see this GPU alone, and take no more than its share of the memory."""
        os.environ["CUDA_VISIBLE_DEVICES"] = self.name
        if self.share < 1:
            torch.cuda.set_per_process_memory_fraction(self.share)


def _gpus() -> int:
    return max(1, torch.cuda.device_count())


def _runs_per_gpu(resources: Resources) -> int:
    return max(1, int(1 / resources.gpus_per_run + 1e-9))
