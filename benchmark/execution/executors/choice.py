"""Where runs are trained, and how many side by side."""

from __future__ import annotations

from typing import cast

from benchmark.execution.executors import Executor, Resources
from benchmark.execution.executors.places import count_places
from benchmark.system.entry_points import Plugin, find_plugin
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices


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


def choose_executor(choices: Choices) -> Executor:
    """Return who does the runs: side by side on a CPU, one after another on a single GPU, unless told otherwise.

    Runs whose memory is limited get processes of their own.

    Raises
    ------
    InputError
        If there is no executor of that name, or it cannot be used.
    """
    resources = Resources.of(choices)
    alone = resources.device == "cuda" and count_places(resources) == 1 and choices.memory is None
    return find_plugin(ExecutorPlugin, choices.executor or ("serial" if alone else "local")).create(resources)


def count_side_by_side(choices: Choices) -> int:
    """Return how many runs go side by side, as far as this machine can tell."""
    return 1 if choices.executor == "serial" else count_places(Resources.of(choices))
