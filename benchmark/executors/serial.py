"""One job after another, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from benchmark.executors import Watcher
from benchmark.jobs import Job, Outcome, perform


class SerialExecutor:
    """Does one job after another in this process: for one GPU, and for a debugger."""

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> Iterator[Outcome]:
        """Do the jobs in order."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the bits of a sum depend on the number of threads
        try:
            for job in jobs:
                watcher.started(job)
                yield perform(job, lambda step, loss, job=job: watcher.stepped(job, step, loss))  # type: ignore[misc]
        finally:
            torch.set_num_threads(threads)
