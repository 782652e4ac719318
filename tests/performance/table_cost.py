"""What the training and the scoring of a table's runs compute, and how long the machine takes to compute as much."""

import os
from pathlib import Path

import torch

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.plugins.sizes import measure_pipeline
from benchmark.runs.results_folder import Results

SIZE = 512
CORES = len(os.sched_getaffinity(0))


def count_operations(results: Path, data: Path) -> int:
    """Count the floating-point operations of all stored runs: a step is three passes over its batch, a test one."""
    store, total = Results(results).store, 0
    for record in store.records():
        spec = record.spec
        manifest = Dataset(data / spec.dataset).manifest
        pipeline = find_pipeline(spec.method)
        recipe, _ = resolve_recipe(pipeline, spec.benchmark, spec.profile, ())
        size = measure_pipeline(pipeline, recipe, manifest.dim)
        crops = spec.training.crops_of(manifest.crops)
        rows = 3 * spec.training.steps * 2 * spec.training.batch_size * spec.training.segments * crops
        for tested in {evaluation.dataset for evaluation in store.evaluations(record.key)}:
            rows += crops * sum(video.rows for video in Dataset(data / tested).manifest.split("test"))
        total += 2 * size.multiply_adds * rows
    return total


def multiply(operations: float) -> int:
    """Compute matrix products of so many operations on one thread, and return how many."""
    torch.set_num_threads(1)
    left, right, out = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE), torch.empty(SIZE, SIZE)
    count = max(1, round(operations / (2 * SIZE**3)))
    for _ in range(count):
        torch.mm(left, right, out=out)
    return count
