"""Alarms of scored videos at every threshold at once: when false ones begin and join, and when events are met.

A *step* is one distinct score, the highest first; at step n the threshold is the n-th score, and every snippet that
scores at least as much is in alarm. All that a sweep over thresholds needs is which steps change what, in which video.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.ranking import Floats, Ints

Intervals = Sequence[tuple[int, int]]
"""Events of a video in frames, ``[start, end)``, 0-based."""
_SLACK = 1e-9
"""For a gap that is as long as asked for but for rounding."""


@dataclass(frozen=True)
class Event:
    """An event, and how the delay of its first alarm falls from step to step.

    Attributes
    ----------
    video
        Index of its video.
    steps
        Steps from which on its first alarm is an earlier one, (changes,), ascending; the event is met from the first.
    delays
        Seconds from the event's start to that alarm, (changes,), descending; 0 for one that began before the event.
    """

    video: int
    steps: Ints
    delays: Floats

    def delay(self, steps: Ints) -> Floats:
        """Return the delay where so many steps are in alarm; infinite where the event is missed."""
        delays: Floats = np.append(np.inf, self.delays)[np.searchsorted(self.steps, steps)]
        return delays


@dataclass(frozen=True, eq=False)
class Alarms:
    """What the alarms of a scored test set are at every threshold.

    Attributes
    ----------
    thresholds
        The distinct scores, (steps,), descending.
    step, video, change
        Where the number of false alarms changes, (changes,) each: at which step, ascending, in which video, how much.
    events
        Those with a scored frame, in the order of the videos.
    normal_frames
        Frames of each video outside events, (videos,).
    fps
        Frames a second.
    """

    thresholds: Floats
    step: Ints
    video: Ints
    change: Ints
    events: tuple[Event, ...]
    normal_frames: Ints
    fps: float

    @classmethod
    def find(cls, scored: ScoredVideos, intervals: Mapping[str, Intervals], fps: float, join: float = 0.0) -> Alarms:
        """Find the alarms of scored videos: the runs of snippets at or above a threshold.

        Parameters
        ----------
        intervals
            Video -> its events; a video without one may be left out.
        fps
            Frames a second.
        join
            Seconds: alarms of a video with so short a gap between them are one, which goes on through the gap.
        """
        values, step = np.unique(-scored.scores, return_inverse=True)
        frames = scored.positive + scored.negative
        stride = int(frames.max(initial=1))
        step = _joined(step, scored.video, math.floor(join * fps / stride + _SLACK), len(values))
        videos = len(scored.names)
        changed, change = _false_alarm_changes(step, scored.positive > 0, scored.video, videos)
        return cls(
            thresholds=-values,
            step=changed // videos,
            video=changed % videos,
            change=change,
            events=tuple(_find_events(step, scored, frames, intervals, fps)),
            normal_frames=np.bincount(scored.video, weights=scored.negative, minlength=videos).astype(np.int64),
            fps=fps,
        )

    @property
    def normal_hours(self) -> float:
        """Hours outside events."""
        return int(self.normal_frames.sum()) / self.frames_per_hour

    @property
    def frames_per_hour(self) -> float:
        """Frames of an hour."""
        return 3600 * self.fps

    def at(self, thresholds: float | Floats) -> tuple[Floats, Floats]:
        """Return false alarms per hour outside events and the share of events met, in the shape of the thresholds.

        Both are nan where there is nothing to count.
        """
        reached = np.searchsorted(-self.thresholds, np.negative(thresholds), side="right")
        changes = np.bincount(self.step, weights=self.change, minlength=len(self.thresholds))
        false = np.append(0, np.cumsum(changes))[reached]
        met = np.searchsorted(np.sort([event.steps[0] for event in self.events]), reached, side="left")
        with np.errstate(invalid="ignore"):
            rates: Floats = false * self.frames_per_hour / np.float64(self.normal_frames.sum())
            recalls: Floats = met / np.float64(len(self.events))
        return rates, recalls

    def resampled_at(self, threshold: float, weights: Floats) -> tuple[Floats, Floats]:
        """Return what `at` does where each video occurs so many times, (resamples, videos); both (resamples,)."""
        videos = len(self.normal_frames)
        reached = int(np.searchsorted(-self.thresholds, -threshold, side="right"))
        changed = slice(0, np.searchsorted(self.step, reached))
        false = np.bincount(self.video[changed], weights=self.change[changed], minlength=videos)
        places = np.array([event.video for event in self.events], dtype=np.int64)
        met = np.array([event.steps[0] < reached for event in self.events], dtype=np.float64)
        events, found = (np.bincount(places, weights=w, minlength=videos) for w in (np.ones(len(met)), met))
        with np.errstate(invalid="ignore"):
            rates: Floats = (weights @ false) * self.frames_per_hour / (weights @ self.normal_frames)
            recalls: Floats = (weights @ found) / (weights @ events)
        return rates, recalls


def _joined(step: Ints, video: Ints, gap: int, never: int) -> Ints:
    """Put snippets between two alarms into alarm with the later of them, where they are at most `gap`.

    This is the closing of mathematical morphology by a flat element of `gap` + 1 snippets, which does to all thresholds
    at once what it does to each (Serra, *Image Analysis and Mathematical Morphology*, 1982, chapter XII).
    """
    gap = min(gap, int(np.bincount(video).max(initial=0)))
    if not gap:
        return step
    place = np.arange(len(step)) + gap * (video + 1)  # videos apart, so that no window reaches two of them
    spread = np.full(place[-1] + gap + 1, never)
    spread[place] = step
    closed = _sliding(np.maximum, _sliding(np.minimum, spread, gap + 1), gap + 1)
    joined: Ints = closed[place - gap]
    return joined


def _sliding(combine: Callable[[Ints, Ints], Ints], values: Ints, width: int) -> Ints:
    """Combine each `width` neighbours, (n,) -> (n - width + 1,), doubling how many are combined."""
    done = 1
    while done < width:
        shift = min(done, width - done)
        values = combine(values[:-shift], values[shift:])
        done += shift
    return values


def _false_alarm_changes(step: Ints, touches: NDArray[np.bool_], video: Ints, videos: int) -> tuple[Ints, Ints]:
    """Return the changes of the number of false alarms: step times videos plus video, ascending, and by how much.

    A false alarm is a run of snippets outside events that meets no snippet of an event in alarm. So their number is
    that of the snippets outside events in alarm, less that of the pairs of neighbours in alarm of which one at least
    is outside, plus that of the stretches between two events that are in alarm from end to end: those were taken
    off twice.
    """
    outside = ~touches
    pair = np.flatnonzero((video[1:] == video[:-1]) & (outside[1:] | outside[:-1]))
    steps = [step[outside], np.maximum(step[pair], step[pair + 1])]
    places = [video[outside], video[pair]]
    signs = [np.ones(steps[0].size, np.int64), np.full(pair.size, -1)]
    event = np.flatnonzero(touches)
    left = event[:-1][(np.diff(event) > 1) & (np.diff(video[event]) == 0)]
    if left.size:
        right = event[np.searchsorted(event, left) + 1]
        whole = np.maximum.reduceat(step, np.column_stack((left, right)).ravel())[::2]
        steps.append(np.maximum(whole, step[right]))
        places.append(video[left])
        signs.append(np.ones(left.size, np.int64))
    code, entry = np.unique(np.concatenate(steps) * videos + np.concatenate(places), return_inverse=True)
    change = np.rint(np.bincount(entry, weights=np.concatenate(signs), minlength=code.size)).astype(np.int64)
    return code[change != 0], change[change != 0]


def _find_events(
    step: Ints, scored: ScoredVideos, frames: Ints, intervals: Mapping[str, Intervals], fps: float
) -> Iterator[Event]:
    begin = np.cumsum(frames) - frames
    borders = np.searchsorted(scored.video, np.arange(len(scored.names) + 1))
    begins, lengths = begin[borders[:-1]], np.bincount(scored.video, weights=frames).astype(np.int64)
    known = [(v, *interval) for v, name in enumerate(scored.names) for interval in intervals.get(name, ())]
    scorable = [one for one in known if one[1] < lengths[one[0]]]  # behind the last snippet nothing is scored
    video, start, end = np.array(scorable, np.int64).reshape(-1, 3).T
    first = np.searchsorted(begin, begins[video] + start, side="right") - 1
    last = np.searchsorted(begin, begins[video] + end, side="left")
    sizes = np.where(end > lengths[video], borders[video + 1], last) - first
    # The snippets of all events in one row. Each event's steps are moved below those of the events before it.
    event, offset = np.repeat(np.arange(len(sizes)), sizes), np.cumsum(sizes) - sizes
    snippet = np.arange(len(event)) + (first - offset)[event]
    depth = event * (step.max(initial=0) + 1)
    reached = np.minimum.accumulate(step[snippet] - depth)
    earlier = np.flatnonzero(np.diff(reached, prepend=reached[:1] + 1))[::-1]
    steps = (reached + depth)[earlier]
    delays = np.maximum((begin[snippet] - (begins[video] + start)[event])[earlier], 0) / fps
    counts = np.bincount(event[earlier], minlength=len(sizes))
    stops = len(earlier) - np.cumsum(counts)
    for i, stop in enumerate(stops.tolist()):
        own = slice(stop, stop + counts[i])
        yield Event(int(video[i]), steps[own], delays[own])
