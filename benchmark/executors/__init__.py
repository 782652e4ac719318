"""Where jobs run: one after another in this process, or side by side in others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from benchmark.jobs import Job, Outcome


class Watcher(Protocol):
    """Whoever is told how the jobs get on."""

    def started(self, job: Job) -> None:
        """A job has begun."""

    def stepped(self, job: Job, step: int, loss: float) -> None:
        """A job's training has reached a step."""


class Executor(Protocol):
    """Does jobs and hands over each outcome as it comes, in any order."""

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> Iterator[Outcome]:
        """Do the jobs. A job that fails gives an outcome that says so; it never ends the others."""
