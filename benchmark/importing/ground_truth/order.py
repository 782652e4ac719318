"""Which videos an array of ground truth covers, and in which order: its names are not written down either."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from benchmark.datasets.manifest import Manifest
from benchmark.importing.feature_files.lists import read_list, video_of
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more

_SEPARATORS = "_-."


class Order(NamedTuple):
    """Names of videos in order, and where the order comes from."""

    origin: str
    names: tuple[str, ...]


def possible_orders(path: Path, manifest: Manifest, given: Path | None) -> list[Order]:
    """Return the orders that an array may have.

    Parameters
    ----------
    path
        The array's file.
    given
        A list of videos or feature files; None to take the test list beside the array or, without any, the orders
        that repositories use.

    Raises
    ------
    InputError
        If several test lists are beside the array, or the list names a video that the dataset does not have.
    """
    lists = [given] if given else sorted(file for file in path.parent.glob("*.list") if "test" in file.stem.lower())
    if len(lists) > 1:
        names = ", ".join(file.name for file in lists)
        raise InputError(f"{path}: several test lists beside it ({names}); name the one of its order with --order")
    if lists:
        return [_listed(lists[0], manifest)]
    test, train = manifest.split("test"), manifest.split("train")
    named = sorted(video.name for video in test)
    abnormal = sorted(video.name for video in test if video.label)
    normal = sorted(video.name for video in test if not video.label)
    # ShanghaiTech and Avenue had other splits first, where all abnormal videos were test videos.
    moved = sorted(video.name for video in train if video.label)
    orders = [
        Order("test videos by name", tuple(named)),
        Order("test videos, abnormal then normal, each by name", (*abnormal, *normal)),
        Order("abnormal videos of both splits by name", tuple(sorted(abnormal + moved))),
    ]
    return [order for order in orders if order.names]


def find_video(entry: str, names: Collection[str]) -> str | None:
    """Find which video a list or file name means: it begins with the video's name, or is Avenue's bare number."""
    if re.fullmatch(r"\d{1,2}", entry):
        entry = f"testing_{int(entry):02d}"
    cuts = (cut for cut in range(len(entry), 0, -1) if cut == len(entry) or entry[cut] in _SEPARATORS)
    return next((entry[:cut] for cut in cuts if entry[:cut] in names), None)


def _listed(path: Path, manifest: Manifest) -> Order:
    known = {video.name for video in manifest.videos}
    names = (video_of(entry) for _, entry in read_list(path))
    entries = [(name, find_video(name, known)) for name in names]
    if unknown := [entry for entry, name in entries if name is None]:
        raise InputError(
            f"{and_more(unknown)}: in {path}, but not in the dataset, so the parts of the array cannot be told apart; "
            "import the whole test split"
        )
    # A list of crops names a video once per crop.
    return Order(path.name, tuple(dict.fromkeys(_known(name for _, name in entries))))


def _known(names: Iterable[str | None]) -> Iterable[str]:
    return (name for name in names if name is not None)
