"""What a dataset holds, counted from its files: the report of `wvad data check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import rows_sha256
from benchmark.datasets.dataset import VECTORS, Dataset
from benchmark.datasets.labels import pair_with_labels, unscored_frames
from benchmark.datasets.manifest import Manifest, Video
from benchmark.datasets.official import frame_rate, official_totals
from benchmark.metrics.frame import test_metrics
from benchmark.metrics.undefined import undefined, why_undefined
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, Split


@dataclass(frozen=True)
class SplitReport:
    """Counts of one split.

    Attributes
    ----------
    classes
        Abnormal class -> number of videos; a video of several classes counts in each.
    unit
        What a row is, ``snippets`` or ``segments``.
    rows
        Number of rows, and the least, median and greatest of a video.
    frames
        Number of frames; None if it is not known of every video.
    positive_frames, unscored_frames
        Test split only: abnormal frames, and frames after the last snippet, which have no score.
    """

    split: Split
    videos: int
    normal: int
    abnormal: int
    classes: dict[str, int]
    unit: str
    rows: int
    rows_per_video: tuple[int, float, int]
    frames: int | None
    positive_frames: int
    unscored_frames: int


@dataclass(frozen=True)
class Range:
    """Least, median and greatest finite value of one per row (and crop), and how many are not finite."""

    least: float
    median: float
    greatest: float
    not_finite: int


@dataclass(frozen=True)
class DatasetReport:
    """Everything that `check_dataset` finds.

    Attributes
    ----------
    norms
        Euclidean norm of the features, per row and crop.
    motion, objects
        Motion intensity, and the highest object score, per row; None without them.
    vector_size
        Size of the vector of each class; None without them.
    damaged
        Videos whose stored rows do not have the manifest's hash, and the file of class vectors, if they do not.
    """

    manifest: Manifest
    splits: tuple[SplitReport, SplitReport]
    norms: Range
    motion: Range | None
    objects: Range | None
    vector_size: int | None
    damaged: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether the stored rows are finite and as they were imported."""
        ranges = [found for found in (self.norms, self.motion, self.objects) if found is not None]
        return not self.damaged and not any(found.not_finite for found in ranges)

    def lines(self) -> list[str]:
        """Return the report as plain lines."""
        m = self.manifest
        stride = "" if m.stride == SNIPPET_FRAMES else f", every {m.stride} frames"
        lines = [
            f"{m.name}: benchmark {m.benchmark}, metric {m.metric}, feature set {m.feature_set}",
            f"  features: {m.width_in_words()}{stride}; norm {_range(self.norms)}; "
            f"content {m.content[:12] or 'not known'}",
            f"  motion: {_range(self.motion)}" if self.motion else "  motion: none",
            f"  objects: {m.object_classes} classes; highest score of a row {_range(self.objects)}"
            if self.objects
            else "  objects: none",
        ]
        rate = frame_rate(m)
        assumed = " (assumed; `wvad data add --fps` says it)" if rate.assumed else ""
        lines.append(f"  frame rate: {rate.fps:g} per second{assumed}")
        if m.class_vectors:
            size = "damaged" if self.vector_size is None else f"{self.vector_size} dimensions"
            lines.append(f"  class vectors: {', '.join(m.class_vectors)}; {size}")
        for split in self.splits:
            lines += _split_lines(split)
        shown = ", ".join(m.missing[:5]) + (", ..." if len(m.missing) > 5 else "")
        lines += [f"  {found}" for found in (*official_totals(m), describe_rounding(m.videos, m.stride)) if found]
        lines.append(f"  missing: {len(m.missing)} annotated videos{f' ({shown})' if shown else ''}")
        lines += [f"  WARNING: {line}" for line in shortcomings(m)]
        lines += [f"  note: {note}" for note in m.notes]
        lines += [f"  DAMAGED: {name} is not as it was imported; import the dataset again" for name in self.damaged]
        return lines


def check_dataset(dataset: Dataset, progress: Progress = lambda done, total: None) -> DatasetReport:
    """Read a dataset through, a video at a time, and count what it holds.

    Parameters
    ----------
    progress
        Called with (videos done, videos) after each video.
    """
    m = dataset.manifest
    norms: list[NDArray[Any]] = []
    motions: list[NDArray[Any]] = []
    highest: list[NDArray[Any]] = []
    damaged = []
    for done, video in enumerate(m.videos, start=1):
        features, motion, objects = dataset.features(video), dataset.motion(video), dataset.objects(video)
        if not is_as_imported(dataset, video):
            damaged.append(video.name)
        norms += [np.linalg.norm(features[:, crop].astype(np.float32), axis=1) for crop in range(m.crops)]
        if motion is not None:
            motions.append(motion)
        if objects is not None:
            highest.append(objects.max(axis=1))
        progress(done, len(m.videos))
    size = None
    if m.class_vectors:
        try:
            size = dataset.class_vectors().shape[1]
        except InputError:
            damaged.append(VECTORS)
    return DatasetReport(
        manifest=m,
        splits=(_count("train", m.split("train"), m.stride), _count("test", m.split("test"), m.stride)),
        norms=_spread(norms),
        motion=_spread(motions) if m.motion else None,
        objects=_spread(highest) if m.object_classes else None,
        vector_size=size,
        damaged=tuple(damaged),
    )


