"""What is known of the four benchmarks: videos per split, classes, frame totals, each with its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmark.datasets.manifest import Manifest
from benchmark.terms import USUAL_FPS, Benchmark, Split


class LabelledVideo(Protocol):
    """A video as annotated or as imported: what counting needs to know of it."""

    @property
    def split(self) -> Split:
        """Its split."""

    @property
    def label(self) -> int:
        """1 for abnormal, 0 for normal."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Its abnormal classes, where they are known."""


@dataclass(frozen=True)
class VideoCounts:
    """Numbers of normal and abnormal videos."""

    normal: int
    abnormal: int

    @property
    def total(self) -> int:
        """Number of videos."""
        return self.normal + self.abnormal


@dataclass(frozen=True)
class Official:
    """A benchmark's known numbers.

    Attributes
    ----------
    title
        How papers write its name.
    splits
        Videos of each split; empty where no official weakly-supervised split exists.
    videos
        Videos in all.
    classes
        Names of the abnormal classes; empty where none are official.
    test_frames, positive_frames
        Frames of the test videos by their true lengths, and how many are abnormal.
    totals
        Other numbers of test frames in circulation -> what they mean.
    fps
        Frames a second.
    """

    title: str
    splits: Mapping[Split, VideoCounts]
    videos: VideoCounts
    classes: frozenset[str]
    test_frames: int
    positive_frames: int
    totals: Mapping[int, str]
    fps: float


_UCF_CRIME_CLASSES = (
    "Abuse",
    "Arrest",
    "Arson",
    "Assault",
    "Burglary",
    "Explosion",
    "Fighting",
    "RoadAccidents",
    "Robbery",
    "Shooting",
    "Shoplifting",
    "Stealing",
    "Vandalism",
)

OFFICIAL: Mapping[Benchmark, Official] = {
    # Frame rates are the ones in common use for these benchmarks; none was read from the video files themselves.
    # Videos and classes: Sultani et al., CVPR 2018, section 4, and the authors' Anomaly_Train.txt and
    # Temporal_Anomaly_Annotation.txt. Frames: decoded lengths (header.csv of AnilOsmanTur/video_anomaly_diffusion);
    # positive: the annotation read as 1-based and inclusive, clipped to the video.
    "ucf-crime": Official(
        title="UCF-Crime",
        splits={"train": VideoCounts(800, 810), "test": VideoCounts(150, 140)},
        videos=VideoCounts(950, 950),
        classes=frozenset(_UCF_CRIME_CLASSES),
        test_frames=1_111_808,
        positive_frames=84_338,
        totals={
            1_109_680: "Roc-Ng's features: the last, incomplete snippet is dropped, and of nine videos whose length "
            "is a multiple of 16 a whole one",
            1_109_824: "every video cut to a multiple of 16 frames",
            1_114_144: "every video padded to a multiple of 16 frames",
        },
        fps=30,
    ),
    # Videos and classes: Wu et al., ECCV 2020, section 3. Frames: the labels published with PEL4VAD (xd-gt), equal
    # to those made from the authors' annotations.txt; the videos' last frames are cut to a multiple of 16.
    "xd-violence": Official(
        title="XD-Violence",
        splits={"train": VideoCounts(2049, 1905), "test": VideoCounts(300, 500)},
        videos=VideoCounts(2349, 2405),
        classes=frozenset(("fighting", "shooting", "riot", "abuse", "car accident", "explosion")),
        test_frames=2_330_384,
        positive_frames=537_805,
        totals={},
        fps=24,
    ),
    # Videos: Zhong et al., CVPR 2019, section 4.1, and the lists SH_Train.txt and SH_Test.txt. Frames: decoded
    # lengths (header.csv, as above) and the masks of the original ShanghaiTech release.
    "shanghaitech": Official(
        title="ShanghaiTech",
        splits={"train": VideoCounts(175, 63), "test": VideoCounts(155, 44)},
        videos=VideoCounts(330, 107),
        classes=frozenset(),
        test_frames=141_869,
        positive_frames=7_962,
        totals={
            142_912: "RTFM's gt-sh.npy: abnormal videos padded to a multiple of 16 frames, 8,028 positive",
            143_680: "every video padded to a multiple of 16 frames, 8,028 positive",
            143_888: "every video padded to a multiple of 16 frames, those of such a length by 16 more",
            140_704: "every video cut to a multiple of 16 frames",
        },
        fps=24,
    ),
    # Videos: Lu et al., ICCV 2013, section 4.2. Frames: the authors' masks of the 21 testing videos.
    "avenue": Official(
        title="Avenue",
        splits={},
        videos=VideoCounts(16, 21),
        classes=frozenset(),
        test_frames=15_324,
        positive_frames=3_712,
        totals={15_152: "every video cut to a multiple of 16 frames", 15_488: "every video padded to one"},
        fps=25,
    ),
}


