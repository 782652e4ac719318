"""An executor that does the jobs of a call in reverse, one after another: results do not depend on the order."""

from collections.abc import Generator, Iterable

from benchmark.execution.executors import Resources, Watcher
from benchmark.execution.executors.serial import SerialExecutor
from benchmark.training.jobs import Job, Outcome


class Backwards:
    def __init__(self, resources: Resources) -> None:
        self.one_by_one = SerialExecutor(resources)

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        return self.one_by_one.run(reversed(list(jobs)), watcher)
