"""The training steps and the scorings of a table's runs, without anything around them."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmark.api import PairBatch
from benchmark.datasets.dataset import Dataset
from benchmark.runs.results_folder import Results
from benchmark.system.process import keep_freed_memory
from benchmark.terms import Training
from benchmark.training.loop import train_step
from benchmark.training.optimisation import Optimisation
from tests.performance.stand_ins import make_half, make_method

CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Share:
    """One part in so many of what a run computes.

    Attributes
    ----------
    tests
        How often videos of so many rows are scored: at each look, and for each stored evaluation.
    """

    method: str
    training: Training
    crops: int
    dim: int
    steps: int
    tests: tuple[int, ...]


def shares(results: Path, data: Path, parts: int) -> list[Share]:
    """Read what each stored run computes, and take one part in so many of it: steps, and videos that are scored."""
    store = Results(results).store

    def test_rows(name: str) -> list[int]:
        return [video.rows for video in Dataset(data / name).manifest.split("test")]

    made = []
    for record in store.records():
        spec, manifest = record.spec, Dataset(data / record.spec.dataset).manifest
        tests = spec.training.looks * test_rows(spec.dataset)
        for dataset, _ in {(evaluation.dataset, evaluation.step) for evaluation in store.evaluations(record.key)}:
            tests += test_rows(dataset)
        crops, steps = spec.training.crops_of(manifest.crops), max(1, spec.training.steps // parts)
        made.append(Share(spec.method, spec.training, crops, manifest.dim, steps, tuple(tests[::parts])))
    return made


def compute(share: Share) -> None:
    """Take the steps of a share on random features and score its videos, on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    model, settings = make_method(share.method, share.dim).train(), share.training
    optimisation = Optimisation(model, settings)
    size = settings.batch_size, share.crops, settings.segments, share.dim
    batch = PairBatch(make_half(*size, label=0), make_half(*size, label=1))
    for _ in range(share.steps):
        train_step(model, optimisation, batch, "float32")
    model.eval()
    with torch.no_grad():
        for rows in share.tests:
            model.score(torch.rand(1, share.crops, rows, share.dim))
