"""The Avenue form: one frame mask per testing video, in MATLAB files as its authors publish them or in `.npy` files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from benchmark.importing.annotations.annotated import (
    AnnotatedVideo,
    Annotations,
    Interval,
    by_name,
    mask_intervals,
    read_mask,
)
from benchmark.importing.annotations.matlab_masks import frames_with_pixels
from benchmark.system.errors import InputError
from benchmark.terms import Split

_NORMAL, _ABNORMAL = 16, 21
_TEST_SHARE = 0.2
_MASK_FILE = re.compile(r"(\d{1,2})(_label\.mat|\.npy)")
_VARIABLE = "volLabel"


def is_form(folder: Path) -> bool:
    """Whether a folder holds masks: `1_label.mat`, ..., or, in one called `frame_labels`, `01.npy`, ..."""
    return any(folder.glob("*_label.mat")) or (folder.name == "frame_labels" and any(folder.glob("*.npy")))


def read(folder: Path, split_seed: int) -> Annotations:
    """Read the form: a frame is abnormal if any pixel of its mask is; the 16 training videos are normal.

    No official weakly-supervised split exists: normal and abnormal videos are each split 80:20 by chance, rounded
    to whole videos. Videos are called `training_01`, ..., `testing_21`, as their numbers stand in both folders.

    Parameters
    ----------
    folder
        Holds the masks of all 21 testing videos.
    split_seed
        Seed of the split.

    Raises
    ------
    InputError
        If masks are missing, there twice, unreadable, or mark no frame.
    """
    masks = _masks(folder)
    rng = np.random.default_rng(split_seed)
    normal, abnormal = _draw_splits(_NORMAL, rng), _draw_splits(_ABNORMAL, rng)
    training = [AnnotatedVideo(f"training_{i:02d}", split, 0) for i, split in enumerate(normal, start=1)]
    testing = (
        AnnotatedVideo(f"testing_{i:02d}", split, 1, (), *_read(masks[i])) for i, split in enumerate(abnormal, start=1)
    )
    form = "Annotations in the Avenue form (frame masks of the testing videos)."
    note = (
        f"No official weakly-supervised split of Avenue exists. Here: 80:20 by chance, seed {split_seed}, "
        f"{_shares(normal)} normal and {_shares(abnormal)} abnormal training + test videos "
        "(the paper: 80:20, seed unknown)."
    )
    return Annotations(form, by_name([*training, *testing], folder), (note,))


def _masks(folder: Path) -> dict[int, Path]:
    masks: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if match := _MASK_FILE.fullmatch(path.name):
            first = masks.setdefault(int(match[1]), path)
            if first != path:
                raise InputError(
                    f"{path}: a second mask of testing video {int(match[1])}, beside {first.name}; keep one"
                )
    wanted = set(range(1, _ABNORMAL + 1))
    if missing := sorted(wanted - set(masks)):
        numbers = ", ".join(map(str, missing))
        raise InputError(f"{folder}: no mask of testing video {numbers}; put the masks of all {_ABNORMAL} there")
    if unknown := sorted(set(masks) - wanted):
        raise InputError(f"{masks[unknown[0]]}: Avenue has testing videos 1 to {_ABNORMAL}; remove the file")
    return masks


def _read(path: Path) -> tuple[int, tuple[Interval, ...]]:
    if path.suffix == ".npy":
        return read_mask(path)
    positive = frames_with_pixels(path, _VARIABLE)
    return len(positive), mask_intervals(positive)


def _draw_splits(videos: int, rng: np.random.Generator) -> list[Split]:
    """Draw the test videos, and return each video's split."""
    test = rng.choice(videos, size=round(_TEST_SHARE * videos), replace=False)
    return ["test" if video in test else "train" for video in range(videos)]


def _shares(splits: list[Split]) -> str:
    return f"{splits.count('train')} + {splits.count('test')}"
