"""The typed description of a dataset: what `manifest.json` holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from benchmark.datasets.feature_sets import CropLayout, FeatureSet
from benchmark.system.amounts import count
from benchmark.system.errors import InputError
from benchmark.system.files import is_there
from benchmark.system.frozen import FrozenModel, first_error
from benchmark.system.hashing import digest
from benchmark.system.json_text import parse_json
from benchmark.system.names import FileName, Name
from benchmark.system.text_files import read_bytes
from benchmark.terms import (
    LEAST_FPS,
    MOST_FPS,
    MOST_FRAMES,
    MOST_STRIDE,
    SNIPPET_FRAMES,
    Benchmark,
    Metric,
    RowUnit,
    Split,
)

MANIFEST_VERSION = 2


class Video(FrozenModel):
    """One video: where its rows lie in the packed arrays, and its labels.

    Attributes
    ----------
    name
        The video's name; labels belong to it, never to a position in a list.
    label
        1 for abnormal, 0 for normal.
    classes
        Names of the abnormal classes; empty for a normal video and where they are not known.
    first_row, rows
        The video's rows in `features.npy`, `motion.npy` and `objects.npy`.
    unit
        What a row is: a snippet of the manifest's `stride` frames, or a segment of a video that was segmented before
        it was imported.
    frames
        Number of frames; None where it is not known (training videos only).
    intervals
        Abnormal frames of a test video as ``[start, end)`` pairs, 0-based, ascending, clipped to the video.
    sha256
        Hash of the video's rows as stored: features, then motion, then objects.
    """

    name: FileName
    split: Split
    label: Literal[0, 1]
    classes: tuple[Name, ...] = ()
    first_row: int = Field(ge=0)
    rows: int = Field(ge=0)
    unit: RowUnit = "snippets"
    frames: int | None = Field(default=None, ge=1, lt=MOST_FRAMES)
    intervals: tuple[tuple[int, int], ...] = ()
    sha256: str

    @model_validator(mode="after")
    def _labels_fit(self) -> Self:
        ends = [frame for interval in self.intervals for frame in interval]
        if ends != sorted(ends) or any(start == end for start, end in self.intervals):
            raise ValueError(f"intervals of video {self.name} are not ascending")
        if ends and (ends[0] < 0 or (self.frames is not None and ends[-1] > self.frames)):
            raise ValueError(f"an interval of video {self.name} lies outside its frames")
        if not self.label and (self.intervals or self.classes):
            raise ValueError(f"video {self.name} is normal, and has abnormal frames or classes")
        if self.label and self.split == "test" and not self.intervals:
            raise ValueError(f"test video {self.name} is abnormal, and has no abnormal frames")
        return self


TOLD = ("classes", "class_vectors", "parts", "patch_grids")
"""What only some methods are told of a training part."""


class Manifest(FrozenModel):
    """A dataset's manifest.

    Attributes
    ----------
    benchmark
        The benchmark that the videos belong to; decides which recipe applies.
    metric
        The metric that a result on this dataset is judged by.
    feature_set
        Identity of the features: two datasets share a feature space if and only if they carry the same id.
    identity
        What is stated of the features behind that id; None where nothing is.
    dim, crops
        Shape of a snippet's features.
    stride
        Number of frames that a snippet stands for; left out of the file where it is 16.
    fps
        Frames a second; left out of the file where none were stated, see `benchmark.datasets.official.frame_rate`.
    content
        Hash of all features as stored, by video; empty where it was not taken.
    norms
        Least, median and greatest of the videos' mean feature norms, of the first crop; None where they were not taken.
    motion
        Whether the dataset has motion intensities.
    object_classes
        Number of object classes, 0 without object scores.
    class_vectors
        Names of the classes that `class_vectors.npy` has a row for, in order; left out of the file where it has none.
    class_vectors_sha256
        Hash of these rows.
    missing
        Annotated videos that were declared to have no features.
    notes
        What the import found and did (layout, clipped intervals, short videos), one sentence each.
    """

    version: int = MANIFEST_VERSION
    name: FileName
    benchmark: Benchmark
    metric: Metric
    feature_set: Name
    identity: FeatureSet | None = None
    dim: int = Field(ge=1)
    crops: int = Field(ge=1)
    stride: int = Field(default=SNIPPET_FRAMES, ge=1, le=MOST_STRIDE)
    fps: float | None = Field(default=None, ge=LEAST_FPS, le=MOST_FPS)
    content: str = ""
    norms: tuple[float, float, float] | None = None
    motion: bool = False
    object_classes: int = Field(default=0, ge=0)
    class_vectors: tuple[Name, ...] = ()
    class_vectors_sha256: str = ""
    videos: tuple[Video, ...]
    missing: tuple[FileName, ...] = ()
    notes: tuple[str, ...] = ()

    def split(self, name: Split) -> tuple[Video, ...]:
        """Return the videos of one split, in the manifest's order."""
        return tuple(video for video in self.videos if video.split == name)

    def width_in_words(self) -> str:
        """Say what a snippet's features are."""
        return f"{self.dim} dimensions x {count(self.crops, 'crop')}"

    def in_words(self) -> str:
        """Say in one line what the dataset holds."""
        train, test = self.split("train"), self.split("test")
        return (
            f"{self.name}: {len(train)} training videos ({sum(v.label for v in train)} abnormal), "
            f"{len(test)} test videos ({sum(v.label for v in test)} abnormal), "
            f"{self.width_in_words()}; "
            f"benchmark {self.benchmark}, metric {self.metric}, feature set {self.feature_set}"
        )

    @model_validator(mode="after")
    def _videos_are_sound(self) -> Self:
        names, rows = set(), 0
        for video in self.videos:
            if video.name in names:
                raise ValueError(f"video {video.name} is there twice")
            names.add(video.name)
            if video.first_row != rows:
                raise ValueError(f"the rows of video {video.name} do not follow those of the video before it")
            rows += video.rows
            if video.split == "test":
                _check_frames(video, self.stride)
        if there := sorted(names.intersection(self.missing)):
            raise ValueError(f"video {there[0]} is there, and listed as missing")
        return self

    @property
    def parts(self) -> dict[str, int]:
        """Sizes of the named parts of a feature vector, in order; empty where it is one whole."""
        return dict(self.identity.parts) if self.identity else {}

    @property
    def patch_grids(self) -> tuple[tuple[int, int], ...]:
        """Grids of patches of the frame, behind its usual crops: rows and columns of each."""
        return self._layout.grids if self._layout else ()

    @property
    def frame_crops(self) -> int:
        """How many crops are no patches."""
        return self._layout.crops if self._layout else self.crops

    @property
    def _layout(self) -> CropLayout | None:
        return self.identity.crop_layout if self.identity else None

    def train_hash(self, told: Collection[str] = ()) -> str:
        """Hash of all that training sees: features, pseudo-labels and video labels of the training videos.

        Parameters
        ----------
        told
            What a method is told besides, of `TOLD`.
        """
        videos = self.split("train")
        more: dict[str, object] = {
            "classes": sorted((v.name, v.classes) for v in videos),
            "class_vectors": (self.class_vectors, self.class_vectors_sha256),
            "parts": list(self.parts.items()),
            "patch_grids": self.patch_grids,
        }
        usual = self._hash("training", ((v.name, v.label, v.unit, v.sha256) for v in videos))
        return digest([usual, *(more[name] for name in sorted(told))]) if told else usual

    def test_hash(self) -> str:
        """Hash of all that an evaluation sees: features and labels of the test videos, and what they are judged by."""
        test = self.split("test")
        rows = ((v.name, v.label, v.classes, v.unit, v.frames, v.intervals, v.sha256) for v in test)
        return self._hash(self.metric, rows)

    def _hash(self, purpose: str, videos: Iterable[tuple[object, ...]]) -> str:
        parts = [purpose, self.feature_set, self.dim, self.crops, sorted(videos, key=lambda video: str(video[0]))]
        if self.stride != SNIPPET_FRAMES:  # hashes of older datasets know of no other
            parts.append(self.stride)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _check_frames(video: Video, stride: int) -> None:
    if video.frames is None:
        raise ValueError(f"test video {video.name} has no frame count")
    if video.unit != "snippets":
        raise ValueError(f"test video {video.name} consists of {video.unit}, which tell no frames apart")
    if not video.rows - 1 < video.frames / stride < video.rows + 2:  # one whole snippet at the end may be lost
        raise ValueError(f"{video.rows} snippets of test video {video.name} do not fit its {video.frames} frames")


