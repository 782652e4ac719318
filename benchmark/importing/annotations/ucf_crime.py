"""The UCF-Crime text form: `Anomaly_Train.txt`, `Temporal_Anomaly_Annotation.txt`, or two like them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmark.datasets.frames_csv import frame_number
from benchmark.datasets.official import OFFICIAL
from benchmark.datasets.video_names import video_name
from benchmark.datasets.words import label_of_class, labels_in, split_in
from benchmark.importing.annotations import ucf_test_lines as test_lines
from benchmark.importing.annotations.annotated import AnnotatedVideo, Annotations, Interval, by_name, interval
from benchmark.importing.feature_files.lists import read_entries, splits_of, taken_for_training, video_of
from benchmark.system.errors import InputError
from benchmark.system.text_files import first_line, read_lines, shown
from benchmark.terms import Split

TRAIN_FILE = "Anomaly_Train.txt"
TEST_FILE = "Temporal_Anomaly_Annotation.txt"
COUNTED_TEST_FILE = "UCF_Annotation.txt"
FILES = (TEST_FILE, COUNTED_TEST_FILE, TRAIN_FILE)

# `Abuse001_x264`, `Normal_Videos_003_x264`; a feature file carries more after it, such as `_i3d`.
OFFICIAL_NAME = re.compile(r"(?P<category>[A-Za-z_]+?)_?\d+.*?_x264")
_OFFICIAL_CLASSES = OFFICIAL["ucf-crime"].classes | {
    "Normal",
    "Normal_Videos",
    "Training_Normal_Videos_Anomaly",
    "Testing_Normal_Videos_Anomaly",
}
_TRAIN_LINE = re.compile(r"(?P<folder>.+)[/\\](?P<name>[^/\\]+?)(?P<frames>(?<=\S)[\s,;]+\d+)?")
_SPLIT_FOLDERS = frozenset({"train", "training", "test", "testing"})


def read(main: Path, lists: Sequence[Path] = ()) -> Annotations:
    """Read the form; frame numbers are 1-based and inclusive, so ``start end`` is ``[start - 1, end)``.

    Parameters
    ----------
    main
        The test file, in any of the forms of `ucf_test_lines`, or the training file; the other is looked for beside
        it by its official name, then by its lines and the word `train` or `test` in its name.
    lists
        Lists of feature files. The training ones stand in for `Anomaly_Train.txt` where that is not there; labels
        and classes are then those of the names.
    """
    train, test = _train_file(main), _test_file(main)
    splits = splits_of(lists) if train is None else {}
    training_lists = [path for path, split in splits.items() if split == "train"]
    if train is not None:
        training, origin = list(_train(train)), train.name
    elif training_lists:
        training, origin = list(_listed(training_lists)), ", ".join(path.name for path in training_lists)
    else:
        raise InputError(
            f"{test}: no training videos; looked beside it for {TRAIN_FILE} and for a .txt file with the word `train` "
            "in its name and lines `Class/name.mp4`; put one there, or name a training list with --list"
        )
    lines, note = test_lines.read(test)
    videos = [*training, *(_tested(line, test) for line in lines)]
    named = by_name((video for video, _ in videos), main.parent)
    _check_classes(training, origin)
    form = (
        "Annotations in the UCF-Crime text form (frames 1-based, end inclusive; "
        f"training videos from {origin}, test videos from {test.name})."
    )
    counted = sum(video.frames is not None for video, _ in training)
    notes = (
        *taken_for_training(splits),
        *_said_classes(videos),
        *([f"Frame counts of {counted} training videos from {origin}."] if counted else ()),
        *([note] if note else ()),
    )
    return Annotations(form, named, notes)


def is_training_file(path: Path) -> bool:
    """Whether a file of one's own lists training videos: `train` is a word of its name, and lines are `Class/name`."""
    return split_in(path.stem) == "train" and _TRAIN_LINE.fullmatch(first_line(path)) is not None


_Classified = tuple[AnnotatedVideo, str]
"""A video, and the name of its class as it stands in the file."""


def _train_file(main: Path) -> Path | None:
    if (official := main.with_name(TRAIN_FILE)).is_file():
        return official
    return _only(main, [path for path in _texts_beside(main) if is_training_file(path)], "training")


def _test_file(main: Path) -> Path:
    if main.name in (TEST_FILE, COUNTED_TEST_FILE) or (main.name != TRAIN_FILE and not is_training_file(main)):
        return main
    official = (main.with_name(name) for name in (TEST_FILE, COUNTED_TEST_FILE))
    if found := next((path for path in official if path.is_file()), None):
        return found
    texts = [path for path in _texts_beside(main) if path != main and not is_training_file(path)]
    if found := _only(main, [path for path in texts if test_lines.is_form(path)], "test"):
        return found
    others = "; ".join(f"{path.name} begins {shown(first_line(path))}" for path in texts[:2])
    raise InputError(
        f"{main}: no test file beside it; looked for {TEST_FILE}, {COUNTED_TEST_FILE} and a .txt file with lines "
        f"{test_lines.EXPECTED}" + (f" ({others})" if others else "")
    )


def _texts_beside(main: Path) -> list[Path]:
    return sorted(path for path in main.parent.glob("*.txt") if path.is_file() and not path.name.startswith("."))


