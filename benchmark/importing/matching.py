"""What must hold between feature files and annotated videos: names, and intervals inside the video."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

from benchmark.datasets.naming.choice import Naming, find_named, name_files
from benchmark.datasets.video_names import name_parts, video_name
from benchmark.importing.annotations import Interval
from benchmark.importing.feature_files.layouts import FeatureFolder, put_together
from benchmark.importing.feature_files.search import FoundArray, has_equal_content
from benchmark.system.errors import InputError
from benchmark.system.near_names import nearest
from benchmark.system.text_files import and_more, read_lines
from benchmark.terms import SNIPPET_FRAMES, Layout


def match_features(
    folder: Path,
    found: Sequence[FoundArray],
    annotated: Collection[str],
    missing: Collection[str] = (),
    layout: Layout | None = None,
) -> FeatureFolder:
    """Find the feature files of each annotated video by their names.

    Parameters
    ----------
    folder
        Where the files were found, for messages.
    annotated
        The annotated names, which decide what is a video and what a crop of one.
    missing
        Annotated names that have no features.
    layout
        The layout as asked for; None to find it by looking.

    Raises
    ------
    InputError
        If features have no annotation or are there twice, annotated videos neither have features nor are in `missing`,
        a crop is missing, or `missing` names a video that has features or is not annotated.
    """
    if unknown := sorted(set(missing) - set(annotated)):
        raise InputError(
            f"{and_more(unknown)}: listed with --missing but not annotated{_like(unknown[0], annotated)}; "
            "remove it from the list"
        )
    same = cache(lambda first, second: has_equal_content(found[first].array, found[second].array))
    naming = name_files(
        [each.parts for each in found], annotated, without=missing, crops=layout in (None, "crop-files"), same=same
    )
    _check_named(found, naming, annotated)
    _check_twice(found, naming)
    if present := sorted(set(missing) & naming.files.keys()):
        raise InputError(f"{and_more(present)}: listed with --missing but has features; remove it from the list")
    if absent := [name for name in naming.absent(annotated) if name not in missing]:
        raise InputError(
            f"{and_more(absent)}: annotated, but no features in {folder} ({len(absent)} of {len(annotated)} videos); "
            "add them, or list such videos in a file for --missing"
        )
    _check_crops(found, naming)
    return put_together(folder, found, naming, layout)


def _check_named(found: Sequence[FoundArray], naming: Naming, annotated: Collection[str]) -> None:
    if not naming.unnamed:
        return
    first = found[naming.unnamed[0]]
    free = naming.absent(annotated) or list(annotated)
    nearest_name = nearest(video_name(first.array.name), free)
    pair = f"the features have {first.array.name}, the annotation {nearest_name}" if nearest_name else ""
    raise InputError(
        f"{and_more(found[place].place for place in naming.unnamed)}: features without annotation, "
        f"{len(naming.unnamed)} of {len(found)} files; {pair or f'no annotated name is like it, such as {free[0]}'}; "
        "name files as annotated, annotate the videos, or name with --list the files to take"
    )


def _check_twice(found: Sequence[FoundArray], naming: Naming) -> None:
    if not naming.twice:
        return
    first, second = (found[place] for place in naming.twice[0])
    name = next(name for name, crops in naming.files.items() if naming.twice[0][0] in crops.values())
    more = f", and {len(naming.twice) - 1} more such pairs" if len(naming.twice) > 1 else ""
    raise InputError(
        f"{name}: this video is there twice, {first.place} and {second.place}, with different content{more}; if they "
        "are different videos, annotate each with its folder; if not, name with --list the files to take"
    )


def _check_crops(found: Sequence[FoundArray], naming: Naming) -> None:
    if not naming.gaps:
        return
    name, crop = naming.gaps[0]
    more = f" (and {len(naming.gaps) - 1} more)" if len(naming.gaps) > 1 else ""
    place = found[next(iter(naming.files[name].values()))].place
    raise InputError(
        f"{name}{more}: crop {crop} is missing beside {place}; extract it again, "
        "or annotate the files by their names if they are videos"
    )


def read_missing(path: Path | None, annotated: Collection[str]) -> frozenset[str]:
    """Read which videos have no features: names or paths, one a line; None reads as no such videos.

    Parameters
    ----------
    annotated
        The annotated names, of which a line means one; what means none is kept as it is.
    """
    lines = [name_parts(line) for _, line in read_lines(path)] if path else []
    return frozenset(find_named(parts, annotated) or parts[-1] for parts in lines)


def _like(name: str, names: Collection[str]) -> str:
    found = nearest(name, names)
    return f", as {found} is" if found else ""


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
