"""A table of a few of the smallest runs, done in this process."""

from pathlib import Path

from tests.faults.calls import PLUGIN, Said, Task, call_here


def train(data: Path, results: Path, seeds: int, executor: str = "serial") -> Said:
    words = ("train", f"{PLUGIN}:MeanMIL", "scenes-avenue", "--seeds", str(seeds), "--set", "steps=3")
    return call_here(*Task(words).arguments(data, results, executor))
