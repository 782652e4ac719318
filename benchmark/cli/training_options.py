"""The options of the commands that train: declared once, given to each of these commands, resolved for the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, Concatenate, get_type_hints

from benchmark.cli.options import (
    DEFAULT_RESULTS,
    Address,
    Cached,
    Data,
    Device,
    ExecutorOption,
    GpusPerRun,
    Holdout,
    Looks,
    Memory,
    Profile,
    ResultsFolder,
    Seeds,
    Settings,
    Timeout,
    Tracking,
    Workers,
)
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.execution.executors import Executor, Resources
    from benchmark.training.specification import Options


@dataclass(frozen=True, kw_only=True)
class TrainingChoices:
    """The options of a command that trains, as given; each field is an option.

    Raises
    ------
    InputError
        If an option can have no effect beside the others.
    """

    profile: Profile = "quick"
    seeds: Seeds = None
    data: Data = None
    results: ResultsFolder = DEFAULT_RESULTS
    holdout: Holdout = 0.0
    looks: Looks = None
    device: Device = "auto"
    executor: ExecutorOption = None
    workers: Workers = None
    gpus_per_run: GpusPerRun = 1.0
    address: Address = None
    timeout: Timeout = None
    memory: Memory = None
    cached: Cached = "use"
    tracking: Tracking = "mlflow"
    settings: Settings = None

    def __post_init__(self) -> None:
        from benchmark.execution.executors.choice import HERE

        here = self.executor in HERE
        if self.address is not None and here:
            raise InputError(f"--address {self.address}: only --executor ray and --executor slurm have one")
        if self.memory is not None and self.executor == "serial":
            raise InputError("--memory: --executor serial cannot limit it; a process of its own can, give local")
        if self.gpus_per_run > 1 and here:
            raise InputError(
                f"--gpus-per-run {self.gpus_per_run:g}: on this machine a run takes one GPU or a part of it"
            )
        if self.gpus_per_run < 1 and self.executor == "serial":
            raise InputError(
                f"--gpus-per-run {self.gpus_per_run:g}: --executor serial does one run at a time; give local"
            )

    def options(self) -> Options:
        """Resolve what concerns each run."""
        from benchmark.training.specification import DEFAULT_SEEDS, Options

        looks = [f"training.looks={self.looks}"] if self.looks is not None else []
        return Options(
            profile=self.profile,
            seeds=self.seeds or DEFAULT_SEEDS[self.profile],
            holdout=self.holdout,
            overrides=(*(self.settings or ()), *looks),
            runs=Results(self.results).runs,
            device=self._choose_device(),
            cached=self.cached,
            timeout=self.timeout,
            memory=self.memory,
        )

    def resources(self) -> Resources:
        """Resolve what the runs may use."""
        from benchmark.execution.executors import Resources

        return Resources(self.workers, self._choose_device(), self.gpus_per_run, self.address)

    def make_executor(self) -> Executor:
        """Return who does the runs: in processes of their own if their memory is limited."""
        from benchmark.execution.executors.choice import choose_executor

        wanted = "local" if self.executor is None and self.memory is not None else self.executor
        return choose_executor(wanted, self.resources())

    def _choose_device(self) -> str:
        from benchmark.execution.executors.choice import choose_device

        device = choose_device(self.device, self.executor)
        if device == "cpu" and self.gpus_per_run != 1:
            raise InputError(f"--gpus-per-run {self.gpus_per_run:g}: the runs go to a CPU; give --device cuda")
        return device


def takes_training_options(
    command: Callable[Concatenate[TrainingChoices, ...], None],
) -> Callable[..., None]:
    """Give a command the options of `TrainingChoices` after its own; it takes them as its first argument.

    Typer reads a function's signature, so it is shown one in which each field is a parameter.
    """
    shared = get_type_hints(TrainingChoices, include_extras=True)
    named = get_type_hints(command, include_extras=True)
    _, *own = signature(command).parameters.values()
    parameters = [parameter.replace(annotation=named[parameter.name]) for parameter in own]
    parameters += [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=shared[field.name])
        for field in fields(TrainingChoices)
    ]

    @wraps(command)
    def parsed(**given: Any) -> None:
        choices = {field.name: given.pop(field.name) for field in fields(TrainingChoices)}
        command(TrainingChoices(**choices), **given)

    vars(parsed)["__signature__"] = Signature(parameters)
    parsed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return parsed
