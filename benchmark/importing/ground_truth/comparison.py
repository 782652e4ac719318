"""Ground truth from elsewhere beside a dataset's: which videos differ, by how many frames, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.manifest import Manifest
from benchmark.datasets.video_names import video_name
from benchmark.importing.ground_truth.division import divide_array, find_video
from benchmark.importing.ground_truth.offsets import Offset, different, find_offset, without_start
from benchmark.importing.ground_truth.reasons import Reason, find_reasons
from benchmark.importing.ground_truth.sources import Labels, OneArray, PerVideo, read_ground_truth
from benchmark.importing.ground_truth.truth import Truth, describe_lengths, truth_of, uniform_rules
from benchmark.system.errors import InputError


@dataclass(frozen=True)
class ComparedVideo:
    """A video's labels elsewhere beside the dataset's.

    Attributes
    ----------
    frames, positive
        Frames there, and how many of them are abnormal.
    different
        Frames whose label is not the dataset's; those beyond the video's last frame are expected to repeat its label.
    reason
        Why; None if none differ.
    """

    truth: Truth
    frames: int
    positive: int
    different: int
    reason: Reason | None


@dataclass(frozen=True)
class Comparison:
    """Everything that `compare_ground_truth` finds.

    Attributes
    ----------
    source
        What was read, one sentence.
    aligned
        Whether the lengths of the videos' parts had to be found by aligning labels.
    offset
        As many frames of every video that are missing there, or more; None where there is no such rule.
    videos
        Videos whose frame labels both have.
    skipped
        Videos of the source whose frame labels the dataset does not keep: abnormal training videos.
    absent
        Test videos that the source does not have.
    unknown
        Names in the source that the dataset does not have.
    """

    source: str
    aligned: bool
    offset: Offset | None
    videos: tuple[ComparedVideo, ...]
    skipped: tuple[str, ...]
    absent: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def equal(self) -> int:
        """Number of videos whose labels do not differ."""
        return sum(not video.different for video in self.videos)

    def lines(self) -> list[str]:
        """Return the comparison as plain lines."""
        here = [video.truth for video in self.videos]
        positive_here = sum(end - start for truth in here for start, end in truth.intervals or ())
        lines = [
            self.source,
            f"  there: {sum(video.frames for video in self.videos):,} frames of {len(here):,} videos, "
            f"{sum(video.positive for video in self.videos):,} abnormal; "
            f"here: {sum(truth.frames for truth in here):,} frames, {positive_here:,} abnormal",
            f"  lengths there: {self._lengths()}",
            f"  equal: {self.equal:,} of {len(here):,} videos (frames after a video's last repeat its last label)",
        ]
        lines += self._differences()
        for what, names in (
            ("not compared, as the dataset keeps no frame labels of training videos", self.skipped),
            ("test videos that are not there", self.absent),
            ("there, but not in the dataset", self.unknown),
        ):
            if names:
                lines.append(f"  {what}: {len(names):,} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})")
        return lines

    def _lengths(self) -> str:
        if self.offset is not None:
            return str(self.offset)
        if not self.aligned:
            return describe_lengths([video.truth for video in self.videos], [video.frames for video in self.videos])
        abnormal = [video for video in self.videos if video.truth.intervals]
        rule = describe_lengths([video.truth for video in abnormal], [video.frames for video in abnormal])
        normal = sum(video.frames for video in self.videos if not video.truth.intervals)
        return (
            f"no rule for all videos, so found by aligning the labels; abnormal videos: {rule}; normal videos, whose "
            f"parts look alike: {normal:,} frames in all"
        )

    def _differences(self) -> list[str]:
        """Return one line per reason, those of the most videos first, with all its videos."""
        alike: dict[str, list[ComparedVideo]] = {}
        for video in self.videos:
            if video.reason is not None:
                alike.setdefault(video.reason.kind, []).append(video)
        different = sum(video.different for video in self.videos)
        lines = [f"  different: {_videos(len(self.videos) - self.equal)}, {different:,} frames"] if alike else []
        for kind, videos in sorted(alike.items(), key=lambda item: -len(item[1])):
            frames = sum(video.different for video in videos)
            lines.append(f"    {kind}: {_videos(len(videos))}, {frames:,} frames: {', '.join(map(_name, videos))}")
        return lines


def compare_ground_truth(manifest: Manifest, path: Path, order: Path | None = None) -> Comparison:
    """Compare ground truth from elsewhere with a dataset's frame labels; it is never taken over.

    Parameters
    ----------
    path
        One array of all videos' frames, a folder of an array per video, or S3R's JSON file.
    order
        A list of videos or feature files in the order of one array; None to find it.

    Raises
    ------
    InputError
        If a file cannot be read or is no ground truth, an array's order or its parts cannot be told, or no video is
        the dataset's.
    """
    source = read_ground_truth(path)
    truths = {video.name: truth for video in manifest.videos if (truth := truth_of(video, manifest.stride))}
    if isinstance(source, OneArray):
        said, parts, ruled, offset = divide_array(source, manifest, truths, order)
        unknown: list[str] = []
    else:
        said, ruled, offset = f"{path.name}: labels of {len(source.labels):,} videos.", True, None
        parts, unknown = _match(source, [video.name for video in manifest.videos])
    if not parts:
        raise InputError(f"{path}: none of its videos is in {manifest.name}; is it of another benchmark?")
    known = {name: truths[name] for name in parts if name in truths and truths[name].intervals is not None}
    pairs = [(truth, parts[name]) for name, truth in known.items()]
    if isinstance(source, PerVideo):
        offset = _offset_of(pairs)
    return Comparison(
        source=said,
        aligned=not ruled,
        offset=offset,
        videos=_compare(pairs, offset.start if offset else 0),
        skipped=tuple(name for name in parts if name not in known),
        absent=tuple(video.name for video in manifest.split("test") if video.name not in parts),
        unknown=tuple(unknown),
    )


def _match(source: PerVideo, names: Sequence[str]) -> tuple[dict[str, Labels], list[str]]:
    """Find the video that each name in the source means, and the names that mean none."""
    parts: dict[str, Labels] = {}
    unknown = []
    known = set(names)
    for entry, labels in source.labels.items():
        name = find_video(video_name(entry), known)
        if name is None:
            unknown.append(entry)
        elif name in parts:
            raise InputError(f"{name}: labels of this video are twice in {source.path}, again as {entry}; keep one")
        else:
            parts[name] = labels
    return parts, unknown


def _offset_of(pairs: Sequence[tuple[Truth, Labels]]) -> Offset | None:
    """Find a constant offset of arrays per video, unless another rule gives all lengths and labels."""
    truths, parts = [truth for truth, _ in pairs], [labels for _, labels in pairs]
    lengths = tuple(map(len, parts))
    ruled = any(lengths == ruled for _, ruled in uniform_rules(truths))
    if not pairs or (ruled and not any(different(truth, labels) for truth, labels in pairs)):
        return None
    return find_offset(truths, parts)


def _compare(pairs: Sequence[tuple[Truth, Labels]], start: int) -> tuple[ComparedVideo, ...]:
    """Compare the videos, of which so many first frames are missing there.

    Of several reasons that fit a video, the one that fits the most videos is given.
    """
    seen = [(without_start(truth, start), labels) for truth, labels in pairs]
    counts = [different(truth, labels) for truth, labels in seen]
    reasons = [
        find_reasons(truth, labels) if count else [] for (truth, labels), count in zip(seen, counts, strict=True)
    ]
    fits = Counter(reason.kind for found in reasons for reason in found)
    return tuple(
        ComparedVideo(
            truth, len(labels), int(labels.sum()), count, max(found, key=lambda reason: fits[reason.kind], default=None)
        )
        for (truth, labels), count, found in zip(pairs, counts, reasons, strict=True)
    )


def _name(video: ComparedVideo) -> str:
    detail = f"; {video.reason.detail}" if video.reason and video.reason.detail else ""
    return f"{video.truth.name} ({video.different:,}{detail})"


def _videos(count: int) -> str:
    return f"{count:,} video{'s' if count != 1 else ''}"
