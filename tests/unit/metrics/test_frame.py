import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from benchmark.metrics.frame import (
    ScoredVideos,
    average_precision,
    base_rate,
    false_alarm_rate,
    frame_metrics,
    max_score_auc,
    pr_auc_trapezoid,
    roc_auc,
    video_auc,
)
from benchmark.system.errors import InputError

# Few distinct scores, so that most rows are tied; zero-weight rows included.
ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.5 + 1e-15, 0.9, 1.0]), st.integers(0, 16), st.integers(0, 16)),
    min_size=1,
    max_size=30,
)


def columns(rows):
    scores, positive, negative = zip(*rows, strict=True)
    return np.array(scores), np.array(positive, dtype=np.int64), np.array(negative, dtype=np.int64)


def expand(scores, positive, negative):
    """One entry per frame, as the field's evaluation code has it."""
    labels = np.concatenate([np.ones(positive.sum()), np.zeros(negative.sum())])
    return labels, np.concatenate([np.repeat(scores, positive), np.repeat(scores, negative)])


@given(ROWS)
@settings(max_examples=300, deadline=None)
def test_metrics_equal_scikit_learn_on_expanded_frames(rows):
    arrays = columns(rows)
    labels, frame_scores = expand(*arrays)
    if len(set(labels)) == 2:
        assert roc_auc(*arrays) == pytest.approx(roc_auc_score(labels, frame_scores), abs=1e-12)
    else:
        assert math.isnan(roc_auc(*arrays))
    if labels.any():
        precision, recall, _ = precision_recall_curve(labels, frame_scores)
        assert average_precision(*arrays) == pytest.approx(average_precision_score(labels, frame_scores), abs=1e-12)
        assert pr_auc_trapezoid(*arrays) == pytest.approx(auc(recall, precision), abs=1e-12)
    else:
        assert math.isnan(average_precision(*arrays))
        assert math.isnan(pr_auc_trapezoid(*arrays))
    negatives = frame_scores[labels == 0]
    if negatives.size:
        assert false_alarm_rate(arrays[0], arrays[2]) == pytest.approx(np.mean(negatives >= 0.5), abs=1e-12)
    else:
        assert math.isnan(false_alarm_rate(arrays[0], arrays[2]))


