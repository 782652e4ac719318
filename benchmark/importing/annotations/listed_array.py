"""Lists of feature files and one array of the test videos' frames, in the order of the test list, as of MSAD or TEVAD.

Names and lengths of the array's parts are written down nowhere. So everything that a name, a folder or a list says of a
video is held against its part: an array in another order is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.words import Label, split_in, splits_in
from benchmark.importing.annotations import said_labels
from benchmark.importing.annotations.annotated import (
    AnnotatedVideo,
    Annotations,
    by_name,
    mask_intervals,
    read_frame_labels,
)
from benchmark.importing.annotations.said_labels import Said
from benchmark.importing.feature_files.lists import Entry, read_entries, splits_of, taken_for_training, video_of
from benchmark.importing.feature_files.search import FoundArray
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more
from benchmark.terms import SNIPPET_FRAMES, Split

_ARRAY = re.compile(r"(?:^|[-_.])(?:gt|ground[-_]?truth|labels?)(?:[-_.\d]|$)", re.IGNORECASE)
_ONE_DIGIT = re.compile(r"(?<!_)_\d$")
_LIST_ENDINGS = (".list", ".csv", ".txt")
_SPLITS: tuple[Split, Split] = ("train", "test")


@dataclass(frozen=True)
class _Listed:
    """A video of a list, and all that is said of its label."""

    name: str
    classes: tuple[str, ...]
    said: tuple[Said, ...]
    where: str


@dataclass(frozen=True)
class _Array:
    """The array, and the list that it is in the order of."""

    path: Path
    labels: NDArray[np.bool_]
    videos: Sequence[_Listed]
    training: Sequence[AnnotatedVideo]
    annotations: Annotations

    def divided(self, rows: Mapping[str, int], counts: Mapping[str, int]) -> Annotations:
        """Return the annotations with the test videos' labels: each has its part of the array."""
        videos = [video for video in self.videos if video.name in rows]
        if len(videos) < len(self.videos):
            absent = [video.name for video in self.videos if video.name not in rows]
            raise InputError(
                f"{and_more(absent)}: in the test list, but without features, so that {self.path} cannot be divided; "
                "add the features, or give frames in a JSON file"
            )
        lengths, rule = _lengths(self.path, len(self.labels), videos, rows, counts)
        parts = [self.labels[start:end] for start, end in pairwise([0, *np.cumsum(lengths)])]
        tested = [_tested(video, part, counts.get(video.name)) for video, part in zip(videos, parts, strict=True)]
        notes = (*self.annotations.notes, f"{self.path.name} is divided so: {rule}.", *_checked(videos, self.path))
        return Annotations(self.annotations.form, by_name([*self.training, *tested], self.path), notes)


def find_array(folder: Path) -> Path | None:
    """Return the one array of ground truth in a folder that has a test list as well; None without either.

    Raises
    ------
    InputError
        If there are several arrays.
    """
    arrays = [path for path in sorted(folder.glob("*.npy")) if _ARRAY.search(path.stem)]
    if not arrays or not any(split_in(path.stem) == "test" for path in _lists_in(folder)):
        return None
    if len(arrays) > 1:
        names = ", ".join(path.name for path in arrays)
        raise InputError(f"{folder}: several arrays of ground truth there ({names}); name one with --annotations")
    return arrays[0]


