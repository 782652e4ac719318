"""Ways in which people write annotations down: what is read is read as meant, or refused."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from benchmark.importing.annotations import read_annotations
from benchmark.importing.matching import match_features

from .generator import Generator, Outcome, made

# Words around the edges, by what people mean by them.
CLASSES = (
    [
        "Normal",
        "normal_traffic",
        "NormalVideos",
        "no_anomaly",
        "NonViolence",
        "Training_Normal_Videos_Anomaly",
        "Regular",
    ],
    ["Abnormal", "abnormal_behaviour", "Anomaly", "Anormal", "UnNormal", "Fighting", "RoadAccidents", "paranormal"],
)
_SPLITS = {
    "train": ["train", "Train", "training", "SH_Train_new", "rgbtrain", "latest_train", "contest-training"],
    "test": ["test", "Test", "testing", "SH_Test_NEW", "RGBTest", "latest-rgbtest", "test_normalv3"],
}
_ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
_SIGNS = st.sampled_from(["  ", " ", "\t", ",", ";"])
_NAMES = ["gate_1", "lobby.2", "cam 3", "latest", "normal_4", "abnormal_5", "01_006", "01_0007", "test8", "9"]

Files = dict[str, bytes | np.ndarray[Any, Any]]
"""Their names and contents."""


@dataclass(frozen=True)
class Meant:
    """A video as meant; training videos have no intervals."""

    name: str
    split: str
    label: int
    frames: int
    intervals: tuple[tuple[int, int], ...]


@st.composite
def videos(draw: st.DrawFn) -> list[Meant]:
    """Draw a normal and an abnormal video of each split, and some more."""
    names = draw(st.permutations(_NAMES))
    kinds = [("train", 0), ("train", 1), ("test", 0), ("test", 1)]
    kinds += draw(st.lists(st.sampled_from(kinds), max_size=4))
    drawn = []
    for name, (split, label) in zip(names, kinds, strict=False):
        frames, start = draw(st.integers(40, 90)), draw(st.integers(0, 20))
        intervals = ((start, draw(st.integers(21, 40))),) if label and split == "test" else ()
        drawn.append(Meant(name, split, label, frames, intervals))
    return drawn


@st.composite
def ucf_files(draw: st.DrawFn, meant: Sequence[Meant]) -> dict[str, bytes]:
    """Draw the two files of UCF-Crime's form, with counts in one of their places, or without."""
    sign, encoding = draw(_SIGNS), draw(_ENCODINGS)
    place, counted = draw(st.sampled_from(["", "before", "first", "last"])), draw(st.booleans())
    ending = draw(st.sampled_from([".mp4", ".avi", ""]))
    train, test = "", ""
    for video in meant:
        category = draw(st.sampled_from(CLASSES[video.label]))
        if video.split == "train":
            train += f"{category}/{video.name}{ending}" + (f"{sign}{video.frames}" if counted else "") + "\n"
        else:
            pairs = [number for start, end in video.intervals for number in (start + 1, end)] or [-1, -1]
            count = {place: [video.frames]} if place else {}
            words = [*count.get("before", []), category, *count.get("first", []), *pairs, *count.get("last", [])]
            test += sign.join([f"{video.name}{ending}", *map(str, words)]) + "\n"
    return {
        draw(st.sampled_from(["Anomaly_Train.txt", *(f"{n}.txt" for n in _SPLITS["train"])])): train.encode(encoding),
        draw(st.sampled_from(["Temporal_Anomaly_Annotation.txt", "mine.txt", "Test_Annotation.txt"])): test.encode(
            encoding
        ),
    }


