"""The first pass of an import: what names, headers and annotations tell of each video, brought together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.importing.annotations import AnnotatedVideo, Annotations, Interval
from benchmark.importing.feature_files.video_features import VideoFeatures
from benchmark.importing.matching import clip_intervals
from benchmark.importing.strides import PUBLISHED_SEGMENTS, are_segments, fits, fitting_strides, is_short
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, RowUnit, TestTail

_SHOWN = 10


@dataclass(frozen=True)
class PlannedVideo:
    """A video that is ready to be written.

    Attributes
    ----------
    unit
        What a stored row is.
    rows
        Number of stored rows; where the features have more, their means are stored.
    frames
        Its number of frames, None where it is not known (training videos only).
    frames_assumed
        Whether that is only the stride x its snippets.
    intervals
        Abnormal frames of a test video, as the manifest holds them.
    clipped
        Number of frames that were cut off the intervals.
    padded
        Whether frames were added, with the last label repeated, to fill the last snippet.
    """

    annotation: AnnotatedVideo
    files: VideoFeatures
    unit: RowUnit
    rows: int
    frames: int | None
    frames_assumed: bool
    intervals: tuple[Interval, ...]
    clipped: int
    padded: bool = False

    @property
    def name(self) -> str:
        """The video's name."""
        return self.annotation.name

    @property
    def averaged(self) -> bool:
        """Whether the stored rows are means of the features' rows."""
        return self.rows != self.files.shape[0]


def plan_videos(
    features: Mapping[str, VideoFeatures],
    annotations: Annotations,
    frames: Mapping[str, int | None],
    train_unit: RowUnit | None,
    train_segments: int | None = None,
    tail: TestTail = "cut",
    stride: int = SNIPPET_FRAMES,
) -> list[PlannedVideo]:
    """Bring features, annotations and frame counts together.

    Parameters
    ----------
    features
        Annotated name -> the video's features.
    frames
        Frame counts by the videos' names, where they are known.
    train_unit
        What a row of the training videos is; None to find out.
    train_segments
        Number of segments to store training videos as; None to store them as they come.
    tail
        What the last snippet of a test video stands for.
    stride
        Number of frames that a snippet stands for.

    Returns
    -------
    videos
        Training videos, then test videos, each by name.

    Raises
    ------
    InputError
        If a video's snippets do not fit its frames, or an interval does not fit the video.
    """
    known = [annotations.videos[name] for name in features]
    known.sort(key=lambda video: (video.split == "test", video.name))
    if train_unit is None:
        train = [video.name for video in known if video.split == "train"]
        segmented = are_segments([features[name].shape[0] for name in train], [frames[name] for name in train], stride)
        train_unit = "segments" if segmented else "snippets"
    checked = [video.name for video in known if video.split == "test" or train_unit == "snippets"]
    _check_rows({name: features[name] for name in checked}, frames, stride)
    return [
        _plan_train(video, features[video.name], frames[video.name], train_unit, train_segments)
        if video.split == "train"
        else _plan_test(video, features[video.name], frames[video.name], tail, stride)
        for video in known
    ]


def frames_of(videos: Iterable[AnnotatedVideo], counts: Mapping[str, int]) -> dict[str, int | None]:
    """Return the videos' frame counts by name, as annotated or as `frames.csv` has them, None where neither says.

    Raises
    ------
    InputError
        If the two differ.
    """
    frames: dict[str, int | None] = {}
    for video in videos:
        listed = counts.get(video.name)
        if video.frames is not None and listed is not None and video.frames != listed:
            raise InputError(f"{video.name}: {video.frames} frames as annotated, {listed} in frames.csv; correct one")
        frames[video.name] = video.frames if listed is None else listed
    return frames