@dataclass(frozen=True)
class FrameRate:
    """Frames a second of a dataset's videos, and whether they are assumed: nobody has stated them of this dataset."""

    fps: float
    assumed: bool


def frame_rate(manifest: Manifest) -> FrameRate:
    """Return the frame rate that a manifest states, else that of its benchmark, else 30: both are assumed then."""
    if manifest.fps is not None:
        return FrameRate(manifest.fps, assumed=False)
    official = OFFICIAL.get(manifest.benchmark)
    return FrameRate(official.fps if official else USUAL_FPS, assumed=True)


def rate_note(benchmark: Benchmark, fps: float | None) -> str:
    """Say in a sentence which frame rate an import takes, and why.

    Parameters
    ----------
    fps
        What was asked for, if anything was.
    """
    if fps is not None:
        return f"Frame rate: {fps:g} per second, as given."
    if official := OFFICIAL.get(benchmark):
        return f"Frame rate: {official.fps:g} per second, that of {official.title}; --fps says another."
    return (
        f"Frame rate not known: {USUAL_FPS:g} per second are assumed where alarms are counted per hour; --fps says it."
    )


def official_notes(benchmark: Benchmark, videos: Iterable[LabelledVideo], missing: Collection[str] = ()) -> list[str]:
    """Compare the annotated videos with the official ones, one sentence each; differences are no error.

    Parameters
    ----------
    videos
        All annotated videos, those in `missing` too.
    missing
        Names of annotated videos that have no features.

    Returns
    -------
    Nothing for a benchmark without official numbers.
    """
    official = OFFICIAL.get(benchmark)
    if official is None:
        return []
    videos = tuple(videos)
    wanted = _counts_of(official.splits, official.videos)
    found = _counts_of({split: count_videos(videos, split) for split in official.splits}, count_videos(videos))
    if wanted == found:
        without = f", {len(missing):,} of them without features, as listed" if missing else ""
        notes = [f"Official counts of {official.title}: {wanted}: all annotated{without}."]
    else:
        notes = [f"WARNING: official counts of {official.title} are {wanted}; annotated here are {found}."]
    classes = Counter(name for video in videos for name in video.classes)
    unknown = {name: count for name, count in sorted(classes.items()) if name not in official.classes}
    if official.classes and unknown:
        listed = ", ".join(f"{name} ({count} videos)" for name, count in unknown.items())
        notes.append(f"WARNING: these are no classes of {official.title}: {listed}.")
    return notes


def count_videos(videos: Iterable[LabelledVideo], split: Split | None = None) -> VideoCounts:
    """Count the videos of one split, or of both."""
    labels = [video.label for video in videos if split in (None, video.split)]
    return VideoCounts(labels.count(0), labels.count(1))


def _counts_of(splits: Mapping[Split, VideoCounts], videos: VideoCounts) -> str:
    if not splits:
        return (
            f"{videos.total:,} videos ({videos.normal:,} normal + {videos.abnormal:,} abnormal), without an official "
            "weakly-supervised split"
        )
    train, test = splits["train"], splits["test"]
    return (
        f"{train.total:,} training ({train.normal:,} normal + {train.abnormal:,} abnormal) and {test.total:,} test "
        f"videos ({test.normal:,} + {test.abnormal:,})"
    )


def official_totals(manifest: Manifest) -> list[str]:
    """Compare an imported dataset's test frames with the official ones, and name known totals, one sentence each.

    Avenue's are those of its abnormal videos, in whichever split they are.
    """
    official = OFFICIAL.get(manifest.benchmark)
    if official is None:
        return []
    videos = manifest.split("test") if official.splits else tuple(video for video in manifest.videos if video.label)
    frames = [video.frames for video in videos if video.frames is not None]
    if not frames:
        return []
    wanted = official.splits["test"] if official.splits else VideoCounts(0, official.videos.abnormal)
    whose = "test videos" if official.splits else "abnormal videos"
    positive = sum(end - start for video in videos for start, end in video.intervals)
    notes = [
        f"Official frames of the {wanted.total:,} {whose} of {official.title}: {official.test_frames:,}, "
        f"{official.positive_frames:,} of them positive; here, of {len(frames):,}: {sum(frames):,}"
        + (f", {positive:,} of them positive." if official.splits else ".")
    ]
    snippet_frames = sum(video.rows for video in videos if video.unit == "snippets") * manifest.stride
    for total, what in {sum(frames): "Frames", snippet_frames: f"{manifest.stride} x snippets"}.items():
        if meaning := official.totals.get(total):
            notes.append(f"{what} of these videos are {total:,}, a known total: {meaning}.")
    return notes
