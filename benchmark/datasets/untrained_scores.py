"""Scores that no training is needed for: what a method has to beat before it has learned anything."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Video

Scores = NDArray[np.float32]


def constant(video: Video) -> Scores:
    """Score every row alike, (rows,)."""
    return np.zeros(video.rows, np.float32)


def random_per_video(video: Video, draw: int) -> Scores:
    """Score all rows of a video by one random number, which its name and the number of the draw decide, (rows,)."""
    digest = hashlib.sha256(f"{draw} {video.name}".encode()).digest()
    return np.full(video.rows, np.random.default_rng(int.from_bytes(digest[:8])).random(), np.float32)


def video_length(video: Video) -> Scores:
    """Score all rows of a video by their number, (rows,)."""
    return np.full(video.rows, video.rows, np.float32)


def feature_norm(dataset: Dataset, video: Video) -> Scores:
    """Score rows by the L2 norm of their features, the mean over crops, (rows,)."""
    norms: Scores = np.linalg.norm(dataset.frame_features(video).astype(np.float32), axis=2).mean(axis=1)
    return norms
