"""What must hold between feature files and annotated videos: names, rows, frames and intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.video_names import video_name
from benchmark.importing.annotations import Annotations, Interval
from benchmark.importing.feature_files.layouts import FeatureFolder
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more, read_lines
from benchmark.terms import SNIPPET_FRAMES


@dataclass(frozen=True)
class Matching:
    """Which file stem belongs to which annotated video.

    Attributes
    ----------
    stems
        Annotated name -> stem of its files.
    suffix
        What all stems carry after the name, such as ``_i3d``; empty if nothing.
    unknown
        Stems that belong to no annotated video.
    """

    stems: dict[str, str]
    suffix: str
    unknown: tuple[str, ...]


def match_names(stems: Iterable[str], annotated: Iterable[str]) -> Matching:
    """Match file stems to annotated names by name, allowing one suffix for the whole set."""
    stems, names = list(stems), set(annotated)
    suffixes = Counter(suffix for stem in stems if (suffix := _suffix(stem, names)))
    common, count = suffixes.most_common(1)[0] if suffixes else ("", 0)
    suffix = common if count > sum(stem in names for stem in stems) else ""
    matched, unknown = {}, []
    for stem in stems:
        name = stem.removesuffix(suffix)
        if name in names and stem == name + suffix:
            matched[name] = stem
        else:
            unknown.append(stem)
    return Matching(matched, suffix, tuple(unknown))


def read_missing(path: Path | None) -> frozenset[str]:
    """Read the names of videos without features, one a line; None reads as no such videos."""
    return frozenset(video_name(line) for _, line in read_lines(path)) if path else frozenset()


def match_features(features: FeatureFolder, annotations: Annotations, missing: frozenset[str]) -> Matching:
    """Match the feature files to the annotated videos.

    Raises
    ------
    InputError
        If features have no annotation, annotated videos neither have features nor are in `missing`, or
        `missing` names a video that has features or is not annotated.
    """
    matching = match_names(features.videos, annotations.videos)
    if matching.unknown:
        files = [features.videos[stem].place for stem in matching.unknown]
        raise InputError(f"{and_more(files)}: features without annotation; annotate the video or remove the file")
    if unknown := sorted(missing - set(annotations.videos)):
        raise InputError(f"{and_more(unknown)}: listed with --missing but not annotated; remove it from the list")
    if present := sorted(missing & set(matching.stems)):
        raise InputError(f"{and_more(present)}: listed with --missing but has features; remove it from the list")
    if absent := [name for name in annotations.videos if name not in matching.stems and name not in missing]:
        raise InputError(
            f"{and_more(absent)}: annotated, but no features in {features.path}; "
            "add them, or list such videos in a file for --missing"
        )
    return matching


def clip_intervals(
    name: str, intervals: Iterable[Interval], frames: int, stride: int = SNIPPET_FRAMES
) -> tuple[tuple[Interval, ...], int]:
    """Sort a video's intervals, join those that overlap, and clip those that end up to a snippet beyond it.

    Returns
    -------
    intervals
        Disjoint, ascending, inside ``[0, frames)``.
    clipped
        Number of frames cut off.

    Raises
    ------
    InputError
        If an interval starts beyond the video or ends more than a snippet beyond it.
    """
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= frames:
            raise InputError(
                f"{name}: an interval starts at frame {start}, but the video has {frames} frames; correct either"
            )
        if end > frames + stride:
            raise InputError(
                f"{name}: an interval ends at frame {end}, more than a snippet beyond the video's {frames}; "
                "correct either"
            )
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    clipped = max(0, joined[-1][1] - frames) if joined else 0
    return tuple((start, min(end, frames)) for start, end in joined), clipped


def _suffix(stem: str, names: set[str]) -> str:
    """Return what follows the longest annotated name that `stem` begins with, cut at a separator."""
    for cut in range(len(stem) - 1, 0, -1):
        if stem[cut] in "_-." and stem[:cut] in names:
            return stem[cut:]
    return ""