@given(ROWS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_rows_and_monotone_rescaling_change_nothing(rows, random):
    arrays = columns(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    scores, positive, negative = columns(shuffled)
    for metric in (roc_auc, average_precision, pr_auc_trapezoid):
        np.testing.assert_equal(metric(*arrays), metric(np.ldexp(scores, -3), positive, negative))


def test_constant_score_is_at_chance_and_only_the_trapezoid_flatters_it():
    scores, positive, negative = (
        np.full(10, 0.3),
        np.full(10, 4, dtype=np.int64),
        np.full(10, 12, dtype=np.int64),
    )
    assert roc_auc(scores, positive, negative) == 0.5
    assert average_precision(scores, positive, negative) == 0.25
    assert pr_auc_trapezoid(scores, positive, negative) == 0.625


def test_large_sets_do_not_overflow():
    scores = np.array([0.9, 0.1])
    big = np.array([10**8, 10**8], dtype=np.int64)
    assert roc_auc(scores, big, big) == 0.5


def scored_videos(seed=0, videos=40):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, size=videos)
    video = np.repeat(np.arange(videos), lengths)
    labels = rng.integers(0, 2, size=videos)
    frames = rng.integers(0, 17, size=video.size)
    positive = np.where(labels[video] == 1, rng.integers(0, frames + 1), 0)
    pick = [("fire",), ("fight",), ("fire", "fight"), ()]
    return ScoredVideos(
        scores=np.round(rng.random(video.size), 1),
        positive=positive,
        negative=frames - positive,
        video=video,
        labels=labels,
        classes=tuple(pick[rng.integers(4)] if label else () for label in labels),
        names=tuple(f"v{i}" for i in range(videos)),
    )


def frame_auc(scored, videos):
    rows = videos[scored.video]
    return roc_auc_score(*expand(scored.scores[rows], scored.positive[rows], scored.negative[rows]))


@pytest.mark.parametrize("seed", range(3))
def test_frame_metrics_equal_scikit_learn_on_each_subset(seed):
    scored = scored_videos(seed)
    metrics = frame_metrics(scored)
    abnormal = scored.labels == 1
    labels, frame_scores = expand(scored.scores, scored.positive, scored.negative)
    precision, recall, _ = precision_recall_curve(labels, frame_scores)
    highest = [scored.scores[scored.video == i].max() for i in range(len(scored.names))]
    normal_rows = ~abnormal[scored.video]
    normal_frames = np.repeat(scored.scores[normal_rows], scored.negative[normal_rows])
    expected = {
        "auc_frame": roc_auc_score(labels, frame_scores),
        "ap_frame": average_precision_score(labels, frame_scores),
        "pr_auc_trapezoid": auc(recall, precision),
        "auc_abnormal": frame_auc(scored, abnormal),
        "false_alarm_rate_0.5": np.mean(normal_frames >= 0.5),
        "video_auc": roc_auc_score(scored.labels, highest),
    }
    for name in ("fire", "fight"):
        of_class = np.array([name in classes for classes in scored.classes])
        expected[f"auc_class/{name}"] = frame_auc(scored, of_class)
        expected[f"auc_class_vs_normal/{name}"] = frame_auc(scored, of_class | ~abnormal)
    assert metrics == pytest.approx(expected, abs=1e-12)
    assert base_rate(scored) == pytest.approx(labels.mean(), abs=1e-12)
    assert video_auc(scored) == max_score_auc(np.array(highest), scored.labels)


def test_positive_frames_of_normal_videos_count_in_the_class_wise_auc():
    scored = scored_videos()
    normal = scored.labels == 0
    odd = normal[scored.video] & (np.arange(scored.video.size) % 3 == 0)
    positive = np.where(odd, scored.negative, scored.positive)
    scored = replace(scored, positive=positive, negative=scored.positive + scored.negative - positive)
    of_class = np.array(["fire" in classes for classes in scored.classes])
    expected = frame_auc(scored, of_class | normal)
    assert frame_metrics(scored)["auc_class_vs_normal/fire"] == pytest.approx(expected, abs=1e-12)


def test_subset_keeps_whole_videos_in_order():
    scored = scored_videos()
    videos = scored.labels == 1
    part = scored.subset(videos)
    assert part.names == tuple(name for name, kept in zip(scored.names, videos, strict=True) if kept)
    for new, old in enumerate(np.flatnonzero(videos)):
        assert part.classes[new] == scored.classes[old]
        np.testing.assert_array_equal(part.scores[part.video == new], scored.scores[scored.video == old])
        np.testing.assert_array_equal(part.positive[part.video == new], scored.positive[scored.video == old])
    assert frame_metrics(part)["auc_frame"] == pytest.approx(frame_metrics(scored)["auc_abnormal"], abs=0)


def test_metrics_without_one_kind_of_video_are_nan_not_an_error():
    scored = scored_videos()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        normal = frame_metrics(scored.subset(scored.labels == 0))
        abnormal = frame_metrics(scored.subset(scored.labels == 1))
    assert all(math.isnan(normal[name]) for name in ("auc_frame", "ap_frame", "auc_abnormal", "video_auc"))
    assert math.isnan(abnormal["false_alarm_rate_0.5"])
    assert abnormal["auc_frame"] == abnormal["auc_abnormal"]


def with_field(**changes):
    scored = scored_videos()
    return ScoredVideos(**({name: getattr(scored, name) for name in scored.__dataclass_fields__} | changes))


def test_non_finite_scores_name_the_video():
    scores = scored_videos().scores.copy()
    scores[-1] = np.nan
    with pytest.raises(InputError, match="v39"):
        with_field(scores=scores)


@pytest.mark.parametrize(
    "changes",
    [
        {"positive": np.zeros(3, dtype=np.int64)},
        {"labels": np.zeros(3, dtype=np.int64)},
        {"video": np.zeros_like(scored_videos().video)},
        {"video": scored_videos().video - 1},
        {"video": scored_videos().video + 1},
        {"negative": scored_videos().negative - 100},
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes):
    with pytest.raises(ValueError):
        with_field(**changes)