def read(main: Path, lists: Sequence[Path], found: Sequence[FoundArray]) -> Annotations:
    """Read the form: the test videos' frames from the array, labels of training videos from what names them.

    What is returned knows the names and splits alone, and the labels once it is completed.

    Parameters
    ----------
    main
        The array, one 0 or 1 per frame of all test videos in the order of the test list.
    lists
        The lists of both splits; those beside the array if there are none.
    found
        The features, whose folders may say the labels of the videos.

    Raises
    ------
    InputError
        If a list is missing, what is said of a video's label is contradictory, or nothing says that of a training
        video. Completing, if the array is longer or shorter than the videos, or a part contradicts what is said of its
        video's label.
    """
    labels = read_frame_labels(main)
    splits = splits_of(lists or _usual_lists(main))
    if "test" not in splits.values():
        raise InputError(
            f"{main}: an array of frame labels needs the list of the test videos in its order, and that of the "
            "training videos; put both beside it or name them with --list, `test` and `train` words of their names"
        )
    stems = _without_crops([video_of(each.array.name) for each in found])
    train, test = _read_lists(splits, {stem: each.folders for stem, each in zip(stems, found, strict=True)})
    training = _train(train)
    names = {split: ", ".join(path.name for path, of in splits.items() if of == split) for split in _SPLITS}
    form = (
        f"Annotations from lists and one array (training videos from {names['train'] or 'no list'}; frames of the test "
        f"videos from {main.name}, in the order of {names['test']})."
    )
    videos = by_name([*training, *(AnnotatedVideo(video.name, "test", 0) for video in test)], main)
    known = Annotations(form, videos, (*taken_for_training(splits), *_taken(train)))
    return replace(known, completing=_Array(main, labels, test, training, known).divided)


def _lists_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _LIST_ENDINGS and path.is_file()]


def _usual_lists(main: Path) -> list[Path]:
    """Return the training and the test list beside the array; one without a word for a split is for training."""
    files = _lists_in(main.parent)
    lists = [path for path in files if path.suffix.lower() == ".list"] or [p for p in files if splits_in(p.stem)]
    tests = [path for path in lists if split_in(path.stem) == "test"]
    trains = [path for path in lists if split_in(path.stem) == "train"] or [p for p in lists if not splits_in(p.stem)]
    for what, found in (("training", trains), ("test", tests)):
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise InputError(f"{main}: several {what} lists beside it ({names}); name both lists with --list")
    return [*trains, *tests]


def _read_lists(
    splits: Mapping[Path, Split], folders: Mapping[str, Sequence[str]]
) -> tuple[list[_Listed], list[_Listed]]:
    """Read the training and the test videos, in their order; lists of crops name a video once per crop."""
    lists = {path: read_entries(path) for path in splits}
    entries = [(path, entry) for path, of in lists.items() for entry in of]
    stems = _without_crops([video_of(entry.path) for _, entry in entries])
    listed_in = [
        inside for of in lists.values() for inside in _apart([re.split(r"[/\\]", entry.path)[:-1] for entry in of])
    ]
    lies_in = dict(zip(folders, _apart(list(folders.values())), strict=True))
    listed: dict[Split, dict[str, _Listed]] = {"train": {}, "test": {}}
    for (path, entry), stem, inside in zip(entries, stems, listed_in, strict=True):
        video = _read_entry(f"{path}:{entry.line}", entry, stem, inside, lies_in.get(stem, ()))
        first = listed[splits[path]].setdefault(video.name, video)
        said_labels.one_label(video.name, (*first.said, *video.said))
    return list(listed["train"].values()), list(listed["test"].values())


