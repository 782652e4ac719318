"""Frame labels, counted per snippet, and put beside scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.manifest import Manifest, Video
from benchmark.metrics.frame import ScoredVideos


def snippet_labels(video: Video, stride: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the positive and negative frames of each snippet of a test video.

    Snippet k covers the frames ``[stride k, stride (k + 1))``, cut to the video's frames. Frames after the last
    snippet have no score and are not counted; `unscored_frames` says how many they are.

    Parameters
    ----------
    stride
        `Manifest.stride` of the dataset.

    Returns
    -------
    positive, negative
        Shape (rows,) each.

    Raises
    ------
    ValueError
        If the video's rows are not snippets or its number of frames is not known, which no test video's is.
    """
    if video.unit != "snippets" or video.frames is None:
        raise ValueError(f"{video.name} has no frame labels: its rows are {video.unit}, its frames {video.frames}")
    edges = np.minimum(np.arange(video.rows + 1, dtype=np.int64) * stride, video.frames)
    starts, ends = np.array(video.intervals, dtype=np.int64).reshape(-1, 2).T
    # Positive frames before each edge: what of every interval lies before it.
    before = np.clip(edges[:, None] - starts, 0, ends - starts).sum(axis=1)
    positive = np.diff(before)
    return positive, np.diff(edges) - positive


def pair_with_labels(manifest: Manifest, scores: Mapping[str, NDArray[np.float32]]) -> ScoredVideos:
    """Put the scores of a dataset's test videos beside their frame labels."""
    videos = manifest.split("test")
    labels = [snippet_labels(video, manifest.stride) for video in videos]
    return ScoredVideos(
        scores=np.concatenate([scores[video.name] for video in videos]).astype(np.float64),
        positive=np.concatenate([positive for positive, _ in labels]),
        negative=np.concatenate([negative for _, negative in labels]),
        video=np.repeat(np.arange(len(videos)), [video.rows for video in videos]),
        labels=np.array([video.label for video in videos]),
        classes=tuple(video.classes for video in videos),
        names=tuple(video.name for video in videos),
    )


def find_intervals(positive: NDArray[np.int64], negative: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Find where a video is abnormal from its counts per snippet, the way back from `snippet_labels`.

    In a snippet with frames of both kinds the positive ones are put next to those of a neighbour, or at its start where
    it has none: an interval's ends are exact where it is longer than a snippet.

    Returns
    -------
    Intervals ``[start, end)`` in frames, ascending and apart.
    """
    ends = np.cumsum(positive + negative)
    found: list[tuple[int, int]] = []
    for k in np.flatnonzero(positive):
        start, end = int(ends[k] - positive[k] - negative[k]), int(ends[k])
        joined = bool(found) and found[-1][1] == start
        continues = k + 1 < len(positive) and positive[k + 1] > 0
        if negative[k] and continues and not joined:
            start = end - int(positive[k])
        elif negative[k]:
            end = start + int(positive[k])
        if joined and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return found


def unscored_frames(video: Video, stride: int) -> int:
    """Number of frames after a video's last snippet; 0 where its frames are not known."""
    return max(0, (video.frames or 0) - video.rows * stride)
