"""Where runs are trained, and how many side by side."""

from __future__ import annotations

from typing import cast

import torch

from benchmark.execution.executors import Executor, Resources
from benchmark.execution.executors.places import count_places
from benchmark.system.entry_points import Plugin, find_plugin
from benchmark.system.errors import InputError
from benchmark.terms import Device

HERE = (None, "serial", "local")
"""Executors that use this machine; a call may be made on one without a GPU where the runs of others go to one."""


class ExecutorPlugin(Plugin):
    """A class or function that gives an executor for the resources of a call."""

    kind = "executor"
    group = "wvad_bench.executors"

    def create(self, resources: Resources) -> Executor:
        """Create the executor.

        Raises
        ------
        InputError
            If the import fails, or what it gives is no `benchmark.execution.executors.Executor`.
        """
        executor = self.call(resources)
        if not callable(getattr(executor, "run", None)):
            raise InputError(f"executor {self.name}: {self.attribute} gives nothing that could run jobs")
        return cast("Executor", executor)


def choose_device(wanted: Device, executor: str | None = None) -> str:
    """Return the device to train on; unless it is named, what there is on this machine decides.

    Raises
    ------
    InputError
        If a GPU of this machine is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and executor not in HERE:
        return "cuda"
    if wanted == "cuda" and not available:
        raise InputError("--device cuda: PyTorch finds no GPU here; use --device cpu")
    return "cuda" if available and wanted != "cpu" else "cpu"


def choose_executor(wanted: str | None, resources: Resources) -> Executor:
    """Return the executor: side by side on a CPU, one after another on a single GPU, unless told otherwise.

    Raises
    ------
    InputError
        If there is no executor of that name, or it cannot be used.
    """
    alone = resources.device == "cuda" and count_places(resources) == 1
    return find_plugin(ExecutorPlugin, wanted or ("serial" if alone else "local")).create(resources)


def count_side_by_side(wanted: str | None, resources: Resources) -> int:
    """Return how many runs go side by side, as far as this machine can tell."""
    return 1 if wanted == "serial" else count_places(resources)
