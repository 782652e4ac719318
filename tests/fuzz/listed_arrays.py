"""Two lists and one array of all test frames: videos have the parts of the array that they are meant to have.

Where the array is in another order than the list, labels that names, folders and lists say are all that could tell. So
there it is only demanded that what is read agrees with them and, where nothing is said, that a warning says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from benchmark.importing.annotations import Annotations, read_annotations
from benchmark.importing.matching import match_features
from benchmark.terms import SNIPPET_FRAMES

from .annotation_words import CLASSES, Meant
from .generator import Generator, Outcome, made

_NAMES = ["gate_1", "lobby.2", "cam 3", "latest", "01_8", "x_9", "test_5", "contest7", "v-4", "front.door"]
_LISTS = {
    "train": ["own-train", "Training", "train_list", "own-training_i3d"],
    "test": ["own-test", "rgbtest", "testing", "SH_Testing"],
}
_TRAINING_WITHOUT_A_WORD = ["own", "rgb", "latest"]  # alone ending in `.list`
_ARRAYS = ["gt.npy", "gt-own.npy", "ground_truth.npy", "labels.npy", "own_label_1.npy"]
_LENGTHS: dict[str, Callable[[int], int]] = {
    "snippets": lambda frames: frames // SNIPPET_FRAMES * SNIPPET_FRAMES,
    "frames": lambda frames: frames,
    "padded": lambda frames: -(-frames // SNIPPET_FRAMES) * SNIPPET_FRAMES,
}


@dataclass(frozen=True)
class ListedSet:
    """Videos, the files that annotate them, and their features.

    Attributes
    ----------
    said
        Videos whose label a name, folder or list says.
    features
        Path of each feature file, folders and stem, and the video that it is of.
    length
        How much of the array a video of so many frames has, see `_LENGTHS`.
    counted
        Whether frame counts are known.
    in_order
        Whether the array is in the order of the list.
    """

    videos: tuple[Meant, ...]
    said: frozenset[str]
    features: dict[tuple[str, ...], str]
    lists: dict[str, str]
    array: tuple[str, np.ndarray]  # type: ignore[type-arg]
    length: str
    counted: bool
    in_order: bool


@st.composite
def listed_sets(draw: st.DrawFn) -> ListedSet:
    """Draw a set whose labels are said behind the entries, by folders, by names, or of training videos alone."""
    way = draw(st.sampled_from(["list", "class", "folder", "name"]))
    tests_said = draw(st.booleans()) or way == "name"
    crops, suffix = draw(st.sampled_from([1, 1, 2, 5])), draw(st.sampled_from(["", "_i3d", ".mp4"]))
    kinds = [("train", 0), ("train", 1), *draw(st.lists(st.tuples(st.just("train"), st.integers(0, 1)), max_size=3))]
    kinds += draw(st.lists(st.tuples(st.just("test"), st.integers(0, 1)), min_size=1, max_size=4))
    videos, said, features = [], set(), {}
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for stem, (split, label) in zip(draw(st.permutations(_NAMES)), draw(st.permutations(kinds)), strict=False):
        words = draw(st.sampled_from(CLASSES[label][:4]))
        name = f"{words}_{stem}" if way == "name" else stem
        frames = draw(st.integers(20, 200))
        start = draw(st.integers(0, 10))
        ones = ((start, draw(st.integers(11, 15))),) if label and split == "test" else ()
        videos.append(Meant(name, split, label, frames, ones))
        known = split == "train" or tests_said
        said |= {name} if known else set()
        folder = words if way == "folder" and known else "set"
        behind = {"list": f" {label}", "class": f",{words}"}.get(way, "") if known else ""
        for crop in range(crops):
            file = f"{name}{suffix}" + (f"_{crop}" if crops > 1 else "")
            features[folder, file] = name
            lines[split].append(f"/data/own/{folder}/{file}.npy{behind}")
    ending = draw(st.sampled_from([".list", ".txt", ".csv"]))
    others = {"train": _TRAINING_WITHOUT_A_WORD} if ending == ".list" else {}
    length = draw(st.sampled_from(list(_LENGTHS)))
    tested = [video for video in videos if video.split == "test"]
    order = tested if draw(st.booleans()) else draw(st.permutations(tested))
    parts = [np.zeros(_LENGTHS[length](video.frames)) for video in order]
    for video, part in zip(order, parts, strict=True):
        for start, end in video.intervals:
            part[start:end] = 1
    return ListedSet(
        tuple(videos),
        frozenset(said),
        features,
        {
            draw(st.sampled_from(_LISTS[split] + others.get(split, []))) + ending: "\n".join(of) + "\n"
            for split, of in lines.items()
        },
        (draw(st.sampled_from(_ARRAYS)), np.concatenate(parts)),
        length,
        draw(st.booleans()) or length != "snippets",
        list(order) == tested,
    )


def _read(drawn: ListedSet) -> tuple[Annotations, dict[str, str]]:
    """Return the annotations as imported, and by annotated name that of the video whose features are matched."""
    found = [made(path, value=place) for place, path in enumerate(drawn.features)]
    meant = {id(each): name for each, name in zip(found, drawn.features.values(), strict=True)}
    with tempfile.TemporaryDirectory(prefix="wvad-fuzz-") as folder:
        for file, text in drawn.lists.items():
            (Path(folder) / file).write_text(text)
        file, array = drawn.array
        np.save(Path(folder) / file, array)
        known = read_annotations(Path(folder), found)
    features = match_features(Path("features"), found, known.videos)
    names = {name: meant[id(video.arrays[0])] for name, video in features.videos.items()}
    frames = {video.name: video.frames for video in drawn.videos}
    rows = {name: frames[own] // SNIPPET_FRAMES for name, own in names.items()}
    return known.completed(rows, {name: frames[own] for name, own in names.items()} if drawn.counted else {}), names


def compare(drawn: ListedSet) -> Outcome:
    """Compare splits, labels and intervals with what is meant, as far as the order of the array allows."""
    annotations, names = _read(drawn)
    videos = {video.name: video for video in drawn.videos}
    as_meant = True
    for name, own in names.items():
        meant, read = videos[own], annotations.videos[name]
        assert read.split == meant.split, meant
        assert read.label == meant.label or own not in drawn.said, meant
        as_meant = as_meant and (read.label, read.intervals) == (meant.label, meant.intervals)
    if as_meant:
        return "as meant"
    assert not drawn.in_order, annotations
    tested = {video.name for video in drawn.videos if video.split == "test"}
    assert tested & drawn.said or any(note.startswith("WARNING: nothing but the sum") for note in annotations.notes)
    return "assumed"


GENERATOR = Generator("lists and one array", listed_sets(), compare)
