"""The ShanghaiTech form: `SH_Train.txt`, `SH_Test.txt` and one frame mask per abnormal video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.video_names import video_name
from benchmark.importing.annotations.annotated import AnnotatedVideo, Annotations, by_name, read_mask
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines, read_rows
from benchmark.terms import Split

TRAIN_FILE = "SH_Train.txt"
TEST_FILE = "SH_Test.txt"
FILES = (TRAIN_FILE, TEST_FILE)
MASKS = "test_frame_mask"

_OFFICIAL_NAME = re.compile(r"\d\d_\d{3,4}")


def read(main: Path) -> Annotations:
    """Read the form: a video is abnormal if it has a mask; the masks of training videos are not opened.

    Parameters
    ----------
    main
        One of the two lists; the other and the masks are looked for beside it, and `classes.csv`, which may
        be absent.
    """
    folder = main.parent
    masks = {path.stem: path for path in (folder / MASKS).glob("*.npy")}
    if not masks:
        raise InputError(f"{folder / MASKS}: no frame masks there; put the .npy masks of the abnormal videos there")
    classes = _classes(folder / "classes.csv")
    videos = by_name(
        [
            *_videos(folder / TRAIN_FILE, "train", masks, classes),
            *_videos(folder / TEST_FILE, "test", masks, classes),
        ],
        folder,
    )
    unused = sum(video.split == "train" and video.label for video in videos.values())
    form = "Annotations in the ShanghaiTech form (split lists and frame masks)."
    return Annotations(form, videos, (f"Masks of {unused} training videos were not used.",) if unused else ())


def _videos(
    path: Path, split: Split, masks: dict[str, Path], classes: dict[str, tuple[str, ...]]
) -> Iterator[AnnotatedVideo]:
    for number, line in read_lines(path):
        if len(line.split()) != 1 or "," in line:
            raise InputError(f"{path}:{number}: malformed line, one video name is expected")
        name = video_name(line)
        label = int(name in masks)
        if _OFFICIAL_NAME.fullmatch(name) and label != (len(name) == 7):
            raise InputError(
                f"{name}: a number of {len(name) - 3} digits marks {'a normal' if label else 'an abnormal'} "
                f"video, but it has {'a' if label else 'no'} mask in {MASKS}/; correct one of the two"
            )
        if bool(classes.get(name, label)) != bool(label):
            raise InputError(f"{name}: classes.csv and the masks disagree on whether it is normal; correct one")
        frames, intervals = read_mask(masks[name]) if label and split == "test" else (None, ())
        yield AnnotatedVideo(name, split, label, classes.get(name, ()), frames, intervals)


def _classes(path: Path) -> dict[str, tuple[str, ...]]:
    """Read `video,class` lines, several classes joined by ``;``; a normal video has none."""
    if not path.exists():
        return {}
    classes: dict[str, tuple[str, ...]] = {}
    for number, row in read_rows(path):
        if len(row) != 2 or video_name(row[0]) in classes:
            raise InputError(f"{path}:{number}: malformed line, `video,class` once per video is expected")
        named = tuple(name.strip() for name in row[1].split(";"))
        classes[video_name(row[0])] = () if named == ("normal",) else named
    return classes
