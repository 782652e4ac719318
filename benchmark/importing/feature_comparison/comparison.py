"""Published features of the same videos beside a dataset's own: read, paired by name, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Video
from benchmark.datasets.naming.choice import name_files
from benchmark.importing.feature_comparison.similarity import SHIFTS, Similarities, rows_there
from benchmark.importing.feature_comparison.verdict import Verdict, judge, unlike_sizes
from benchmark.importing.feature_files.layouts import put_together
from benchmark.importing.feature_files.search import features_home, find_arrays, has_equal_content
from benchmark.importing.feature_files.video_features import VideoFeatures, read_axes
from benchmark.importing.strides import are_segments
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError

MOST_SNIPPETS = 200
"""Of a video that are compared, evenly spaced."""
_BLOCK = 512


@dataclass(frozen=True)
class FeatureComparison:
    """Everything that `compare_features` finds.

    Attributes
    ----------
    source
        What was compared, one sentence.
    absent
        Videos of the dataset that are not there.
    skipped
        Videos whose rows are segments, which no snippet is comparable with.
    """

    source: str
    verdict: Verdict
    absent: int
    skipped: int

    def lines(self) -> list[str]:
        """Return the comparison as plain lines."""
        lines = [self.source, *self.verdict.lines()]
        if self.absent:
            lines.append(f"  videos of the dataset that are not there: {self.absent:,}")
        if self.skipped:
            lines.append(f"  not compared, as their rows are segments: {self.skipped:,} training videos")
        return lines


def compare_features(dataset: Dataset, folder: Path, progress: Progress) -> FeatureComparison:
    """Compare a dataset's features with those of the same videos in a folder.

    Parameters
    ----------
    folder
        Of feature files in any form that an import reads.
    progress
        Called with (videos done, videos).

    Raises
    ------
    InputError
        If files cannot be read, or none is of a video of the dataset whose snippets are stored.
    """
    comparable = {video.name: video for video in dataset.manifest.videos if video.unit == "snippets"}
    theirs = _find(dataset, folder)
    both = [video for name, video in comparable.items() if name in theirs]
    if not both:
        stored = "its training videos are stored as segments" if theirs else "are these the same videos?"
        raise InputError(f"{folder}: no snippets of a video of {dataset.name} there; {stored}")
    manifest = dataset.manifest
    ours, other = (manifest.crops, manifest.dim), theirs[both[0].name].shape[1:]
    _check_snippets(folder, both, theirs, manifest.stride)
    if ours[1] != other[1]:
        verdict = unlike_sizes(ours[1], other[1])
    else:
        found = Similarities(ours[0], other[0], ours[1])
        for done, video in enumerate(both, start=1):
            _add(found, dataset, video, theirs[video.name])
            progress(done, len(both))
        verdict = judge(found)
    return FeatureComparison(
        f"{dataset.name} beside {folder}: {len(both):,} videos of both; here {ours[0]} crops of {ours[1]} dimensions, "
        f"there {other[0]} of {other[1]}.",
        verdict,
        absent=sum(video.name not in theirs for video in manifest.videos),
        skipped=sum(video.name in theirs and video.unit != "snippets" for video in manifest.videos),
    )


def _find(dataset: Dataset, folder: Path) -> dict[str, VideoFeatures]:
    """Return the features there of the dataset's videos; those of other videos are passed over."""
    manifest = dataset.manifest
    home = features_home(folder)
    found = find_arrays(home)
    same = cache(lambda first, second: has_equal_content(found[first].array, found[second].array))
    names = [video.name for video in manifest.videos]
    naming = name_files([each.parts for each in found], names, others=True, same=same)
    if naming.twice:
        first, second = (found[place].place for place in naming.twice[0])
        raise InputError(f"{first} and {second} are both of one video; name a folder that has one of them")
    if not naming.files:
        raise InputError(f"{folder}: no file there is named as a video of {dataset.name}, such as {names[0]}")
    frames = {video.name: video.frames for video in manifest.videos}
    return read_axes(put_together(home, found, naming, None), frames, manifest.stride).videos


def _check_snippets(folder: Path, videos: Sequence[Video], theirs: dict[str, VideoFeatures], stride: int) -> None:
    rows = [theirs[video.name].shape[0] for video in videos]
    if len(videos) > 1 and are_segments(rows, [video.frames for video in videos], stride):
        raise InputError(f"{folder}: every video there has {rows[0]} rows: these are segments, no snippets to compare")


def _add(found: Similarities, dataset: Dataset, video: Video, theirs: VideoFeatures) -> None:
    here, there = video.rows, theirs.shape[0]
    rows = np.unique(np.linspace(0, here - 1, min(here, MOST_SNIPPETS)).round().astype(np.int64))
    ours = np.asarray(dataset.features(video)[rows], np.float32)
    wanted = rows_there(rows, here, there) + np.array(SHIFTS)[:, None]
    inside = (wanted >= 0) & (wanted < there)
    needed = np.unique(wanted[inside])
    read = _read(theirs, needed)
    shifted = np.full((*wanted.shape, *read.shape[1:]), np.nan, np.float32)
    shifted[inside] = read[np.searchsorted(needed, wanted[inside])]
    found.add(video.name, (here, there), ours, shifted)


def _read(features: VideoFeatures, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read some rows of a video, ascending, without holding the others: (rows, crops, dim)."""
    kept, start = [], 0
    for block in features.blocks(_BLOCK, np.float32):
        inside = rows[(rows >= start) & (rows < start + len(block))] - start
        kept.append(block[inside])
        start += len(block)
    return np.concatenate(kept)
