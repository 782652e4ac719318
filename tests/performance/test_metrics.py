"""Metrics of a test set of UCF-Crime's size, against scikit-learn on expanded frames and against one another."""

from dataclasses import replace

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.metrics.frame import ScoredVideos, class_wise_aucs, frame_metrics, roc_auc
from benchmark.metrics.ranking import SortedFrames, descending
from benchmark.statistics.class_wise import class_aucs
from benchmark.statistics.differences import compare
from benchmark.statistics.video_wise import contrast
from benchmark.terms import Metric

SNIPPETS, FRAMES = 72_000, 16
VIDEOS, ABNORMAL = 290, 140
CLASSES = 13
GROUP = "beside one AUC of a test set"


def draw_scores(seed: int) -> ScoredVideos:
    """Scores as they are stored, in 32 bits; an abnormal interval makes up a sixth of each abnormal video."""
    rng = np.random.default_rng(0)
    borders = np.sort(rng.choice(np.arange(1, SNIPPETS), VIDEOS - 1, replace=False))
    starts, ends = np.concatenate(([0], borders)), np.concatenate((borders, [SNIPPETS]))
    positive = np.zeros(SNIPPETS, dtype=np.int64)
    for start, end in zip(starts[:ABNORMAL], ends[:ABNORMAL], strict=True):
        positive[start + (end - start) // 3 : start + (end - start) // 2] = FRAMES
    scores = np.random.default_rng(seed + 1).random(SNIPPETS) * 0.8 + 0.2 * (positive > 0)
    return ScoredVideos(
        scores=scores.astype(np.float32).astype(np.float64),
        positive=positive,
        negative=FRAMES - positive,
        video=np.repeat(np.arange(VIDEOS), ends - starts),
        labels=(np.arange(VIDEOS) < ABNORMAL).astype(np.int64),
        classes=tuple((f"class {i % CLASSES}",) if i < ABNORMAL else () for i in range(VIDEOS)),
        names=tuple(f"v{i}" for i in range(VIDEOS)),
    )


@pytest.fixture(scope="module")
def scored() -> ScoredVideos:
    return draw_scores(0)


def auc_and_ap(scored: ScoredVideos) -> tuple[float, float]:
    points = SortedFrames.sort(scored.scores, scored.positive, scored.negative).points()
    return points.roc_auc(), points.average_precision()


def auc_and_ap_of_frames(scored: ScoredVideos) -> tuple[float, float]:
    scores = np.repeat(scored.scores, FRAMES)
    labels = (np.arange(FRAMES) < scored.positive[:, None]).ravel()
    return float(roc_auc_score(labels, scores)), float(average_precision_score(labels, scores))


@pytest.mark.benchmark(group="AUC and AP of 72,000 snippets, 1.15 million frames")
def test_scikit_learn_on_expanded_frames(benchmark: BenchmarkFixture, scored: ScoredVideos) -> None:
    assert benchmark.pedantic(auc_and_ap_of_frames, (scored,), rounds=7)[0] > 0.5


@pytest.mark.benchmark(group="AUC and AP of 72,000 snippets, 1.15 million frames")
def test_auc_and_ap_of_weighted_snippets(benchmark: BenchmarkFixture, scored: ScoredVideos) -> None:
    benchmark.extra_info.update(kind="rival", aim="≥ 200 × as fast")
    assert benchmark(auc_and_ap, scored) == pytest.approx(auc_and_ap_of_frames(scored), abs=1e-12)


@pytest.mark.benchmark(group=GROUP)
def test_one_auc(benchmark: BenchmarkFixture, scored: ScoredVideos) -> None:
    assert benchmark(roc_auc, scored.scores, scored.positive, scored.negative) > 0.5


@pytest.mark.benchmark(group=GROUP)
def test_all_class_wise_aucs(benchmark: BenchmarkFixture, scored: ScoredVideos) -> None:
    what = "class-wise AUCs of 13 classes, by both definitions"
    benchmark.extra_info.update(kind="limit", what=what, aim="≤ 5 × the time of one AUC")
    metrics = benchmark(lambda: class_wise_aucs(scored, descending(scored.scores)))
    part = scored.subset(np.array(["class 3" in classes for classes in scored.classes]) | (scored.labels == 0))
    assert metrics["auc_class_vs_normal/class 3"] == roc_auc(part.scores, part.positive, part.negative)


@pytest.mark.parametrize(("metric", "times"), [("auc_frame", 300), ("ap_frame", 2000)])
@pytest.mark.benchmark(group=GROUP)
def test_paired_comparison(benchmark: BenchmarkFixture, scored: ScoredVideos, metric: Metric, times: int) -> None:
    what = f"{metric} of two methods, 10,000 resamples of 290 videos each"
    benchmark.extra_info.update(kind="limit", what=what, aim=f"≤ {times:,} × the time of one AUC")
    benchmark.param = None

    def unseen() -> tuple[tuple[list[ScoredVideos], list[ScoredVideos], Metric], dict[str, object]]:
        return ([replace(scored)], [draw_scores(1)], metric), {}

    found = benchmark.pedantic(compare, setup=unseen, rounds=3)
    assert found is not None
    metrics = [frame_metrics(one)[metric] for one in (scored, draw_scores(1))]
    assert found.gap == pytest.approx(metrics[0] - metrics[1], abs=1e-12)


@pytest.mark.benchmark(group=GROUP)
def test_class_wise_intervals(benchmark: BenchmarkFixture, scored: ScoredVideos) -> None:
    what = "class-wise AUCs with intervals, one seed"
    benchmark.extra_info.update(kind="limit", what=what, aim="≤ 100 × the time of one AUC")
    found = benchmark.pedantic(class_aucs, setup=lambda: (([replace(scored)],), {}), rounds=5)
    metrics = frame_metrics(scored)
    assert {f"{auc.definition}/{auc.name}": auc.mean for auc in found} == pytest.approx(
        {name: value for name, value in metrics.items() if name.startswith("auc_class")}, abs=1e-12
    )


@pytest.mark.benchmark(group=GROUP)
def test_contrast(benchmark: BenchmarkFixture) -> None:
    what = "two methods by class and by video, three seeds each"
    benchmark.extra_info.update(kind="limit", what=what, aim="≤ 500 × the time of one AUC")

    def unseen() -> tuple[tuple[str, str, list[ScoredVideos], list[ScoredVideos]], dict[str, object]]:
        return ("cameras", "other", [draw_scores(i) for i in range(3)], [draw_scores(i) for i in range(3, 6)]), {}

    found = benchmark.pedantic(contrast, setup=unseen, rounds=3)
    assert len(found.classes) == 2 * CLASSES
