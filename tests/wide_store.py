"""A results folder with many methods on several datasets, written without training: what a comparison of all leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.records import Look
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from tests.small_store import dataset_of, draw_scores, events_of, plan_of, spec_of, store_run

TITLES = ("MIL", "Attention over Snippets", "Temporal Relation", "Prototypes of Normality", "Two-Stage Self-Training")


@dataclass(frozen=True)
class Size:
    """A dataset to make: classes with so many videos each, as many normal videos, and snippets of each video."""

    name: str
    classes: int
    videos: int
    snippets: int

    def draw(self, seed: int, skill: float) -> ScoredVideos:
        """Return the scores of a run."""
        counts = {f"Class {number:02}": self.videos for number in range(self.classes)}
        return draw_scores(seed, skill, counts, self.classes * self.videos, self.snippets)


def make_wide_results(root: Path, methods: int, sizes: Sequence[Size], seeds: int) -> Results:
    """Make a results folder with a table of each dataset; the later a method comes in it, the better it is."""
    results = Results(root)
    store = RunStore(results.runs)
    store.prepare()
    names = [f"{TITLES[number % len(TITLES)]} {number + 1}" for number in range(methods)]
    for size in sizes:
        test_hash = f"test part of {size.name}"
        dataset = dataset_of(size.draw(0, 0), size.name, test_hash)
        store.write_events(events_of(size.draw(0, 0), test_hash))
        results.write_invocation(plan_of(dataset, names, seeds))
        for number, name in enumerate(names):
            for seed in range(seeds):
                scored = size.draw(seeds * number + seed, 0.1 + 0.6 * number / methods)
                looks = [Look(step=step, test=0.5 + 0.01 * number + step / 1000) for step in (20, 40)]
                store_run(store, spec_of(name, seed, size.name), scored, looks, test_hash)
    return results
