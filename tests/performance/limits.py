"""What the machine can do: matrix products of as many operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Work:
    """Something that computes, and its floating-point operations."""

    run: Callable[[], object]
    flops: int


def counted(run: Callable[[], object]) -> Work:
    """Count the operations of something."""
    with FlopCounterMode(display=False) as counter:
        run()
    return Work(run, counter.get_total_flops())


def products(flops: int) -> Callable[[], object]:
    """Return matrix products of as many operations."""
    size = 1024
    left, right, out = torch.rand(size, size), torch.rand(size, size), torch.empty(size, size)
    count = max(1, round(flops / (2 * size**3)))

    def run() -> None:
        for _ in range(count):
            torch.mm(left, right, out=out)

    return run