def _apart(folders: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Drop the folders that all begin with: `anomaly-detection/` of all videos tells none from another."""
    shared = enumerate(zip(*folders, strict=False))
    common = next((i for i, of in shared if len(set(of)) > 1), min(map(len, folders), default=0))
    return [of[common:] for of in folders]


def _without_crops(stems: list[str]) -> list[str]:
    """Drop the numbers of crops, `_0`, `_1`, ..., if every stem has one, and every video as many."""
    crops = Counter(_ONE_DIGIT.sub("", stem) for stem in stems if _ONE_DIGIT.search(stem))
    if crops.total() < len(stems) or len(set(crops.values())) != 1 or crops.total() == len(crops):
        return stems
    return [_ONE_DIGIT.sub("", stem) for stem in stems]


def _read_entry(where: str, entry: Entry, stem: str, listed_in: Sequence[str], lies_in: Sequence[str]) -> _Listed:
    named = said_labels.by_name(stem)
    said = (
        *named.said,
        *said_labels.by_folders(listed_in, "the folder in its list,"),
        *said_labels.by_folders(lies_in, "its folder"),
        *said_labels.by_list(entry.label, where),
    )
    return _Listed(named.name, named.classes, said, where)


def _lengths(
    main: Path, total: int, videos: Sequence[_Listed], rows: Mapping[str, int], counts: Mapping[str, int]
) -> tuple[list[int], str]:
    """Return how many frames of the array each video has, by the rule whose lengths add up to it, and the rule."""
    rules = {f"{SNIPPET_FRAMES} x the snippets of each": [SNIPPET_FRAMES * rows[video.name] for video in videos]}
    if all(video.name in counts for video in videos):
        frames = [counts[video.name] for video in videos]
        rules |= {
            "by their frame counts": frames,
            "each cut to a multiple of 16": [count // SNIPPET_FRAMES * SNIPPET_FRAMES for count in frames],
            "each padded to a multiple of 16": [-(-count // SNIPPET_FRAMES) * SNIPPET_FRAMES for count in frames],
        }
    fitting = {rule: lengths for rule, lengths in rules.items() if sum(lengths) == total}
    if not fitting:
        sums = "; ".join(f"{rule}: {sum(lengths):,}" for rule, lengths in rules.items())
        raise InputError(
            f"{main}: {total:,} frames, but the {len(videos):,} listed test videos have others ({sums}); give the list "
            "of its videos in their order, or their frame counts in a frames.csv"
        )
    if len({tuple(lengths) for lengths in fitting.values()}) > 1:
        raise InputError(
            f"{main}: its {total:,} frames can be divided in several ways ({'; '.join(fitting)}); take "
            "frames.csv away, or write the frames of each video into a JSON file"
        )
    rule, lengths = next(iter(fitting.items()))
    return lengths, rule


def _trained(video: _Listed) -> AnnotatedVideo:
    label = said_labels.one_label(video.name, video.said)
    if label is None:
        raise InputError(
            f"{video.name}: nothing says whether this training video is normal ({video.where}); write 0 (normal) or 1 "
            "behind it in the list, or put it in a folder with `normal` or `abnormal` in its name"
        )
    return AnnotatedVideo(video.name, "train", label, video.classes if label else ())


def _train(videos: Sequence[_Listed]) -> list[AnnotatedVideo]:
    trained = [_trained(video) for video in videos]
    labels = {video.label for video in trained}
    if len(labels) == 1:
        raise InputError(
            f"{and_more(video.name for video in trained)}: all training videos would be "
            f"{'abnormal' if labels == {1} else 'normal'}, the first by {videos[0].said[0].where}; write 0 or 1 behind "
            "each in the list"
        )
    return trained


def _tested(video: _Listed, part: NDArray[np.bool_], frames: int | None) -> AnnotatedVideo:
    label: Label = 1 if part.any() else 0
    in_array = Said(label, f"its {len(part):,} frames in the array" + ("" if label else ", where none is marked"))
    said_labels.one_label(video.name, (*video.said, in_array))
    length = len(part) if frames is None else frames
    # Beyond the array's last frame of a video, that frame's label is taken.
    intervals = [(start, length if end == len(part) else min(end, length)) for start, end in mask_intervals(part)]
    kept = tuple((start, end) for start, end in intervals if start < end)
    return AnnotatedVideo(video.name, "test", label, video.classes if label else (), length, kept)


def _checked(videos: Sequence[_Listed], main: Path) -> Iterator[str]:
    known = sum(bool(video.said) for video in videos)
    if known:
        yield f"{main.name} agrees with the labels of {known} of {len(videos)} test videos by name, folder or list."
    else:
        yield (
            f"WARNING: nothing but the sum of its lengths says that {main.name} is in the order of the list, as no "
            "name, folder or list says a label of a test video."
        )


def _taken(videos: Sequence[_Listed]) -> Iterator[str]:
    labels = {video.name: said_labels.one_label(video.name, video.said) for video in videos}
    for label, what in enumerate(("normal", "abnormal")):
        names = [name for name, of in labels.items() if of == label]
        if names:
            yield f"Taken as {what} by name, folder or list: {len(names)} training videos ({and_more(names)})."
