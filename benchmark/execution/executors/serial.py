"""One job after another, in this process."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from benchmark.execution.executors import Resources, Watcher
from benchmark.system.process import one_thread
from benchmark.training.jobs import Job, Outcome, perform


class SerialExecutor:
    """Does one job after another in this process: for one GPU, and for a debugger.

    Parameters
    ----------
    resources
        What every executor takes; here there is nothing to choose.
    """

    def __init__(self, resources: Resources | None = None) -> None:
        """Take what every executor takes."""

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        """Do the jobs in order."""
        with one_thread():
            for job in jobs:
                watcher.started(job)
                yield perform(job, lambda step, loss, job=job: watcher.stepped(job, step, loss))  # type: ignore[misc]
