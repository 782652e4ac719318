import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.frame import ScoredVideos, average_precision, roc_auc
from benchmark.statistics import bootstrap
from benchmark.statistics.bootstrap import draw_videos, frames_of_videos, resampled_metric, twice_won

METRICS = {"auc_frame": roc_auc, "ap_frame": average_precision}

# Few distinct scores, so that most snippets are tied, also across videos; snippets without frames included.
SNIPPET = st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.5 + 1e-15, 1.0]), st.integers(0, 16), st.integers(0, 16))
VIDEOS = st.lists(st.lists(SNIPPET, min_size=1, max_size=5), min_size=1, max_size=8)


def scored_videos(videos):
    """Videos given as lists of (score, positive, negative), as the engine has them."""
    scores, positive, negative = zip(*(row for rows in videos for row in rows), strict=True)
    return ScoredVideos(
        scores=np.array(scores),
        positive=np.array(positive, dtype=np.int64),
        negative=np.array(negative, dtype=np.int64),
        video=np.repeat(np.arange(len(videos)), [len(rows) for rows in videos]),
        labels=np.array([int(any(row[1] for row in rows)) for rows in videos]),
        classes=((),) * len(videos),
        names=tuple(f"v{i}" for i in range(len(videos))),
    )


def on_repeated_videos(metric, videos, counts):
    """The metric of a list in which each video is written as often as it is drawn."""
    rows = [row for video, count in zip(videos, counts, strict=True) for _ in range(count) for row in video]
    scores, positive, negative = zip(*rows, strict=True) if rows else ((), (), ())
    arrays = (np.array(scores, dtype=np.float64), *(np.array(f, dtype=np.int64) for f in (positive, negative)))
    return METRICS[metric](*arrays) if rows else math.nan


@pytest.mark.parametrize("metric", METRICS)
@given(videos=VIDEOS, data=st.data())
@settings(max_examples=300, deadline=None)
def test_metrics_equal_those_of_repeated_videos(metric, videos, data):
    one = st.lists(st.integers(0, 4), min_size=len(videos), max_size=len(videos))
    counts = data.draw(st.lists(one, min_size=1, max_size=4))
    values = resampled_metric(scored_videos(videos), metric, np.array(counts))
    expected = [on_repeated_videos(metric, videos, row) for row in counts]
    assert values.tolist() == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("metric", METRICS)
@given(videos=VIDEOS, random=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_snippets_and_monotone_rescaling_change_nothing(metric, videos, random):
    counts = np.array([[random.randint(0, 3) for _ in videos] for _ in range(3)])
    shuffled = [random.sample(rows, len(rows)) for rows in videos]
    rescaled = [[(math.ldexp(score, -3), *frames) for score, *frames in rows] for rows in shuffled]
    values = [resampled_metric(scored_videos(of), metric, counts) for of in (videos, rescaled)]
    np.testing.assert_array_equal(*values)


@given(VIDEOS)
@settings(deadline=None)
def test_pairs_of_videos_are_counted_as_by_hand(videos):
    wins = twice_won(scored_videos(videos))
    for i, winner in enumerate(videos):
        for j, loser in enumerate(videos):
            expected = sum(
                positive * negative * (2 * (high > low) + (high == low))
                for high, positive, _ in winner
                for low, _, negative in loser
            )
            assert wins[i, j] == expected


def test_pairs_add_up_to_the_metric_of_the_test_set_itself():
    videos = [[(0.2, 3, 5), (0.9, 8, 0)], [(0.2, 0, 7)], [(0.4, 0, 9), (0.95, 0, 1)]]
    positive, negative = frames_of_videos(scored_videos(videos))
    assert (positive.tolist(), negative.tolist()) == ([11, 0, 0], [5, 7, 10])
    area = twice_won(scored_videos(videos)).sum() / (2 * positive.sum() * negative.sum())
    assert area == on_repeated_videos("auc_frame", videos, [1, 1, 1])


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    videos = [[(s, p, 16 - p) for s, p in zip(rng.random(20), rng.integers(0, 17, 20), strict=True)] for _ in range(9)]
    counts = rng.integers(0, 3, (50, 9))
    whole = resampled_metric(scored_videos(videos), "ap_frame", counts)
    for elements in (1, 180 * 7):
        monkeypatch.setattr(bootstrap, "BLOCK_ELEMENTS", elements)
        np.testing.assert_allclose(resampled_metric(scored_videos(videos), "ap_frame", counts), whole, atol=1e-15)


def test_resamples_without_one_kind_of_frames_are_nan():
    scored = scored_videos([[(0.9, 4, 0)], [(0.1, 0, 4)]])
    counts = np.array([[1, 1], [0, 2], [2, 0]])
    assert resampled_metric(scored, "auc_frame", counts).tolist() == pytest.approx([1, math.nan, math.nan], nan_ok=True)
    assert resampled_metric(scored, "ap_frame", counts).tolist() == pytest.approx([1, math.nan, 1], nan_ok=True)


def test_draws_keep_the_number_of_videos_of_each_label():
    labels = np.array([0, 1, 1, 0, 0, 1, 0])
    counts = draw_videos(labels, 5000, seed=3)
    assert counts.shape == (5000, 7)
    for label in (0, 1):
        stratum = counts[:, labels == label]
        size = stratum.shape[1]
        assert (stratum.sum(axis=1) == size).all()
        # Multinomial: mean 1, variance 1 - 1 / size.
        np.testing.assert_allclose(stratum.mean(axis=0), 1, atol=0.06)
        np.testing.assert_allclose(stratum.var(axis=0), 1 - 1 / size, atol=0.08)


def test_draws_depend_on_the_seed_alone():
    labels = np.array([0, 1, 1, 0])
    np.testing.assert_array_equal(draw_videos(labels, 50, seed=1), draw_videos(labels, 50, seed=1))
    assert (draw_videos(labels, 50, seed=1) != draw_videos(labels, 50, seed=2)).any()


def test_a_label_may_be_absent():
    assert draw_videos(np.ones(3, dtype=np.int64), 10, seed=0).sum(axis=1).tolist() == [3] * 10
