"""The packed arrays of a dataset: which there are, and how a video's rows are made for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.import_plan import PlannedVideo
from benchmark.datasets.packing import Column
from benchmark.datasets.pseudo_label_files import PseudoLabelFiles
from benchmark.datasets.segments import streamed_segment_mean
from benchmark.system.errors import InputError

_BLOCK_VALUES = 1 << 21


def dataset_columns(videos: Sequence[PlannedVideo], labels: Sequence[PseudoLabelFiles]) -> list[Column]:
    """Return the columns of a dataset: its features, then its pseudo-labels."""
    planned = {video.name: video for video in videos}
    _, crops, dim = videos[0].files.shape
    features = Column("features", (crops, dim), np.dtype(np.float16), lambda name: feature_blocks(planned[name]))
    return [features, *map(label_column, labels)]


def label_column(labels: PseudoLabelFiles) -> Column:
    """Return the column of a pseudo-label."""
    shape = () if labels.what == "motion" else (labels.columns,)
    dtype = np.dtype(np.float32 if labels.what == "motion" else np.float16)
    return Column(labels.what, shape, dtype, lambda name: iter([labels.read(name)]))


def feature_blocks(video: PlannedVideo) -> Iterator[NDArray[Any]]:
    """Yield a video's stored rows in blocks, (rows, crops, dim) float16; segments are averaged on the way."""
    rows, crops, dim = video.files.shape
    step = max(1, _BLOCK_VALUES // (crops * dim))
    if not video.averaged:
        yield from video.files.blocks(step, np.float16)
        return
    means = streamed_segment_mean(video.files.blocks(step, np.float32), rows, video.rows).astype(np.float16)
    if not np.isfinite(means).all():
        raise InputError(f"{video.files.place}: values beyond what float16 can hold; scale the features down")
    yield means
