"""An executor that does the jobs of a call in reverse, one after another: results do not depend on the order."""

from collections.abc import Iterator, Sequence

from benchmark.executors import Watcher
from benchmark.executors.serial import SerialExecutor
from benchmark.jobs import Job, Outcome


class Backwards:
    def __init__(self, workers: int) -> None:
        self.one_by_one = SerialExecutor()

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> Iterator[Outcome]:
        return self.one_by_one.run(jobs[::-1], watcher)
