"""Frame labels, counted per snippet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.manifest import SNIPPET_FRAMES, Video


def snippet_labels(video: Video) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the positive and negative frames of each snippet of a test video.

    Snippet k covers the frames ``[16 k, 16 k + 16)``, cut to the video's frames. Frames after the last
    snippet have no score and are not counted; `unscored_frames` says how many they are.

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
    edges = np.minimum(np.arange(video.rows + 1, dtype=np.int64) * SNIPPET_FRAMES, video.frames)
    starts, ends = np.array(video.intervals, dtype=np.int64).reshape(-1, 2).T
    # Positive frames before each edge: what of every interval lies before it.
    before = np.clip(edges[:, None] - starts, 0, ends - starts).sum(axis=1)
    positive = np.diff(before)
    return positive, np.diff(edges) - positive


def unscored_frames(video: Video) -> int:
    """Number of frames after a video's last snippet; 0 where its frames are not known."""
    return max(0, (video.frames or 0) - video.rows * SNIPPET_FRAMES)