@st.composite
def mask_files(draw: st.DrawFn, meant: Sequence[Meant]) -> Files:
    """Draw ShanghaiTech's lists, with labels and counts behind the names or not, and masks of all videos or of some."""
    sign, labelled, counted = draw(_SIGNS), draw(st.booleans()), draw(st.booleans())
    lists = {"train": "", "test": ""}
    files: Files = {}
    masked = draw(st.sampled_from(["abnormal", "test", "all"]))
    value = draw(st.sampled_from([1, 255]))
    for video in meant:
        words = [video.name, *([video.label] if labelled else []), *([video.frames] if counted and labelled else [])]
        lists[video.split] += sign.join(map(str, words)) + "\n"
        if video.label or masked == "all" or (masked == "test" and video.split == "test"):
            mask = np.zeros(video.frames, np.uint8)
            for start, end in video.intervals or ([(0, 9)] if video.label else []):
                mask[start:end] = value
            files[f"test_frame_mask/{video.name}.npy"] = mask
    for split, text in lists.items():
        name = draw(st.sampled_from(["SH_Train" if split == "train" else "SH_Test", *_SPLITS[split]]))
        files[f"{name}.txt"] = text.encode(draw(_ENCODINGS))
    return files


@st.composite
def json_files(draw: st.DrawFn, meant: Sequence[Meant]) -> dict[str, bytes]:
    """Draw a file of JSON: containers, fields and values as people write them."""
    names = {
        "name": draw(st.sampled_from(["name", "video", "filename"])),
        "split": draw(st.sampled_from(["split", "subset"])),
        "frames": draw(st.sampled_from(["frames", "n_frames", "frame_count"])),
        "intervals": draw(st.sampled_from(["intervals", "intervals", "events"])),
    }
    label = draw(st.sampled_from([int, bool, str, float, lambda value: "abnormal" if value else "Normal"]))
    whole = draw(st.sampled_from([int, str, float]))
    as_seconds = draw(st.sampled_from([False, False, True]))
    entries = []
    for video in meant:
        intervals: object = [[start / 25, end / 25] if as_seconds else [start, end] for start, end in video.intervals]
        if intervals and draw(st.booleans()):
            intervals = intervals[0]  # type: ignore[index]
        entry = {
            names["name"]: video.name + draw(st.sampled_from(["", ".mp4"])),
            names["split"]: draw(st.sampled_from([video.split, video.split.upper(), f"{video.split}ing"])),
            "label": label(video.label),
            names["frames"]: whole(video.frames),
            names["intervals"]: intervals,
        }
        if draw(st.booleans()):
            entry["class"] = draw(st.sampled_from(CLASSES[video.label][:5]))
        entries.append(entry | draw(st.sampled_from([{}, {}, {"fps": 30}, {"duration": 2.5}, {"extra": 1}])))
    containers: list[object] = [entries, {"videos": entries}, {entry[names["name"]]: entry for entry in entries}]
    text = json.dumps(draw(st.sampled_from(containers)))
    if draw(st.booleans()):
        text = "\n".join(map(json.dumps, entries))
    return {draw(st.sampled_from(["a.json", "labels.jsonl"])): text.encode(draw(_ENCODINGS))}


FORMS = (ucf_files, mask_files, json_files)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Meant], Files]:
    """Draw videos, and the files that annotate them in one form."""
    meant = draw(videos())
    return meant, draw(draw(st.sampled_from(FORMS))(meant))


def write(folder: Path, files: Files) -> None:
    """Write the files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)


def compare(case: tuple[list[Meant], Files]) -> Outcome:
    """Read the annotations and match a feature file of each video: all that is annotated of it is as meant."""
    meant, files = case
    with tempfile.TemporaryDirectory(prefix="wvad-fuzz-") as folder:
        write(Path(folder), files)
        found = read_annotations(Path(folder))
    arrays = [made([video.name], value=place) for place, video in enumerate(meant)]
    features = match_features(Path("features"), arrays, found.videos)
    for name, own in features.videos.items():
        video, read = next(video for video in meant if video.name == own.arrays[0].array.name), found.videos[name]
        assert (read.split, read.label) == (video.split, video.label), video
        assert read.frames in (None, video.frames), video
        if video.split == "test":
            assert read.intervals == video.intervals, video
    return "as meant"


GENERATOR = Generator("annotations", cases(), compare)
