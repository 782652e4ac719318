"""Reading features, measured as ratios within one run: `make bench` prints them; nothing here asserts a time."""

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.datasets.segments import segment_mean


@pytest.fixture(scope="module")
def ten_crop_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("features") / "video.npy"
    np.save(path, np.random.default_rng(0).random((450, 10, 2048)).astype(np.float16))
    return path


@pytest.mark.benchmark(group="a ten-crop video of 450 snippets")
def test_reading_and_averaging_into_segments(benchmark: BenchmarkFixture, ten_crop_video: Path) -> None:
    segments = benchmark(lambda: segment_mean(np.load(ten_crop_video, mmap_mode="r"), 32))
    assert segments.shape == (32, 10, 2048)


@pytest.mark.benchmark(group="a ten-crop video of 450 snippets")
def test_reading_alone(benchmark: BenchmarkFixture, ten_crop_video: Path) -> None:
    assert benchmark(lambda: np.load(ten_crop_video)).shape == (450, 10, 2048)
