"""Speed of batches, training steps and scoring, each beside its limit or its rival in the same run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.api import PairBatch
from benchmark.datasets.batches import BagSet, pair_batches
from benchmark.datasets.segments import segment_mean
from benchmark.system.process import keep_freed_memory
from benchmark.terms import Training
from benchmark.training.loop import LossCurves, train_step
from benchmark.training.optimisation import Optimisation
from tests.performance.limits import Work, counted, products
from tests.performance.stand_ins import make_half, make_method

CPU = torch.device("cpu")
CROPS, SEGMENTS, DIM = 10, 32, 2048
FILES, FILE_ROWS = 8, 240  # rows: the mean length of a UCF-Crime test video
BATCH = "a paired batch of 32 + 32 videos, 10 crops, T = 32, D = 2048"
METHODS = [
    *((name, dim, 16, SEGMENTS) for name in ("rtfm", "clav") for dim in (1024, 2048)),
    ("ur-dmu", 1024, 4, 200),
    ("vadclip", 512, 4, 256),
]
"""Methods with a size of features, and the videos of each class and the segments of a step."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """As a run is trained."""
    torch.set_num_threads(1)
    keep_freed_memory()


@pytest.fixture(scope="module")
def bags() -> BagSet:
    features = torch.rand(64, CROPS, SEGMENTS, DIM)
    return BagSet(features, torch.rand(64, SEGMENTS), None, tuple(f"v{i}" for i in range(64)))


def _name(benchmark: BenchmarkFixture, group: str) -> None:
    """Put a benchmark into a group that says all that its parameters do."""
    benchmark.group, benchmark.param = group, None


@pytest.mark.parametrize("side", ["ours", "limit"])
def test_batch_beside_a_copy(benchmark: BenchmarkFixture, bags: BagSet, side: str) -> None:
    _name(benchmark, f"{BATCH}, beside a plain copy")
    if side == "ours":
        benchmark.extra_info.update(kind="limit", aim="≥ 60 % of copying the same bytes")
        benchmark.pedantic(
            partial(next, pair_batches(bags, bags, Training(batch_size=32), 0, CPU)), rounds=9, warmup_rounds=8
        )
    else:
        source = bags.features.numpy()
        target = np.empty_like(source)
        benchmark.pedantic(lambda: np.copyto(target, source), rounds=9, warmup_rounds=1)


@pytest.mark.parametrize("side", ["ours", "rival"])
def test_batch_beside_loading_files(benchmark: BenchmarkFixture, bags: BagSet, tmp_path: Path, side: str) -> None:
    """The rival loads and averages the files of every batch anew, as published code does; here only 8 of 64 files."""
    _name(benchmark, f"{BATCH}, beside loading 64 files of 240 snippets and averaging them")
    if side == "ours":
        benchmark.extra_info.update(kind="rival", aim="≥ 20 × as fast")
        batches = pair_batches(bags, bags, Training(batch_size=32), 0, CPU)
        batch = benchmark.pedantic(partial(next, batches), rounds=9, warmup_rounds=8)
        assert batch.normal.features.shape == (32, CROPS, SEGMENTS, DIM)
        return
    benchmark.extra_info.update(scale=64 // FILES)
    files = [tmp_path / f"{i}.npy" for i in range(FILES)]
    for path in files:
        np.save(path, np.random.default_rng(0).random((FILE_ROWS, CROPS, DIM), np.float32))

    def rival() -> np.ndarray:
        return np.stack([segment_mean(np.load(path), SEGMENTS).transpose(1, 0, 2) for path in files])

    assert benchmark.pedantic(rival, rounds=2).shape == (FILES, CROPS, SEGMENTS, DIM)


def _spare(benchmark: BenchmarkFixture, dim: int) -> None:
    """Pass by the widest features where nothing is measured."""
    if benchmark.disabled and dim == DIM:
        pytest.skip("the same at D = 1024 takes a quarter of the time: for make bench alone")


def _measure(benchmark: BenchmarkFixture, work: Work, side: str, rounds: int) -> None:
    if side == "ours":
        benchmark.extra_info.update(kind="limit", aim="≥ 65 % of the matrix products of as many operations")
    benchmark.pedantic(work.run if side == "ours" else products(work.flops), rounds=rounds, warmup_rounds=1)


@pytest.mark.parametrize("side", ["ours", "limit"])
@pytest.mark.parametrize(("name", "dim", "videos", "segments"), METHODS)
def test_training_step(benchmark: BenchmarkFixture, name: str, dim: int, videos: int, segments: int, side: str) -> None:
    _spare(benchmark, dim)
    _name(benchmark, f"training step of {name}, D = {dim}, {videos} + {videos} videos, T = {segments}, one thread")
    model, settings = make_method(name, dim).train(), Training()
    optimisation = Optimisation(model, settings)
    batch = PairBatch(make_half(videos, 1, segments, dim, label=0), make_half(videos, 1, segments, dim, label=1))
    work = counted(lambda: train_step(model, optimisation, batch, "float32"))
    _measure(benchmark, work, side, rounds=5)
    assert work.flops > 1e10


@pytest.mark.parametrize("side", ["ours", "limit"])
def test_loop_around_a_step(benchmark: BenchmarkFixture, side: str) -> None:
    _name(benchmark, "batch and loss curves around a step of RTFM, D = 1024, 16 + 16 videos, one thread")
    model = make_method("rtfm", 1024).train()
    optimisation = Optimisation(model, Training())
    bags = BagSet(torch.rand(64, 1, SEGMENTS, 1024), None, None, tuple(map(str, range(64))))
    batches, curves = pair_batches(bags, bags, Training(batch_size=16), 0, CPU), LossCurves()
    batch = next(batches)

    def step() -> dict[str, torch.Tensor]:
        return train_step(model, optimisation, batch, "float32")

    terms = step()

    def around() -> None:
        next(batches)
        curves.add(terms)

    if side == "ours":
        benchmark.extra_info.update(kind="limit", aim="≤ 0.03 × the time of the step")
    benchmark.pedantic(around if side == "ours" else step, rounds=9, warmup_rounds=2)


@pytest.mark.parametrize("side", ["ours", "limit"])
@pytest.mark.parametrize(("name", "dim"), [(name, dim) for name, dim, _, _ in METHODS])
def test_scoring(benchmark: BenchmarkFixture, name: str, dim: int, side: str) -> None:
    _spare(benchmark, dim)
    _name(benchmark, f"scoring a video of 240 snippets with {name}, D = {dim}, one crop, one thread")
    model = make_method(name, dim).eval()
    features = torch.rand(1, 1, FILE_ROWS, dim)
    with torch.no_grad():
        work = counted(lambda: model.score(features))
        _measure(benchmark, work, side, rounds=9)
    assert work.flops > 1e9
