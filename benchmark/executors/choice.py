"""Where runs are trained, and how many side by side."""

from __future__ import annotations

import os
from typing import Literal

import torch

from benchmark.errors import InputError
from benchmark.executors import Executor
from benchmark.registry import ExecutorPlugin, find_plugin

DeviceName = Literal["auto", "cpu", "cuda"]


def choose_device(wanted: DeviceName) -> str:
    """Return the device to train on.

    Raises
    ------
    InputError
        If a GPU is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise InputError("--device cuda: PyTorch finds no GPU here; use --device cpu")
    return "cuda" if available and wanted != "cpu" else "cpu"


def choose_executor(wanted: str | None, workers: int | None, device: str) -> Executor:
    """Return the executor: side by side on a CPU, one after another on a GPU, unless told otherwise.

    Raises
    ------
    InputError
        If there is no executor of that name, or it cannot be used.
    """
    by_default = "serial" if workers is None and device == "cuda" else "local"
    plugin = find_plugin(ExecutorPlugin, wanted or by_default)
    return plugin.create(count_workers(wanted, workers, device))


def count_workers(wanted: str | None, workers: int | None, device: str) -> int:
    """Return how many runs go side by side."""
    if wanted == "serial":
        return 1
    return workers or (_cores() if device == "cpu" else 1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
