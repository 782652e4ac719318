"""Where jobs run: one after another in this process, side by side in others, or on other machines."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Protocol

from benchmark.training.choices import Choices
from benchmark.training.jobs import Job, Outcome


@dataclass(frozen=True)
class Resources:
    """What the runs of a call may use; an executor is created with it.

    Attributes
    ----------
    workers
        How many runs go side by side, as asked for; None for as many as fit.
    device
        ``cpu`` or ``cuda``.
    gpus_per_run
        Share of a GPU that each run takes; says nothing on a CPU.
    address
        Of a cluster, for executors that use one.
    """

    workers: int | None = None
    device: str = "cpu"
    gpus_per_run: float = 1.0
    address: str | None = None

    @classmethod
    def of(cls, choices: Choices) -> Resources:
        """Return what the runs of a call may use.

        Raises
        ------
        InputError
            If a GPU is asked for and there is none.
        """
        return cls(choices.workers, choices.place, choices.gpus_per_run, choices.address)


class Watcher(Protocol):
    """Whoever is told how the jobs get on."""

    def started(self, job: Job) -> None:
        """A job has begun."""

    def stepped(self, job: Job, step: int, loss: float) -> None:
        """A job's training has reached a step."""


class Executor(Protocol):
    """Does jobs and hands over each outcome as it comes, in any order."""

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        """Do the jobs, taking the next one only when there is room for it.

        Whoever gives the jobs decides at that moment which one is next, or that there are no more. A job that fails
        gives an outcome that says so; it never ends the others. The generator closed early ends what is running.
        """