def _only(main: Path, found: list[Path], what: str) -> Path | None:
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{main.parent}: several {what} files there ({names}); keep one of them beside {main.name}")
    return found[0] if found else None


def _train(path: Path) -> Iterator[_Classified]:
    """Read `Class/name.mp4` lines, all of them with a frame count behind, or none."""
    lines = read_lines(path)
    matches = [(number, line, _TRAIN_LINE.fullmatch(line)) for number, line in lines]
    # `cam 1`, `cam 2`, ... are names.
    paths = [match[0].removesuffix(match["frames"]) for _, _, match in matches if match and match["frames"]]
    counted = len(paths) == len(lines) and (len(set(paths)) == len(paths) or any(map(_is_video_file, paths)))
    for number, line, match in matches:
        if match is None:
            raise InputError(f"{path}:{number}: malformed line, `Class/name.mp4` is expected")
        name, frames = match["name"], None
        if counted:
            frames = frame_number(match["frames"].strip(" \t,;"))
        else:
            name = re.split(r"[/\\]", line)[-1]
        if frames == 0 or not name:
            raise InputError(f"{path}:{number}: malformed line, `Class/name.mp4` is expected")
        category = _class_of(match["folder"], f"{path}:{number}")
        yield _video(video_name(name), "train", category, f"{path}:{number}", frames)


def _is_video_file(path: str) -> bool:
    return not path.endswith(video_name(path))


def _class_of(folder: str, where: str) -> str:
    """Return the folder that is the class: the last one that is not `train` or `test`."""
    folders = [name for name in re.split(r"[/\\]", folder) if name and name.lower() not in _SPLIT_FOLDERS]
    if not folders:
        raise InputError(f"{where}: malformed line, `Class/name.mp4` is expected")
    *outer, category = folders
    if not labels_in(category) and (normal := next((name for name in outer if labels_in(name) == {0}), None)):
        raise InputError(
            f"{where}: is it a normal video, as of {shown(normal)}, or of the class {shown(category)}? Write one "
            "folder before its name, `Class/name.mp4`"
        )
    return category


def _listed(lists: Sequence[Path]) -> Iterator[_Classified]:
    """Read training videos from lists of feature files, which may name a video once per crop."""
    seen: set[str] = set()
    for path in lists:
        for number, entry, label in read_entries(path):
            match = OFFICIAL_NAME.match(video_of(entry))
            if not match:
                raise InputError(
                    f"{path}:{number}: malformed line, a feature file `Abuse001_x264...` is expected; list videos of "
                    f"other names in {TRAIN_FILE}, as `Class/name.mp4`"
                )
            if match[0] not in seen:
                seen.add(match[0])
                video, category = _video(match[0], "train", match["category"], f"{path}:{number}")
                _check_label(video, label, f"{path}:{number}")
                yield video, category


def _check_label(video: AnnotatedVideo, label: str, where: str) -> None:
    """Compare a label that stands behind an entry, 0 or 1 or the name of a class, with that of the name."""
    number = re.fullmatch(r"([01])(\.0*)?", label)
    said = int(number[1]) if number else label_of_class(label, where) if label and not label[0].isdigit() else None
    if said is not None and said != video.label:
        raise InputError(
            f"{video.name}: {'abnormal' if video.label else 'normal'} by its name, but labelled {label} ({where}); "
            "correct one of the two"
        )


def _tested(line: test_lines.Line, path: Path) -> _Classified:
    name, where = video_name(line.path), f"{path}:{line.number}"
    intervals = tuple(interval(start - 1, end, f"{name} ({path.name}:{line.number})") for start, end in line.pairs)
    video, category = _video(name, "test", line.category, where, line.frames, intervals)
    folder = next(iter(re.split(r"[/\\]", line.path)[-2:-1]), "")
    if labels_in(folder) == {1 - video.label}:
        raise InputError(f"{name}: in the folder {shown(folder)}, but of the class {category} ({where}); correct one")
    return video, category


def _video(
    name: str,
    split: Split,
    category: str,
    where: str,
    frames: int | None = None,
    intervals: tuple[Interval, ...] = (),
) -> _Classified:
    label = label_of_class(category, where)
    return AnnotatedVideo(name, split, label, (category,) if label else (), frames, intervals), category


def _check_classes(training: Sequence[_Classified], origin: str) -> None:
    """Refuse training videos of own classes of which none is normal: nobody could learn from them."""
    classes = {category for _, category in training}
    if classes <= _OFFICIAL_CLASSES or not all(video.label for video, _ in training):
        return
    raise InputError(
        f"{origin}: none of the classes is of normal videos ({', '.join(sorted(classes))}); write `normal` in the name "
        "of one that is"
    )


def _said_classes(videos: Iterable[_Classified]) -> Iterator[str]:
    """Say which classes were taken as normal and abnormal, if any is not UCF-Crime's."""
    counts = Counter((video.label, category) for video, category in videos)
    if {category for _, category in counts} <= _OFFICIAL_CLASSES:
        return
    for label, what in enumerate(("normal", "abnormal")):
        named = [
            f"{category} ({count} video{'s' * (count > 1)})" for (of, category), count in counts.items() if of == label
        ]
        yield f"Taken as {what}: {', '.join(named) or 'no class'}."