def notes_on(videos: Sequence[PlannedVideo], stride: int) -> list[str]:
    """Say what was found and done, one sentence each."""
    notes = []
    if averaged := {video.rows for video in videos if video.averaged}:
        notes.append(f"Training videos are stored as {averaged.pop()} segments each; test videos as snippets.")
    elif segmented := {video.rows for video in videos if video.unit == "segments"}:
        lengths = " to ".join(str(rows) for rows in sorted({min(segmented), max(segmented)}))
        notes.append(f"Training videos are segmented already, {lengths} segments each; test videos are snippets.")
    if moved := sum(video.files.folder_split not in (None, video.annotation.split) for video in videos):
        notes.append(f"{moved} videos lie in the other split's folder; the annotation decides.")
    if assumed := sum(video.frames_assumed for video in videos):
        notes.append(
            f"WARNING: no frame count for {assumed} of the test videos; {stride} x their snippets is taken. "
            "If another number of frames falls on a row, the labels are displaced: give frames.csv or --stride."
        )
    if clipped := [video for video in videos if video.clipped]:
        notes.append(
            f"Intervals of {len(clipped)} videos end beyond the video by up to a snippet and were clipped, "
            f"{sum(video.clipped for video in clipped)} frames in all: "
            f"{_some([video.name for video in clipped])}."
        )
    notes += [_tail_note(videos, stride), _segments_note(videos, stride)]
    snippets = [video for video in videos if video.unit == "snippets" and video.frames is not None]
    if short := sum(is_short(video.rows, video.frames or 0, stride) for video in snippets):
        notes.append(f"{short} videos are one snippet short.")
    if ignored := sum(bool(video.annotation.intervals) and not video.intervals for video in videos):
        notes.append(f"Intervals of {ignored} training videos were not used.")
    return notes


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _tail_note(videos: Sequence[PlannedVideo], stride: int) -> str:
    """Say what becomes of frames that do not fill a snippet."""
    tests = [video for video in videos if video.annotation.split == "test"]
    unscored = sum(max(0, (video.frames or 0) - video.rows * stride) for video in tests)
    said = f"{unscored} frames after a test video's last snippet have no score and are not counted." if unscored else ""
    if padded := sum(video.padded for video in tests):
        said = f"{padded} test videos end with a whole snippet, their last label repeated. {said}".rstrip()
    return said


def missing_note(missing: Iterable[str], annotations: Annotations) -> str:
    """Say how many annotated videos have no features, by split."""
    splits = Counter(annotations.videos[name].split for name in missing)
    parts = " and ".join(f"{splits[split]} {split}" for split in ("train", "test") if splits[split])
    return f"No features of {splits.total()} annotated videos, as listed: {parts}."


def _plan_train(
    video: AnnotatedVideo, files: VideoFeatures, frames: int | None, unit: RowUnit, segments: int | None
) -> PlannedVideo:
    stored: RowUnit = unit if segments is None else "segments"
    return PlannedVideo(
        video, files, stored, segments or files.shape[0], frames, frames_assumed=False, intervals=(), clipped=0
    )


def _plan_test(
    video: AnnotatedVideo, files: VideoFeatures, known: int | None, tail: TestTail, stride: int
) -> PlannedVideo:
    rows = files.shape[0]
    frames = rows * stride if known is None else known
    intervals, clipped = clip_intervals(video.name, video.intervals, frames, stride)
    padded = tail == "pad" and rows * stride > frames
    if padded:
        intervals = tuple((start, rows * stride if end == frames else end) for start, end in intervals)
        frames = rows * stride
    return PlannedVideo(video, files, "snippets", rows, frames, known is None, intervals, clipped, padded)


def _segments_note(videos: Sequence[PlannedVideo], stride: int) -> str:
    """Warn where test videos look like segments, of which no frame can be told."""
    tests = [video for video in videos if video.annotation.split == "test"]
    known = [None if video.frames_assumed else video.frames for video in tests]
    if len(tests) > 1 and are_segments([video.rows for video in tests], known, stride):
        return (
            f"WARNING: every test video has {tests[0].rows} rows. If these are segments of whole videos, no result on "
            "them means anything, as they do not tell frames apart: extract the snippets."
        )
    return ""


def _check_rows(videos: Mapping[str, VideoFeatures], frames: Mapping[str, int | None], stride: int) -> None:
    """Refuse videos whose rows do not fit their frames, and name the strides that all of them fit."""
    known = {name: (files.shape[0], count) for name, files in videos.items() if (count := frames[name]) is not None}
    name = next((name for name, (rows, count) in known.items() if not fits(rows, count, stride)), None)
    if name is None:
        return
    rows, count = known[name]
    floor, ceiling = count // stride, -(-count // stride)
    expected = f"{floor} or {ceiling}" if floor != ceiling else f"{floor}"
    raise InputError(
        f"{name}: {rows} snippets in {videos[name].place} do not fit {count} frames, which make {expected}; "
        + _advised_stride(list(known.values()))
        + "correct the features or the frame count"
        + ("; segments of a whole video cannot be tested on" if rows == PUBLISHED_SEGMENTS else "")
    )


def _advised_stride(videos: Sequence[tuple[int, int]]) -> str:
    strides = fitting_strides(videos) if len(videos) > 1 else []
    if not strides:
        return ""
    usual = [stride for stride in strides if stride % 8 == 0] or strides
    others = f" ({strides[0]} to {strides[-1]} would fit)" if len(strides) > 1 else ""
    return (
        f"{usual[0]} frames fall on a row in all {len(videos)} videos{others}: if it is so, import with "
        f"--stride {usual[0]}, else "
    )
