"""One job after another, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.executors import Watcher
from benchmark.jobs import Job, Outcome, perform
from benchmark.threads import one_thread


class SerialExecutor:
    """Does one job after another in this process: for one GPU, and for a debugger.

    Parameters
    ----------
    workers
        One, whatever is said.
    """

    def __init__(self, workers: int = 1) -> None:
        """Take what every executor takes."""

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> Iterator[Outcome]:
        """Do the jobs in order."""
        with one_thread():
            for job in jobs:
                watcher.started(job)
                yield perform(job, lambda step, loss, job=job: watcher.stepped(job, step, loss))  # type: ignore[misc]
