"""Scoring test videos with a trained method, and putting the scores beside the frame labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.api import Method, MethodError
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.input_stage import input_rows
from benchmark.datasets.manifest import Video
from benchmark.metrics.frame import max_score_auc
from benchmark.terms import Training

Scores = dict[str, NDArray[np.float32]]


def score_videos(
    method: Method, dataset: Dataset, videos: Sequence[Video], settings: Training, device: torch.device
) -> Scores:
    """Score every row of the given videos, one video at a time.

    Parameters
    ----------
    settings
        Of the method's training; they say how the features are made, see `input_rows`.

    Returns
    -------
    Scores by video name, each (rows,).

    Raises
    ------
    MethodError
        If the scores have another shape or are not within [0, 1].
    """
    return {video.name: score_rows(method, video.name, dataset.features(video), settings, device) for video in videos}


def score_rows(
    method: Method, name: str, stored: NDArray[Any], settings: Training, device: torch.device
) -> NDArray[np.float32]:
    """Score every row of one video.

    Parameters
    ----------
    stored
        Its features, (rows, crops, dim).
    settings
        Of the method's training; they say how the features are made, see `input_rows`.

    Returns
    -------
    Scores, (rows,).

    Raises
    ------
    MethodError
        If the scores have another shape or are not within [0, 1].
    """
    training = method.training
    method.eval()
    rows = torch.from_numpy(input_rows(stored, settings))
    with torch.no_grad():
        out = method.score(rows[None].to(device))
    method.train(training)
    if out.shape != (1, len(stored)):
        raise MethodError(f"score() gave shape {tuple(out.shape)} for {name}, expected {(1, len(stored))}")
    values: NDArray[np.float32] = out[0].float().cpu().numpy()
    if not bool(np.all((values >= 0) & (values <= 1))):
        raise MethodError(f"score() gave values outside [0, 1], or NaN, for {name}")
    return values


def video_level_auc(videos: Sequence[Video], scores: Mapping[str, NDArray[np.float32]]) -> float | None:
    """Return the AUC of each video's highest score against the video labels; it needs no frame label."""
    highest = np.array([scores[video.name].max() for video in videos], dtype=np.float64)
    value = max_score_auc(highest, np.array([video.label for video in videos]))
    return None if np.isnan(value) else float(value)
