"""What the names of videos, folders and lists say of a video's label, and the one label that it all amounts to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmark.datasets.official import OFFICIAL
from benchmark.datasets.words import Label, label_of_class, labels_in
from benchmark.importing.annotations import shanghaitech, ucf_crime, xd_violence
from benchmark.system.errors import InputError

_EXTRACTOR = re.compile(r"_(?:i3d|c3d|clip|rgb)$", re.IGNORECASE)
_NUMBER = re.compile(r"([01])(?:\.0*)?")


class Said(NamedTuple):
    """That a video is normal (0) or abnormal (1), and where that is said."""

    label: Label
    where: str


class Named(NamedTuple):
    """A video by the name of its files: its own name, abnormal classes in it, and what it says of the label."""

    name: str
    classes: tuple[str, ...]
    said: tuple[Said, ...]


def by_name(stem: str) -> Named:
    """Read the stem of a video's files: a name of one of the benchmarks, or one with a word for the label."""
    if match := xd_violence.NAME.match(stem):
        classes = xd_violence.classes_of(match[0])
        return Named(match[0], classes, (Said(1 if classes else 0, "its name"),))
    if match := ucf_crime.OFFICIAL_NAME.match(stem):
        known = match["category"] in OFFICIAL["ucf-crime"].classes
        words = tuple(Said(label, "its name") for label in labels_in(match["category"]))
        return Named(match[0], (match["category"],) if known else (), (Said(1, "its name"),) if known else words)
    name = _EXTRACTOR.sub("", stem)
    if shanghaitech.OFFICIAL_NAME.fullmatch(name):
        return Named(name, (), (Said(1 if len(name) == 7 else 0, "the digits of its number"),))
    return Named(name, (), tuple(Said(label, "its name") for label in labels_in(name)))


def by_folders(folders: Sequence[str], where: str) -> Iterator[Said]:
    """Yield what the innermost folder with a word for the label says."""
    for folder in reversed(folders):
        if labels := labels_in(folder):
            yield from (Said(label, f"{where} {folder}") for label in labels)
            return


def by_list(text: str, where: str) -> Iterator[Said]:
    """Yield what stands behind a video in a list: 0, 1, the name of a class, or XD-Violence's code of normal videos, A.

    Raises
    ------
    InputError
        If it is another number.
    """
    if match := _NUMBER.fullmatch(text):
        yield Said(1 if match[1] == "1" else 0, f"the list ({where})")
    elif re.match(r"[-+\d]", text):
        raise InputError(f"{where}: {text} behind the file is neither 0 (normal) nor 1 (abnormal); correct it")
    elif text:
        yield Said(0 if text == "A" else label_of_class(text, where), f"the list ({where})")


def one_label(name: str, said: Sequence[Said]) -> Label | None:
    """Return the label that all agree on; None if nothing is said.

    Raises
    ------
    InputError
        If two contradict each other.
    """
    first = {label: next((each for each in said if each.label == label), None) for label in (0, 1)}
    if first[0] and first[1]:
        raise InputError(
            f"{name}: normal by {first[0].where}, but abnormal by {first[1].where}; correct one of the two"
        )
    return said[0].label if said else None
