"""Dividing one long array of ground truth among videos: neither names nor lengths of its parts are written down."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.manifest import Manifest
from benchmark.datasets.words import split_in
from benchmark.importing.feature_files.lists import read_list, video_of
from benchmark.importing.ground_truth.offsets import Offset, find_offset, mismatches
from benchmark.importing.ground_truth.sources import Labels, OneArray
from benchmark.importing.ground_truth.truth import Truth, possible_lengths, stretch, uniform_rules
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more
from benchmark.terms import SNIPPET_FRAMES

_SEPARATORS = "_-."
_Counts = NDArray[np.int64]

# More than any division costs, and far from overflow when costs are added.
_UNREACHABLE = 1 << 60


def divide_array(source: OneArray, manifest: Manifest, truths: Mapping[str, Truth], given: Path | None) -> Divided:
    """Give each video its part of an array, in the order that fits best.

    Raises
    ------
    InputError
        If the order or the parts cannot be told.
    """
    divided = []
    for order in possible_orders(source.path, manifest, given):
        if all(name in truths for name in order.names):
            videos = [truths[name] for name in order.names]
            if division := divide(source.labels, videos):
                divided.append((order, division))
    if not divided:
        raise InputError(
            f"{source.path}: its {len(source.labels):,} frames cannot be those of the videos of {manifest.name}; "
            "name a list of its videos in their order with --order, or import the dataset with frame counts"
        )
    order, division = min(divided, key=lambda each: (not each[1].ruled, each[1].mismatches))
    ends = np.cumsum(division.lengths)
    parts = dict(zip(order.names, np.split(source.labels, ends[:-1]), strict=True))
    said = f"{source.path.name}: one array of {len(source.labels):,} frames, in the order of {order.origin}."
    return Divided(said, parts, division.ruled, division.offset)


class Divided(NamedTuple):
    """An array, divided: what was read, in a sentence, the parts by video, and how they were found, see `Division`."""

    said: str
    parts: dict[str, Labels]
    ruled: bool
    offset: Offset | None


class Order(NamedTuple):
    """Names of videos in order, and where the order comes from."""

    origin: str
    names: tuple[str, ...]


def possible_orders(path: Path, manifest: Manifest, given: Path | None) -> list[Order]:
    """Return the orders that an array may have.

    Parameters
    ----------
    path
        The array's file.
    given
        A list of videos or feature files; None to take the test list beside the array or, without any, the orders
        that repositories use.

    Raises
    ------
    InputError
        If several test lists are beside the array, or the list names a video that the dataset does not have.
    """
    lists = [given] if given else sorted(file for file in path.parent.glob("*.list") if split_in(file.stem) == "test")
    if len(lists) > 1:
        names = ", ".join(file.name for file in lists)
        raise InputError(f"{path}: several test lists beside it ({names}); name the one of its order with --order")
    if lists:
        return [_listed(lists[0], manifest)]
    test, train = manifest.split("test"), manifest.split("train")
    named = sorted(video.name for video in test)
    abnormal = sorted(video.name for video in test if video.label)
    normal = sorted(video.name for video in test if not video.label)
    # ShanghaiTech and Avenue had other splits first, where all abnormal videos were test videos.
    moved = sorted(video.name for video in train if video.label)
    orders = [
        Order("test videos by name", tuple(named)),
        Order("test videos, abnormal then normal, each by name", (*abnormal, *normal)),
        Order("abnormal videos of both splits by name", tuple(sorted(abnormal + moved))),
    ]
    return [order for order in orders if order.names]


def find_video(entry: str, names: Collection[str]) -> str | None:
    """Find which video a list or file name means: it begins with the video's name, or is Avenue's bare number."""
    if re.fullmatch(r"\d{1,2}", entry):
        entry = f"testing_{int(entry):02d}"
    cuts = (cut for cut in range(len(entry), 0, -1) if cut == len(entry) or entry[cut] in _SEPARATORS)
    return next((entry[:cut] for cut in cuts if entry[:cut] in names), None)


def _listed(path: Path, manifest: Manifest) -> Order:
    known = {video.name for video in manifest.videos}
    names = (video_of(entry) for _, entry in read_list(path))
    entries = [(name, find_video(name, known)) for name in names]
    if unknown := [entry for entry, name in entries if name is None]:
        raise InputError(
            f"{and_more(unknown)}: in {path}, but not in the dataset, so the parts of the array cannot be told apart; "
            "import the whole test split"
        )
    # A list of crops names a video once per crop.
    return Order(path.name, tuple(dict.fromkeys(name for _, name in entries if name is not None)))


@dataclass(frozen=True)
class Division:
    """How long each video's part of the array is.

    Attributes
    ----------
    lengths
        Frames of each video, in the order of the videos; they add up to the array's.
    ruled
        Whether one rule gives all lengths; else they were found by aligning the labels.
    offset
        The rule that as many frames of every video are missing; None where another gives the lengths, or none does.
    mismatches
        Frames whose label is not the dataset's.
    """

    lengths: tuple[int, ...]
    ruled: bool
    mismatches: int
    offset: Offset | None = None


def divide(labels: Labels, videos: Sequence[Truth]) -> Division | None:
    """Divide an array among videos.

    A rule for all videos whose lengths add up to the array's is taken, and of several the one with the fewest
    mismatches; where labels differ under each, a constant offset is tried as well. Without any, the lengths are those
    with the fewest mismatches of all divisions of that total, found by dynamic programming over the parts' ends; ties
    go to the lengths nearest to 16 x the snippets.

    Parameters
    ----------
    labels
        Shape (frames,), the videos one after the other.
    videos
        In the order of the array.

    Returns
    -------
    None if no division of the array's length exists.
    """
    before = np.concatenate([[0], np.cumsum(labels, dtype=np.int64)])
    divisions = [
        Division(lengths, True, _count_mismatches(before, videos, lengths))
        for _, lengths in uniform_rules(videos)
        if sum(lengths) == len(labels) and min(lengths) > 0
    ]
    if not any(division.mismatches == 0 for division in divisions) and (offset := _at_an_offset(labels, videos)):
        divisions.append(offset)
    if not any(division.offset is None or not division.mismatches for division in divisions):
        aligned = _align(before, videos)
        divisions += [Division(aligned, False, _count_mismatches(before, videos, aligned))] if aligned else []
    return min(divisions, key=lambda division: division.mismatches, default=None)


def _at_an_offset(labels: Labels, videos: Sequence[Truth]) -> Division | None:
    """Divide the array so that every video lacks as many frames, or has as many more."""
    missing, rest = divmod(sum(video.frames for video in videos) - len(labels), len(videos))
    lengths = tuple(video.frames - missing for video in videos)
    if rest or min(lengths) <= 0:
        return None
    parts = np.split(labels, np.cumsum(lengths)[:-1])
    offset = find_offset(videos, parts)
    return Division(lengths, True, mismatches(videos, parts, offset), offset) if offset else None


def _count_mismatches(before: _Counts, videos: Sequence[Truth], lengths: Sequence[int]) -> int:
    starts = accumulate(lengths[:-1], initial=0)
    parts = zip(videos, starts, lengths, strict=True)
    return sum(int(_mismatches(before, video, np.array([start]), length)[0]) for video, start, length in parts)


def _mismatches(before: _Counts, video: Truth, starts: _Counts, length: int) -> _Counts:
    """Count the frames whose label is not the video's, if its part had that length and each of the starts.

    With p positive frames in the part, e expected and b both, these are p + e - 2 b: look-ups in `before`, the
    number of positive frames before each frame of the array.
    """
    if video.intervals is None:
        return np.zeros(len(starts), np.int64)
    count: _Counts = before[starts + length] - before[starts]
    for start, end in stretch(video.intervals, video.frames, length):
        count += (end - start) - 2 * (before[starts + end] - before[starts + start])
    return count


def _align(before: _Counts, videos: Sequence[Truth]) -> tuple[int, ...] | None:
    """Return the lengths with the fewest mismatches, or None if none add up to the array's."""
    total = len(before) - 1
    options = [possible_lengths(video) for video in videos]
    # One mismatch outweighs all deviations from 16 x the snippets together.
    weight = 1 + sum(max(_deviation(video, length) for length in o) for video, o in zip(videos, options, strict=True))
    # Where each part may end, seen from the front and from the back of the array.
    lows = np.cumsum([min(lengths) for lengths in options])
    highs = np.cumsum([max(lengths) for lengths in options])
    firsts = np.maximum(lows, total - (highs[-1] - highs))
    lasts = np.minimum(highs, total - (lows[-1] - lows))
    if (firsts > lasts).any():
        return None
    costs, first = np.zeros(1, np.int64), 0
    chosen: list[NDArray[np.int32]] = []
    for video, lengths, low, high in zip(videos, options, firsts, lasts, strict=True):
        ends = np.full(high - low + 1, _UNREACHABLE)
        best = np.zeros(high - low + 1, np.int32)
        for length in lengths:
            starts = np.arange(max(first, low - length), min(first + len(costs) - 1, high - length) + 1)
            cost = costs[starts - first] + weight * _mismatches(before, video, starts, length)
            cost += _deviation(video, length)
            better = cost < ends[starts + length - low]
            ends[(starts + length - low)[better]] = cost[better]
            best[(starts + length - low)[better]] = length
        costs, first = ends, int(low)
        chosen.append(best)
    return _trace_back(chosen, firsts, total) if costs[0] < _UNREACHABLE else None


def _trace_back(chosen: Sequence[NDArray[np.int32]], firsts: _Counts, end: int) -> tuple[int, ...]:
    lengths = []
    for best, first in zip(reversed(chosen), reversed(firsts), strict=True):
        lengths.append(int(best[end - first]))
        end -= lengths[-1]
    return tuple(reversed(lengths))


def _deviation(video: Truth, length: int) -> int:
    return abs(length - SNIPPET_FRAMES * video.snippets)
