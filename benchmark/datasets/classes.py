"""Classes of training videos, and a vector for each: what some methods learn from beside features and video labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.manifest import Manifest, Video
from benchmark.system.seeding import derive_seed

if TYPE_CHECKING:
    from benchmark.datasets.dataset import Dataset

NORMAL = "normal"
"""The first class: that of normal videos."""
RANDOM_DIM = 512
"""Size of a random class vector; that of CLIP ViT-B/16's text."""


def class_names(manifest: Manifest) -> tuple[str, ...]:
    """Return the classes of the training videos: ``normal``, then the others by name."""
    return (NORMAL, *sorted({name for video in manifest.split("train") for name in video.classes}))


def class_labels(videos: Sequence[Video], classes: Sequence[str]) -> NDArray[np.float32]:
    """Return 1 for each class that a video is of, else 0: (videos, classes)."""
    column = {name: i for i, name in enumerate(classes)}
    labels = np.zeros((len(videos), len(classes)), np.float32)
    for row, video in zip(labels, videos, strict=True):
        row[[column[name] for name in video.classes] if video.label else [column[NORMAL]]] = 1
    return labels


def lacks_vectors(manifest: Manifest) -> list[str]:
    """Return the classes of the training videos for which the dataset has no vector."""
    return [name for name in class_names(manifest) if name not in manifest.class_vectors]


def class_vectors(dataset: Dataset, source: str) -> NDArray[np.float32] | None:
    """Return a vector for each class of the training videos, (classes, any); None for the source ``none``.

    Parameters
    ----------
    source
        ``given``, the stored ones; or ``random``, directions that depend on the name of the class alone, of length 1.
    """
    if source == "none":
        return None
    names = class_names(dataset.manifest)
    if source == "given":
        stored = dataset.class_vectors()
        return np.stack([stored[dataset.manifest.class_vectors.index(name)] for name in names])
    drawn = np.stack([np.random.default_rng(derive_seed(0, "class vector", n)).normal(size=RANDOM_DIM) for n in names])
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)