_Content = dict[str, object]

# What makes a manifest of one version one of the next; the file itself is left as it is until the dataset is changed.
_MIGRATIONS: Mapping[int, Callable[[_Content], _Content]] = {
    # Identity, content and norms of the features came with version 2; of an older dataset none is known.
    1: lambda content: {**content, "identity": None, "content": "", "norms": None},
}


def _migrated(content: object) -> object:
    if not isinstance(content, dict):
        return content
    for version in range(_version(content), MANIFEST_VERSION):
        content = {**_MIGRATIONS[version](content), "version": version + 1}
    return content


def _version(content: _Content) -> int:
    version = content.get("version")
    return version if isinstance(version, int) and version in _MIGRATIONS else MANIFEST_VERSION


def read_manifest(folder: Path) -> Manifest:
    """Read `manifest.json` of a dataset folder, also one that an older version of the suite wrote.

    Raises
    ------
    InputError
        If the file is missing, is not a manifest, or was written by a newer version of the suite.
    """
    path = folder / "manifest.json"
    if not is_there(path):
        raise InputError(f"{folder}: no manifest.json there; import the dataset with `wvad data import`")
    try:
        content = parse_json(read_bytes(path))
    except ValueError as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); import the dataset again") from None
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > MANIFEST_VERSION:
        raise InputError(
            f"{path}: manifest version {version} is newer than this wvad-bench reads ({MANIFEST_VERSION}); update it"
        )
    try:
        return Manifest.model_validate_json(json.dumps(_migrated(content)))
    except ValidationError as error:
        raise InputError(f"{path}: not a valid manifest at {first_error(error)}; import the dataset again") from None


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write `manifest.json` into a dataset folder."""
    fields = Manifest.model_fields
    young = ("stride", "fps", "class_vectors", "class_vectors_sha256")  # older files lack them
    usual = {name for name in young if getattr(manifest, name) == fields[name].default}
    text = json.dumps(manifest.model_dump(mode="json", exclude=usual), indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
