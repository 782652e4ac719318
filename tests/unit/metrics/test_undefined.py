"""Every metric has its value where the test videos allow it, and a reason where they do not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.frame import test_metrics as metrics_of
from benchmark.metrics.undefined import undefined, why_undefined

# Normal frames before an event, abnormal frames of it, normal frames after it.
EVENTS = st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(0, 2))


def scored_videos(events: list[tuple[int, int, int]], normal: int) -> ScoredVideos:
    videos = [[0] * before + [1] * during + [0] * after for before, during, after in events] + [[0, 0]] * normal
    positive = np.array([frame for video in videos for frame in video], dtype=np.int64)
    return ScoredVideos(
        scores=np.random.default_rng(0).random(len(positive)),
        positive=positive,
        negative=1 - positive,
        video=np.repeat(np.arange(len(videos)), [len(video) for video in videos]),
        labels=np.array([1] * len(events) + [0] * normal),
        classes=(("Fire",),) * len(events) + ((),) * normal,
        names=tuple(map(str, range(len(videos)))),
    )


@given(st.lists(EVENTS, max_size=3), st.integers(0, 2))
def test_what_is_undefined_is_what_the_videos_lack(events: list[tuple[int, int, int]], normal: int) -> None:
    if not events and not normal:
        return
    metrics = metrics_of(scored_videos(events, normal))
    mixed = any(before or after for before, _, after in events)
    expected = {
        "auc_frame": not events or not (mixed or normal),
        "ap_frame": not events,
        "pr_auc_trapezoid": not events,
        "auc_abnormal": not mixed,
        "false_alarm_rate_0.5": not normal,
        "video_auc": not (events and normal),
        **({"auc_class/Fire": not mixed, "auc_class_vs_normal/Fire": not normal} if events else {}),
    }
    assert {name: value is None for name, value in metrics.items()} == expected
    why = why_undefined(undefined(metrics), "mine")
    assert all((f"{name} need" in why or f"{name}, " in why) == lacking for name, lacking in expected.items())


def test_an_event_in_every_video_leaves_the_frame_metrics() -> None:
    metrics = metrics_of(scored_videos([(2, 3, 1), (1, 1, 2)], normal=0))
    assert metrics["auc_frame"] == metrics["auc_abnormal"]
    assert metrics["ap_frame"] is not None
    assert why_undefined(undefined(metrics), "ped2") == (
        "undefined on the test videos of ped2: false_alarm_rate_0.5 needs normal videos; video_auc needs both abnormal "
        "and normal videos; auc_class_vs_normal/Fire needs abnormal frames in the videos of the class, and normal "
        "videos"
    )


def test_nothing_undefined_is_nothing_said() -> None:
    assert why_undefined((), "mine") == ""
