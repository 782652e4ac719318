"""Speeds, measured as ratios within one run: `make bench` prints them; nothing here asserts a time."""

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.bootstrap import draw_videos, resampled_metric
from benchmark.datasets.manifest import Metric
from benchmark.datasets.segments import segment_mean
from benchmark.metrics import ScoredVideos, average_precision, roc_auc

SNIPPETS = 72_000  # the test part of UCF-Crime
VIDEOS = 290
RESAMPLES = 10_000


@pytest.fixture(scope="module")
def pooled_frames() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    positive = rng.binomial(16, 0.076, SNIPPETS).astype(np.int64)
    return rng.random(SNIPPETS), positive, 16 - positive


@pytest.mark.benchmark(group="AUC and AP of 1.1 million frames")
def test_metrics_on_weighted_snippets(benchmark: BenchmarkFixture, pooled_frames: tuple[np.ndarray, ...]) -> None:
    auc, ap = benchmark(lambda: (roc_auc(*pooled_frames), average_precision(*pooled_frames)))
    assert 0 < ap < auc < 1


@pytest.mark.benchmark(group="AUC and AP of 1.1 million frames")
def test_metrics_by_scikit_learn_on_expanded_frames(
    benchmark: BenchmarkFixture, pooled_frames: tuple[np.ndarray, ...]
) -> None:
    scores, positive, _ = pooled_frames
    frames = np.repeat(scores, 16)
    labels = (np.arange(16) < positive[:, None]).ravel()

    def rival() -> tuple[float, float]:
        return roc_auc_score(labels, frames), average_precision_score(labels, frames)

    auc, ap = benchmark.pedantic(rival, rounds=3)
    assert (auc, ap) == pytest.approx((roc_auc(*pooled_frames), average_precision(*pooled_frames)), abs=1e-12)


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


@pytest.fixture(scope="module")
def ucf_like_videos() -> ScoredVideos:
    rng = np.random.default_rng(0)
    borders = np.sort(rng.choice(np.arange(1, SNIPPETS), VIDEOS - 1, replace=False))
    video = np.searchsorted(borders, np.arange(SNIPPETS), side="right")
    labels = (np.arange(VIDEOS) < 140).astype(np.int64)
    positive = 16 * (labels[video] * (rng.random(SNIPPETS) < 0.16)).astype(np.int64)
    names = tuple(f"v{i}" for i in range(VIDEOS))
    return ScoredVideos(rng.random(SNIPPETS), positive, 16 - positive, video, labels, ((),) * VIDEOS, names)


@pytest.mark.parametrize("metric", ["auc_frame", "ap_frame"])
@pytest.mark.benchmark(group="10,000 resamples of 290 videos")
def test_resamples_at_once(benchmark: BenchmarkFixture, ucf_like_videos: ScoredVideos, metric: Metric) -> None:
    counts = draw_videos(ucf_like_videos.labels, RESAMPLES, seed=0)
    values = benchmark.pedantic(lambda: resampled_metric(ucf_like_videos, metric, counts), rounds=3)
    assert values.shape == (RESAMPLES,)


@pytest.mark.benchmark(group="10,000 resamples of 290 videos")
def test_resamples_one_by_one_of_which_only_100(benchmark: BenchmarkFixture, ucf_like_videos: ScoredVideos) -> None:
    counts = draw_videos(ucf_like_videos.labels, 100, seed=0)

    def rival() -> list[float]:
        weights = (row[ucf_like_videos.video] for row in counts)
        return [
            roc_auc(ucf_like_videos.scores, ucf_like_videos.positive * w, ucf_like_videos.negative * w) for w in weights
        ]

    assert benchmark.pedantic(rival, rounds=1) == pytest.approx(
        resampled_metric(ucf_like_videos, "auc_frame", counts), abs=1e-12
    )
