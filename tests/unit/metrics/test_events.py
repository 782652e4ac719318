"""Measures of events against plain loops over thresholds, alarms and frames."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import (
    EVENT_MEASURES,
    RATES,
    RECALLS,
    alarm_curve,
    event_measures,
    event_metrics,
    lowest_threshold,
)
from benchmark.metrics.frame import ScoredVideos

STRIDE = 4
FPS = 0.02  # 72 frames are an hour


@dataclass(frozen=True)
class Clip:
    """A video of a few snippets, some shorter than others at its end."""

    frames: int
    scores: tuple[float, ...]
    intervals: tuple[tuple[int, int], ...] = ()


def scored_of(clips: Sequence[Clip]) -> tuple[ScoredVideos, dict[str, tuple[tuple[int, int], ...]]]:
    positive, negative = [], []
    for clip in clips:
        for k in range(len(clip.scores)):
            frames = range(k * STRIDE, min((k + 1) * STRIDE, clip.frames))
            inside = sum(any(start <= f < end for start, end in clip.intervals) for f in frames)
            positive.append(inside)
            negative.append(len(frames) - inside)
    names = tuple(f"v{i}" for i in range(len(clips)))
    scored = ScoredVideos(
        scores=np.array([score for clip in clips for score in clip.scores]),
        positive=np.array(positive),
        negative=np.array(negative),
        video=np.repeat(np.arange(len(clips)), [len(clip.scores) for clip in clips]),
        labels=np.array([int(bool(clip.intervals)) for clip in clips]),
        classes=((),) * len(clips),
        names=names,
    )
    return scored, {name: clip.intervals for name, clip in zip(names, clips, strict=True) if clip.intervals}


def find(clips: Sequence[Clip], join: float = 0.0, fps: float = FPS) -> Alarms:
    return Alarms.find(*scored_of(clips), fps, join)


def plain_alarms(clip: Clip, threshold: float, join: float, fps: float) -> list[tuple[int, int]]:
    """Alarms in frames, one snippet after another."""
    found: list[tuple[int, int]] = []
    for k, score in enumerate(clip.scores):
        if score >= threshold:
            start, end = k * STRIDE, min((k + 1) * STRIDE, clip.frames)
            if found and (start - found[-1][1]) / fps <= join + 1e-9:
                start = found.pop()[0]
            found.append((start, end))
    return found


def plain_at(clips: Sequence[Clip], threshold: float, join: float, fps: float) -> tuple[int, list[float]]:
    """False alarms, and the delay of each event; infinite for one that is missed."""
    false, delays = 0, []
    for clip in clips:
        alarms = plain_alarms(clip, threshold, join, fps)
        scored = min(clip.frames, STRIDE * len(clip.scores))
        for alarm in alarms:
            false += not any(alarm[0] < end and start < alarm[1] for start, end in clip.intervals)
        for start, end in clip.intervals:
            if start < scored:
                first = [a for a, b in alarms if a < end and start < b]
                delays.append(max(0, first[0] - start) / fps if first else math.inf)
    return false, delays


def plain_measures(clips: Sequence[Clip], join: float = 0.0, fps: float = FPS) -> dict[str, float]:
    thresholds = sorted({score for clip in clips for score in clip.scores}, reverse=True)
    outside = 0
    for clip in clips:
        for f in range(min(clip.frames, STRIDE * len(clip.scores))):
            outside += not any(start <= f < end for start, end in clip.intervals)
    hours = outside / fps / 3600
    points = [plain_at(clips, threshold, join, fps) for threshold in thresholds]
    events = len(points[0][1])
    measures = {}
    for rate in RATES:
        recall, delay = 0.0, math.inf
        for false, delays in points:
            if false > rate * hours * (1 + 1e-12):
                break
            recall = sum(map(math.isfinite, delays)) / events if events else math.nan
            delay = sorted(delays)[(events + 1) // 2 - 1] if events else math.nan
        defined = events and rate * hours * (1 + 1e-12) >= 1
        measures[f"event_recall_at_{rate}_per_hour"] = recall if defined else math.nan
        measures[f"delay_at_{rate}_per_hour"] = delay if defined else math.nan
    for share in RECALLS:
        worst, name = 0, f"false_alarms_per_hour_at_recall_{share}"
        measures[name] = math.nan
        for false, delays in points:
            worst = max(worst, false)
            if events and hours and sum(map(math.isfinite, delays)) >= share * events - 1e-9:
                measures[name] = worst / hours
                break
    return measures


@st.composite
def clips_of(draw: st.DrawFn) -> list[Clip]:
    clips = []
    for _ in range(draw(st.integers(1, 5))):
        frames = draw(st.integers(1, 60))
        least, most = max(1, frames // STRIDE), -(-frames // STRIDE)
        rows = draw(st.integers(least, most))
        scores = draw(st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), min_size=rows, max_size=rows))
        ends = sorted(draw(st.sets(st.integers(0, frames), max_size=8)))
        pairs = tuple(zip(ends[::2], ends[1::2], strict=False))
        clips.append(Clip(frames, tuple(scores), pairs))
    return clips


def check(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() == set(EVENT_MEASURES) == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name


@settings(max_examples=120, deadline=None)
@given(clips=clips_of(), gap=st.integers(0, 6))
def test_all_measures_are_those_of_plain_loops(clips: list[Clip], gap: int) -> None:
    join = gap * STRIDE / FPS
    alarms = find(clips, join)
    measures = event_measures(alarms, np.ones((1, len(clips))))
    check({name: value[0] for name, value in measures.items()}, plain_measures(clips, join))
    for name, value in event_metrics(alarms).items():
        assert value is None or value == measures[name][0]
        assert (value is None) == (not np.isfinite(measures[name][0]))


@settings(max_examples=60, deadline=None)
@given(clips=clips_of(), data=st.data(), gap=st.integers(0, 3))
def test_a_resample_is_the_test_set_with_its_videos_repeated(clips: list[Clip], data: st.DataObject, gap: int) -> None:
    counts = st.lists(st.integers(0, 3), min_size=len(clips), max_size=len(clips)).filter(any)
    drawn = data.draw(st.lists(counts, min_size=1, max_size=4))
    join = gap * STRIDE / FPS
    measures = event_measures(find(clips, join), np.array(drawn, dtype=np.float64))
    for row, weights in enumerate(drawn):
        repeated = [clip for clip, count in zip(clips, weights, strict=True) for _ in range(count)]
        expected = plain_measures(repeated, join)
        hours = [plain_hours(some) for some in (clips, repeated)]
        for name, values in measures.items():
            rate = next((rate for rate in RATES if name.endswith(f"at_{rate}_per_hour")), None)
            # Whether a rate means anything is asked of the whole test set.
            if rate is None or min(hours) * rate >= 1 or max(hours) * rate < 1:
                assert values[row] == pytest.approx(expected[name], abs=1e-9, nan_ok=True), name


def test_a_resample_without_time_outside_events_has_no_number() -> None:
    clips = [Clip(8, (0.9, 0.9), ((0, 8),)), Clip(80, (0.1,) * 20, ((8, 12),))]
    measures = event_measures(find(clips), np.array([[1.0, 1.0], [2.0, 0.0]]))
    assert measures["event_recall_at_60_per_hour"][0] == 1
    assert all(np.isnan(values[1]) for values in measures.values())


def plain_hours(clips: Sequence[Clip]) -> float:
    return find(clips).normal_hours


@settings(max_examples=60, deadline=None)
@given(clips=clips_of(), threshold=st.sampled_from([-1.0, 0.0, 0.3, 0.4, 1.0, 1.1]), gap=st.integers(0, 3))
def test_at_a_threshold_are_the_alarms_of_plain_loops(clips: list[Clip], threshold: float, gap: int) -> None:
    alarms = find(clips, gap * STRIDE / FPS)
    false, delays = plain_at(clips, threshold, gap * STRIDE / FPS, FPS)
    rate, recall = alarms.at(threshold)
    hours = alarms.normal_hours
    assert rate == pytest.approx(false / hours if hours else math.nan, nan_ok=True)
    assert recall == pytest.approx(np.isfinite(delays).mean() if delays else math.nan, nan_ok=True)
    once = np.ones((1, len(alarms.normal_frames)))
    np.testing.assert_array_equal(alarms.at(np.array([threshold])), alarms.resampled_at(threshold, once))


@settings(max_examples=60, deadline=None)
@given(clips=clips_of(), rate=st.sampled_from(RATES))
def test_the_lowest_threshold_keeps_to_its_rate_from_above(clips: list[Clip], rate: int) -> None:
    alarms = find(clips)
    threshold = lowest_threshold(alarms, rate)
    if threshold is None:
        assert rate * alarms.normal_hours < 1
        return
    rates = {score: alarms.at(score)[0] for score in alarms.thresholds.tolist()}
    kept = [score for score, found in rates.items() if found <= rate * (1 + 1e-12)]
    assert all(score in kept for score in rates if score >= threshold)
    lower = [score for score in rates if score < threshold]
    assert not lower or max(lower) not in kept


@settings(max_examples=40, deadline=None)
@given(clips=clips_of())
def test_the_curve_rises_and_gives_the_measures(clips: list[Clip]) -> None:
    alarms = find(clips)
    curve, metrics = alarm_curve(alarms), event_metrics(alarms)
    if curve is None:
        assert all(value is None for value in metrics.values())
        return
    assert (np.diff(curve.rates) >= 0).all()
    assert (np.diff(curve.recalls) >= 0).all()
    for rate in RATES:
        if (value := metrics[f"event_recall_at_{rate}_per_hour"]) is not None:
            assert value == max([0.0, *curve.recalls[curve.rates <= rate * (1 + 1e-12)]])


def test_a_worked_example() -> None:
    """The one of docs/statistics.md: an hour outside events, in snippets of 20 seconds."""
    normal = Clip(400, tuple({10: 0.9, 20: 0.7, 21: 0.7, 40: 0.7}.get(k, 0.1) for k in range(100)))
    events = ((40, 80), (160, 184), (300, 316))
    abnormal = Clip(400, tuple({12: 0.95, 41: 0.8, 77: 0.6}.get(k, 0.1) for k in range(100)), events)
    alarms = find([normal, abnormal], fps=0.2)
    assert alarms.normal_hours == 1
    assert event_metrics(alarms) == {
        "event_recall_at_1_per_hour": pytest.approx(2 / 3),
        "event_recall_at_10_per_hour": 1,
        "event_recall_at_60_per_hour": 1,
        "false_alarms_per_hour_at_recall_0.5": 1,
        "false_alarms_per_hour_at_recall_0.8": 3,
        "delay_at_1_per_hour": pytest.approx(40),
        "delay_at_10_per_hour": 0,
        "delay_at_60_per_hour": 0,
    }
    curve = alarm_curve(alarms)
    assert curve is not None
    assert curve.rates.tolist() == [0, 1, 1, 3, 3, 3]
    assert curve.recalls.tolist() == [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1, 1]


def test_missed_events_are_no_quick_ones() -> None:
    """Two of three events are met: the median is that of three, and of one of three there is none."""
    events = ((8, 20), (40, 52), (80, 92))
    silent = Clip(400, (0.5,) * 100)
    names = "event_recall_at_1_per_hour", "delay_at_1_per_hour"
    two = Clip(120, tuple({4: 0.9, 11: 0.9}.get(k, 0.0) for k in range(30)), events)
    found = event_metrics(find([two, silent, silent], fps=0.2))
    assert [found[name] for name in names] == [pytest.approx(2 / 3), pytest.approx(8 / 0.2)]
    one = Clip(120, tuple({4: 0.9}.get(k, 0.0) for k in range(30)), events)
    found = event_metrics(find([one, silent, silent], fps=0.2))
    assert [found[name] for name in names] == [pytest.approx(1 / 3), None]


def test_one_event_at_the_end_of_the_only_video() -> None:
    clip = Clip(80, (0.1,) * 19 + (0.9,), ((77, 80),))
    found = event_metrics(find([clip]))
    assert found["event_recall_at_1_per_hour"] == 1
    assert found["delay_at_1_per_hour"] == 0  # the alarm began with the snippet, before the event
    assert found["false_alarms_per_hour_at_recall_0.8"] == 0


def test_an_event_behind_the_last_snippet_counts_for_nobody() -> None:
    cut = Clip(83, (0.1,) * 20, ((10, 14), (81, 83)))
    assert event_metrics(find([cut])) == event_metrics(find([Clip(80, cut.scores, cut.intervals[:1])]))


def test_scores_that_are_all_equal_are_one_alarm_a_video() -> None:
    clips = [Clip(72, (0.3,) * 18), Clip(72, (0.3,) * 18), Clip(40, (0.3,) * 10, ((4, 12),))]
    found = event_metrics(find(clips))
    hours = (72 + 72 + 32) / 72
    assert found["event_recall_at_1_per_hour"] == (1 if hours >= 2 else 0)
    assert found["false_alarms_per_hour_at_recall_0.5"] == pytest.approx(2 / hours)


def test_an_alarm_that_never_ends_is_not_taken_for_few_alarms() -> None:
    """At the lowest threshold there is one alarm; on the way there were twenty, and that is what counts."""
    noisy = Clip(160, (0.5, 0.1) * 20)
    late = Clip(40, (0.1,) * 10, ((8, 16),))
    found = event_metrics(find([noisy, late], fps=192 / 3600))
    assert found["false_alarms_per_hour_at_recall_0.8"] == 20
    assert found["event_recall_at_10_per_hour"] == 0
    assert found["event_recall_at_60_per_hour"] == 1


def test_little_time_outside_events_leaves_rates_without_a_number() -> None:
    clips = [Clip(40, (0.5,) * 10), Clip(40, (0.9,) * 10, ((0, 40),))]
    minutes = 13
    found = event_metrics(find(clips, fps=40 / 60 / minutes))
    assert found["event_recall_at_1_per_hour"] is None
    assert found["event_recall_at_10_per_hour"] == 1
    none = event_metrics(find(clips[1:]))
    assert set(none.values()) == {None}


def test_alarms_of_two_videos_are_never_joined() -> None:
    clips = [Clip(8, (0.1, 0.9)), Clip(8, (0.9, 0.1))]
    assert find(clips, join=1e9).at(0.5)[0] == pytest.approx(2 / find(clips).normal_hours)


def test_steps_taken_in_blocks_change_no_number() -> None:
    rng = np.random.default_rng(0)
    rows, videos = 72_000, 290
    video = np.sort(rng.integers(0, videos, rows))
    starts = np.searchsorted(video, np.arange(videos))
    positive = np.zeros(rows, np.int64)
    intervals = {}
    for v in range(140):
        positive[starts[v] + 4 : starts[v] + 9] = 16
        intervals[str(v)] = ((64, 144),)
    scored = ScoredVideos(
        scores=rng.random(rows),
        positive=positive,
        negative=16 - positive,
        video=video,
        labels=(np.arange(videos) < 140).astype(np.int64),
        classes=((),) * videos,
        names=tuple(map(str, range(videos))),
    )
    alarms = Alarms.find(scored, intervals, 30)
    whole = event_measures(alarms, np.ones((1, videos)))
    weights = rng.multinomial(videos, np.full(videos, 1 / videos), size=20).astype(np.float64)
    drawn = event_measures(alarms, np.concatenate((np.ones((1, videos)), weights)))
    for name, values in whole.items():
        assert drawn[name][0] == pytest.approx(values[0])
