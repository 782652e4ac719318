"""Speed of batches, training steps and scoring, each beside its limit or its rival in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.utils.flop_counter import FlopCounterMode

from benchmark.api import Bags, FeatureSpec, Method, PairBatch
from benchmark.datasets.batches import BagSet, pair_batches
from benchmark.datasets.segments import segment_mean
from benchmark.memory import keep_freed_memory
from benchmark.pipelines import find_pipeline
from benchmark.records import Training
from benchmark.training import LossCurves, make_optimizer, train_step

CPU = torch.device("cpu")
CROPS, SEGMENTS, DIM = 10, 32, 2048
FILES, FILE_ROWS = 8, 240  # rows: the mean length of a UCF-Crime test video
METHODS = [("rtfm", 1024), ("rtfm", 2048), ("clav", 1024), ("clav", 2048)]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """As a run is trained."""
    torch.set_num_threads(1)
    keep_freed_memory()


@pytest.fixture(scope="module")
def bags() -> BagSet:
    features = torch.rand(64, CROPS, SEGMENTS, DIM)
    return BagSet(features, torch.rand(64, SEGMENTS), None, tuple(f"v{i}" for i in range(64)))


@pytest.mark.benchmark(group="a paired batch of 32 + 32 videos, 10 crops, T = 32, D = 2048")
def test_batch(benchmark: BenchmarkFixture, bags: BagSet) -> None:
    benchmark.extra_info.update(aim=">= 60 % of a plain copy", floor="copy", more=1, least=0.6)
    batches = pair_batches(bags, bags, 32, 0, CPU)
    batch = benchmark.pedantic(lambda: next(batches), rounds=9, warmup_rounds=8)
    assert batch.normal.features.shape == (32, CROPS, SEGMENTS, DIM)


@pytest.mark.benchmark(group="a paired batch of 32 + 32 videos, 10 crops, T = 32, D = 2048")
def test_copying_the_same_bytes(benchmark: BenchmarkFixture, bags: BagSet) -> None:
    source = bags.features.numpy()
    target = np.empty_like(source)
    np.copyto(target, source)
    benchmark.pedantic(lambda: np.copyto(target, source), rounds=9)


@pytest.mark.benchmark(group="a paired batch of 32 + 32 videos, 10 crops, T = 32, D = 2048")
def test_loading_and_averaging_files_as_published_code_does(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Only 8 of the 64 files: `scale` says by what the time is multiplied."""
    benchmark.extra_info.update(scale=64 // FILES)
    files = [tmp_path / f"{i}.npy" for i in range(FILES)]
    for path in files:
        np.save(path, np.random.default_rng(0).random((FILE_ROWS, CROPS, DIM), np.float32))

    def rival() -> np.ndarray:
        return np.stack([segment_mean(np.load(path), SEGMENTS).transpose(1, 0, 2) for path in files])

    assert benchmark.pedantic(rival, rounds=2).shape == (FILES, CROPS, SEGMENTS, DIM)


@dataclass(frozen=True)
class Work:
    """Something that computes, and its floating-point operations."""

    run: Callable[[], object]
    flops: int


def _method(name: str, dim: int) -> Method:
    method, _ = find_pipeline(name).load()
    torch.manual_seed(0)
    features = FeatureSpec(dim=dim, sources={"motion": "given", "objects": "given"}, object_classes=80)
    return method(method.Config(), features)


def _half(videos: int, dim: int) -> Bags:
    names = tuple(map(str, range(videos)))
    return Bags(
        torch.rand(videos, 1, SEGMENTS, dim), torch.rand(videos, SEGMENTS), torch.rand(videos, SEGMENTS, 80), names
    )


def _counted(run: Callable[[], object]) -> Work:
    with FlopCounterMode(display=False) as counter:
        run()
    return Work(run, counter.get_total_flops())


def _products(flops: int) -> Callable[[], object]:
    """Return matrix products of as many operations: what the machine can do."""
    size = 1024
    left, right, out = torch.rand(size, size), torch.rand(size, size), torch.empty(size, size)
    count = max(1, round(flops / (2 * size**3)))

    def run() -> None:
        for _ in range(count):
            torch.mm(left, right, out=out)

    return run


@pytest.mark.parametrize("side", ["ours", "limit"])
@pytest.mark.parametrize(("name", "dim"), METHODS)
def test_training_step(benchmark: BenchmarkFixture, name: str, dim: int, side: str) -> None:
    benchmark.group = f"training step of {name}, D = {dim}, 16 + 16 videos, one thread"
    model, settings = _method(name, dim).train(), Training()
    optimizer = make_optimizer(model, settings)
    batch = PairBatch(_half(16, dim), _half(16, dim))
    work = _counted(lambda: train_step(model, optimizer, batch, "float32"))
    run = work.run if side == "ours" else _products(work.flops)
    benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    assert work.flops > 1e10


@pytest.mark.parametrize("side", ["ours", "limit"])
def test_loop_around_a_step(benchmark: BenchmarkFixture, side: str) -> None:
    benchmark.group = "the loop around a step of RTFM, D = 1024, 16 + 16 videos, one thread"
    model = _method("rtfm", 1024).train()
    optimizer = make_optimizer(model, Training())
    bags = BagSet(torch.rand(64, 1, SEGMENTS, 1024), None, None, tuple(map(str, range(64))))
    batches, curves = pair_batches(bags, bags, 16, 0, CPU), LossCurves()
    batch = next(batches)

    def loop() -> None:
        curves.add(train_step(model, optimizer, next(batches), "float32"))

    def step() -> None:
        train_step(model, optimizer, batch, "float32")

    benchmark.pedantic(loop if side == "ours" else step, rounds=15, warmup_rounds=2)


@pytest.mark.parametrize("side", ["ours", "limit"])
@pytest.mark.parametrize(("name", "dim"), METHODS)
def test_scoring(benchmark: BenchmarkFixture, name: str, dim: int, side: str) -> None:
    benchmark.group = f"scoring a video of 240 snippets with {name}, D = {dim}, one crop, one thread"
    model = _method(name, dim).eval()
    features = torch.rand(1, 1, FILE_ROWS, dim)
    with torch.no_grad():
        work = _counted(lambda: model.score(features))
        run = work.run if side == "ours" else _products(work.flops)
        benchmark.pedantic(run, rounds=9, warmup_rounds=1)
    assert work.flops > 1e9
