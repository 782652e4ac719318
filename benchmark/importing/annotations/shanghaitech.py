"""The ShanghaiTech form: `SH_Train.txt`, `SH_Test.txt` and a frame mask per abnormal video; also MIST's lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.datasets.frames_csv import frame_number
from benchmark.datasets.video_names import video_name
from benchmark.datasets.words import labels_in, split_in
from benchmark.importing.annotations.annotated import AnnotatedVideo, Annotations, by_name, read_mask
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more, read_lines, read_rows, shown
from benchmark.terms import Split

TRAIN_FILE = "SH_Train.txt"
TEST_FILE = "SH_Test.txt"
FILES = (TRAIN_FILE, TEST_FILE)
MASKS = "test_frame_mask"

OFFICIAL_NAME = re.compile(r"\d\d_\d{3,4}")
# MIST's lists have a label after the name, and the test list a frame count after that.
_LINE = re.compile(r"(?P<name>[^\s,;]+)(?:[\s,;]+(?P<label>[01])(?:[\s,;]+(?P<frames>\d+))?)?")


@dataclass
class _Found:
    """What is found on the way: videos whose masks mark nothing, counts that contradict a mask, and so on."""

    empty: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)
    counted: int = 0
    unmasked: int = 0
    labelled: int = 0

    def note(self, name: str, label: int, listed: int | None, frames: int | None, length: int | None) -> None:
        """Take note of a video: its label, that of its list and its count there, and the length of its mask, if any."""
        if length is None:
            self.counted += frames is not None
            self.unmasked += listed is None and not OFFICIAL_NAME.fullmatch(name)
            self.labelled += label
        else:
            self.empty += [] if label else [name]
            self.contradicted += [f"{name} ({frames}, mask {length})"] if frames not in (None, length) else []


def read(main: Path) -> Annotations:
    """Read the form: a video is abnormal if its mask marks a frame, a training video also if its list says so.

    Parameters
    ----------
    main
        One of the two lists; the other and the masks are looked for beside it, and `classes.csv`, which may
        be absent. A line is a video's name, and may have its label (0, 1) and frame count behind.
    """
    folder = main.parent
    masks = {path.stem: path for path in (folder / MASKS).glob("*.npy")}
    if not masks:
        raise InputError(f"{folder / MASKS}: no frame masks there; put the .npy masks of the abnormal videos there")
    classes = _classes(folder / "classes.csv")
    lists, found = find_lists(folder), _Found()
    videos = by_name(
        [
            video
            for split, official in _official_lists(folder).items()
            for video in _videos(lists.get(split, official), split, masks, classes, found)
        ],
        folder,
    )
    training = [video for video in videos.values() if video.split == "train"]
    if not any(video.label for video in training) and not all(
        OFFICIAL_NAME.fullmatch(video.name) for video in training
    ):
        raise InputError(
            f"{lists.get('train', folder / TRAIN_FILE)}: no training video has a mask or the label 1, so all would be "
            "taken as normal; write the label behind each name, `01_0014,1`"
        )
    unused = sum(video.name in masks for video in training)
    form = "Annotations in the ShanghaiTech form (split lists and frame masks)."
    notes = (*_notes(lists, found), *([f"Masks of {unused} training videos were not used."] if unused else ()))
    return Annotations(form, videos, notes)


def find_lists(folder: Path) -> dict[Split, Path]:
    """Find the lists: by their official names, else, beside masks, text files with the words `train` and `test`.

    Raises
    ------
    InputError
        If several files have the word of one split.
    """
    official = _official_lists(folder)
    lists = {split: path for split, path in official.items() if path.is_file()}
    for path in sorted(folder.glob("*.txt")) if (folder / MASKS).is_dir() else ():
        split = split_in(path.stem)
        if split is None or official[split].is_file():
            continue
        if split in lists:
            raise InputError(f"{folder}: two lists of the {split} split ({lists[split].name}, {path.name}); keep one")
        lists[split] = path
    return lists


def _official_lists(folder: Path) -> dict[Split, Path]:
    return {"train": folder / TRAIN_FILE, "test": folder / TEST_FILE}


def _videos(
    path: Path, split: Split, masks: Mapping[str, Path], classes: Mapping[str, tuple[str, ...]], found: _Found
) -> Iterator[AnnotatedVideo]:
    for number, line in read_lines(path):
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError(
                f"{path}:{number}: malformed line, {shown(line)}; a video's name is expected, which its label (0 or 1) "
                "and frame count may follow, `01_001,0,764`"
            )
        name, listed = video_name(match["name"]), int(match["label"]) if match["label"] else None
        frames = frame_number(match["frames"]) if match["frames"] else None
        length, intervals = read_mask(masks[name]) if name in masks else (None, ())
        label = int(bool(intervals) or (name not in masks and split == "train" and listed == 1))
        _check_label(name, label, listed, name in masks, f"{path}:{number}")
        if bool(classes.get(name, label)) != bool(label):
            raise InputError(f"{name}: classes.csv and the masks disagree on whether it is normal; correct one")
        found.note(name, label, listed, frames, length)
        if split == "test":
            yield AnnotatedVideo(name, split, label, classes.get(name, ()), length or frames, intervals)
        else:
            counted = None if name in masks else frames
            yield AnnotatedVideo(name, split, label, classes.get(name, ()), counted)


def _check_label(name: str, label: int, listed: int | None, masked: bool, where: str) -> None:
    """Compare the label with the one behind the name and, of an official name, with the digits of its number."""
    mask = "a mask that marks frames" if masked and label else "a mask that marks no frame" if masked else "no mask"
    if listed is not None and listed != label:
        raise InputError(f"{name}: label {listed} in {where}, but it has {mask} in {MASKS}/; correct one of the two")
    if OFFICIAL_NAME.fullmatch(name) and label != (len(name) == 7):
        has = f"label {label}" if listed is not None else mask
        raise InputError(
            f"{name}: a number of {len(name) - 3} digits marks {'a normal' if label else 'an abnormal'} "
            f"video, but it has {has} ({where}, masks in {MASKS}/); correct one of the two"
        )


def _notes(lists: Mapping[Split, Path], found: _Found) -> Iterator[str]:
    """Say what was taken as what, where it is not as in the official files."""
    if {path.name for path in lists.values()} != {TRAIN_FILE, TEST_FILE}:
        yield f"Taken as training list: {lists['train'].name}; as test list: {lists['test'].name}."
    if found.unmasked:
        yield f"Taken as normal, having no mask: {found.unmasked} videos."
    if found.labelled:
        yield f"Taken as abnormal by their label in the list, having no mask: {found.labelled} training videos."
    if found.empty:
        yield f"Taken as normal, as their masks mark no frame: {len(found.empty)} videos ({and_more(found.empty)})."
    if found.contradicted:
        yield (
            f"Frame counts of {len(found.contradicted)} videos in the lists are not the lengths of their masks, which "
            f"are taken: {and_more(found.contradicted)}."
        )
    if found.counted:
        yield f"Frame counts of {found.counted} videos without masks from the lists."


def _classes(path: Path) -> dict[str, tuple[str, ...]]:
    """Read `video,class` lines, several classes joined by ``;``; a normal video has none."""
    if not path.exists():
        return {}
    classes: dict[str, tuple[str, ...]] = {}
    for number, row in read_rows(path):
        if len(row) != 2 or video_name(row[0]) in classes:
            raise InputError(f"{path}:{number}: malformed line, `video,class` once per video is expected")
        named = tuple(name.strip() for name in row[1].split(";"))
        normal = len(named) == 1 and (not named[0] or labels_in(named[0]) == {0})
        classes[video_name(row[0])] = () if normal else named
    return classes
