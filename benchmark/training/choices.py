"""What is chosen for a call, on the command line or in a notebook: which runs, and how they are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.terms import MOST_LOOKS, Cached, Device, Profile, Tracking

SEEDS: dict[Profile, int] = {"quick": 3, "paper": 5}
"""Seeds of each profile unless others are chosen."""

BOUNDS: Mapping[str, tuple[float, float]] = {
    "seeds": (1, 1_000),
    "holdout": (0.0, 0.9),
    "looks": (0, MOST_LOOKS),
    "workers": (1, 1_024),
    "gpus_per_run": (0.01, 1_024),
    "timeout": (0.001, 366 * 24 * 3600.0),  # the system's alarms go wrong beyond centuries
    "memory": (1, 1 << 50),
}
"""What a choice may be at least and at most: beyond, it could only be a slip, and would fill memory or never end."""

HERE = (None, "serial", "local")
"""Executors that use this machine; a call may be made on one without a GPU where the runs of others go to one."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The choices of a call; each is an option of the commands that train.

    Attributes
    ----------
    seeds
        Number of seeds of each method; None for as many as the profile has.
    looks
        How often weights are judged on the way; None for as often as the recipe says.
    executor
        Its name; None for what suits this machine.
    workers
        Runs side by side; None for as many as fit.
    gpus_per_run, address
        See `benchmark.execution.executors.Resources`.
    timeout
        Seconds that a run may take; None for as long as it needs.
    memory
        Bytes that a run may take beyond what the libraries do; None for what there is.
    settings
        ``[METHOD.][SECTION.]KEY=VALUE``, each in place of a recipe's value.

    Raises
    ------
    InputError
        If a choice is none, or can have no effect beside the others.
    """

    profile: Profile = "quick"
    seeds: int | None = None
    data: Path | None = None
    results: Path = Path("results")
    holdout: float = 0.0
    looks: int | None = None
    device: Device = "auto"
    executor: str | None = None
    workers: int | None = None
    gpus_per_run: float = 1.0
    address: str | None = None
    timeout: float | None = None
    memory: int | None = None
    cached: Cached = "use"
    tracking: Tracking = "mlflow"
    settings: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.profile not in get_args(Profile):
            raise InputError(f"--profile {self.profile}: choose one of {', '.join(get_args(Profile))}")
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InputError(f"--{name.replace('_', '-')}: choose a number from {least:g} to {most:g}")
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

    @property
    def overrides(self) -> tuple[str, ...]:
        """All settings in place of a recipe's, in the order in which they apply."""
        looks = () if self.looks is None else (f"training.looks={self.looks}",)
        return (*self.settings, *looks)

    @property
    def every_seed(self) -> range:
        """The seeds of each method."""
        return range(self.seeds or SEEDS[self.profile])

    @property
    def runs(self) -> Path:
        """Folder of the run store."""
        return Results(self.results).runs

    @property
    def place(self) -> str:
        """The device that the runs are trained on, ``cpu`` or ``cuda``.

        Raises
        ------
        InputError
            If a GPU of this machine is asked for and there is none, or a share of a GPU on a CPU.
        """
        device = choose_device(self.device, self.executor)
        if device == "cpu" and self.gpus_per_run != 1:
            raise InputError(f"--gpus-per-run {self.gpus_per_run:g}: the runs go to a CPU; give --device cuda")
        return device


def choose_device(wanted: Device, executor: str | None = None) -> str:
    """Return the device to train on; unless it is named, what there is on this machine decides.

    Raises
    ------
    InputError
        If a GPU of this machine is asked for and there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if wanted == "cuda" and executor not in HERE:
        return "cuda"
    if wanted == "cuda" and not available:
        raise InputError("--device cuda: PyTorch finds no GPU here; use --device cpu")
    return "cuda" if available and wanted != "cpu" else "cpu"