def missing_videos(manifest: Manifest) -> list[str]:
    """Say which kinds of videos a dataset lacks that a method is trained and tested on."""
    lacks = [
        f"{manifest.name} has no {word} training video"
        for label, word in ((0, "normal"), (1, "abnormal"))
        if all(video.label != label for video in manifest.split("train"))
    ]
    return lacks if manifest.split("test") else [*lacks, f"{manifest.name} has no test video"]


def shortcomings(manifest: Manifest) -> list[str]:
    """Say what cannot be done with a dataset: trained on for lack of videos, or judged by some metrics."""
    lines = [f"{line}: nothing can be trained on it until it has one" for line in missing_videos(manifest)]
    if manifest.split("test"):
        scores = {video.name: np.zeros(video.rows, np.float32) for video in manifest.split("test")}
        # What is defined depends on the labels alone.
        why = why_undefined(undefined(test_metrics(pair_with_labels(manifest, scores))), manifest.name)
        lines += [f"some metrics are {why}"] if why else []
    return lines


def is_as_imported(dataset: Dataset, video: Video) -> bool:
    """Return whether the stored rows of a video have the manifest's hash."""
    return rows_sha256(dataset.arrays(video).values()) == video.sha256


def _count(split: Split, videos: Sequence[Video], stride: int) -> SplitReport:
    rows = [video.rows for video in videos]
    frames = [video.frames for video in videos if video.frames is not None]
    test = videos if split == "test" else ()
    return SplitReport(
        split=split,
        videos=len(videos),
        normal=sum(not video.label for video in videos),
        abnormal=sum(video.label for video in videos),
        classes=dict(sorted(Counter(name for video in videos for name in video.classes).items())),
        unit=" and ".join(sorted({video.unit for video in videos})) or "rows",
        rows=sum(rows),
        rows_per_video=(min(rows), float(np.median(rows)), max(rows)) if rows else (0, 0.0, 0),
        frames=sum(frames) if len(frames) == len(videos) else None,
        positive_frames=sum(end - start for video in test for start, end in video.intervals),
        unscored_frames=sum(unscored_frames(video, stride) for video in test),
    )


def _spread(parts: Sequence[NDArray[Any]]) -> Range:
    values = np.concatenate(parts).astype(np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Range(np.nan, np.nan, np.nan, len(values))
    least, median, greatest = np.percentile(finite, (0, 50, 100))
    return Range(float(least), float(median), float(greatest), len(values) - len(finite))


def _range(found: Range) -> str:
    text = f"{found.least:.4g} / {found.median:.4g} / {found.greatest:.4g} (min / median / max)"
    return text + (f", {found.not_finite} NaN OR INFINITE" if found.not_finite else "")


def _split_lines(split: SplitReport) -> list[str]:
    least, median, greatest = split.rows_per_video
    frames = "frames not all known" if split.frames is None else f"{split.frames:,} frames"
    if split.split == "test":
        frames += f", {split.positive_frames:,} of them positive"
    lines = [
        f"  {split.split}: {split.videos:,} videos ({split.normal:,} normal + {split.abnormal:,} abnormal)",
        f"    {split.rows:,} {split.unit} ({least} / {median:g} / {greatest} per video), {frames}",
    ]
    if split.unscored_frames:
        lines.append(f"    {split.unscored_frames:,} frames after a video's last snippet are not scored")
    if split.classes:
        lines.append("    " + ", ".join(f"{name} {count}" for name, count in split.classes.items()))
    return lines


_Fate = Literal["kept", "dropped", "short", "whole", "whole short"]

_VERDICTS: tuple[tuple[frozenset[_Fate], str], ...] = (
    (frozenset({"whole"}), "cannot be told, as all lengths are multiples of {stride}"),
    (frozenset({"kept", "whole"}), "up (ceil)"),
    (frozenset({"dropped", "whole"}), "down (floor)"),
    (
        frozenset({"dropped", "whole short"}),
        "down, and a multiple of {stride} loses a snippet (as in Roc-Ng's features)",
    ),
    (frozenset({"short", "whole short"}), "down, and every video is a snippet short"),
)


def describe_rounding(videos: Iterable[Video], stride: int) -> str:
    """Say in one sentence what became of the videos' last snippets, which frames may not fill.

    Only videos whose rows are snippets and whose frames are known tell; the sentence is empty if there are none.
    """
    fates: Counter[_Fate] = Counter(
        _fate(video.rows, video.frames, stride)
        for video in videos
        if video.unit == "snippets" and video.frames is not None
    )
    if not fates:
        return ""
    verdict = next((text for possible, text in _VERDICTS if fates.keys() <= possible), "mixed").format(stride=stride)
    if fates.keys() == {"whole"}:
        return f"Rounding of frames to snippets: {verdict}."
    whole = fates["whole"] + fates["whole short"]
    return (
        f"Rounding of frames to snippets: {verdict}; an incomplete last snippet is kept in {fates['kept']:,} videos, "
        f"dropped in {fates['dropped']:,}, and a whole one with it in {fates['short']:,}; "
        f"of {whole:,} videos of a multiple of {stride} frames, {fates['whole short']:,} lack the last snippet."
    )


def _fate(rows: int, frames: int, stride: int) -> _Fate:
    """Return what became of a video's last snippet."""
    full, rest = divmod(frames, stride)
    if not rest:
        return "whole" if rows == full else "whole short"
    return "kept" if rows > full else "dropped" if rows == full else "short"
