"""The packed, memory-mapped form of a dataset on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy, rows_sha256
from benchmark.datasets.manifest import Manifest, Video, read_manifest
from benchmark.system.errors import InputError
from benchmark.system.files import UnreadableError

VECTORS = "class_vectors.npy"
"""Where a dataset keeps a vector for each class."""
_Scalar = TypeVar("_Scalar", bound=np.generic)


class Dataset:
    """A dataset folder, opened for reading: nothing is loaded before it is asked for.

    Attributes
    ----------
    path
        The dataset's folder.
    manifest
        Its description.

    Raises
    ------
    InputError
        If the manifest or one of the packed arrays is missing, damaged, or does not fit the other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: Manifest = read_manifest(path)
        m = self.manifest
        rows = sum(video.rows for video in m.videos)
        self._features = _open(path / "features.npy", (rows, m.crops, m.dim), np.float16)
        self._motion = _open(path / "motion.npy", (rows,), np.float32) if m.motion else None
        self._objects = _open(path / "objects.npy", (rows, m.object_classes), np.float16) if m.object_classes else None

    def __repr__(self) -> str:
        return f"<Dataset {self.manifest.in_words()}>"

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.manifest.name

    def features(self, video: Video) -> NDArray[np.float16]:
        """Return the features of a video, (rows, crops, dim), as a view of the file."""
        return self._features[_rows(video)]

    def frame_features(self, video: Video) -> NDArray[np.float16]:
        """Return the features of a video without those of patches, (rows, crops, dim), as a view of the file."""
        return self.features(video)[:, : self.manifest.frame_crops]

    def motion(self, video: Video) -> NDArray[np.float32] | None:
        """Return the motion intensity of a video, (rows,), or None if the dataset has none."""
        return None if self._motion is None else self._motion[_rows(video)]

    def objects(self, video: Video) -> NDArray[np.float16] | None:
        """Return the object class scores of a video, (rows, classes), or None if the dataset has none."""
        return None if self._objects is None else self._objects[_rows(video)]

    def class_vectors(self) -> NDArray[np.float32]:
        """Return the vectors of the classes that the manifest names, (classes, any)."""
        path, names = self.path / VECTORS, self.manifest.class_vectors
        vectors: NDArray[np.float32] = read_npy(path)
        if len(vectors) != len(names) or rows_sha256([vectors]) != self.manifest.class_vectors_sha256:
            raise InputError(f"{path}: is not as it was added; add the class vectors again with --replace")
        return np.array(vectors)

    def arrays(self, video: Video) -> dict[str, NDArray[Any]]:
        """Return all stored rows of a video by the name of the array, in the order that they are hashed in."""
        found = {"features": self.features(video), "motion": self.motion(video), "objects": self.objects(video)}
        return {name: rows for name, rows in found.items() if rows is not None}


def _rows(video: Video) -> slice:
    return slice(video.first_row, video.first_row + video.rows)


def _open(path: Path, shape: tuple[int, ...], dtype: type[_Scalar]) -> NDArray[_Scalar]:
    try:
        array: NDArray[_Scalar] = read_npy(path)
    except UnreadableError:
        raise
    except InputError as error:
        raise InputError(f"{error}, or import the dataset again") from None
    if array.shape != shape or array.dtype != dtype:
        raise InputError(
            f"{path}: holds {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape} as the manifest says; "
            "import the dataset again"
        )
    return array
