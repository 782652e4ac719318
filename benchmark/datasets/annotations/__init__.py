"""Readers of the annotation forms, told apart by looking."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmark.datasets.annotations import json_form, shanghaitech, ucf_crime, xd_violence
from benchmark.datasets.annotations.frames import read_frame_counts
from benchmark.datasets.annotations.types import AnnotatedVideo, Annotations, Interval
from benchmark.datasets.layouts import FeatureFolder
from benchmark.datasets.names import read_lines
from benchmark.errors import InputError

__all__ = ["AnnotatedVideo", "Annotations", "Interval", "read_annotations", "read_frame_counts"]

Reader = Callable[[Path, FeatureFolder], Annotations]

_READERS: Mapping[str, Reader] = {
    "UCF-Crime": lambda main, _: ucf_crime.read(main),
    "XD-Violence": xd_violence.read,
    "ShanghaiTech": lambda main, _: shanghaitech.read(main),
    "JSON": lambda main, _: json_form.read(main),
}
_FILES: Mapping[str, tuple[str, ...]] = {
    "UCF-Crime": ucf_crime.FILES,
    "XD-Violence": xd_violence.FILES,
    "ShanghaiTech": shanghaitech.FILES,
}
# How a file of one's own name begins.
_FIRST_LINES: Mapping[str, re.Pattern[str]] = {
    "XD-Violence": re.compile(r"\S+_label_\S+(\s+\d+\s+\d+)+"),
    "UCF-Crime": re.compile(r"\S+\s+[^\W\d]\w*(\s+-?\d+\s+-?\d+)+"),
}


def read_annotations(path: Path, features: FeatureFolder) -> Annotations:
    """Read the annotations at `path`, whatever their form.

    Parameters
    ----------
    path
        The main file of a form, or a folder that holds the files of one form.
    features
        The features that they belong to; the XD-Violence form may take the split from their folders.

    Raises
    ------
    InputError
        If no form is recognised, or more than one; a file is missing or malformed; or the annotations
        contradict themselves. The message names the file and line, or the video.
    """
    form, main = _main_file(path) if path.is_dir() else (_form_of(path), path)
    return _READERS[form](main, features)


def _main_file(folder: Path) -> tuple[str, Path]:
    found = {
        form: folder / name for form, names in _FILES.items() for name in reversed(names) if (folder / name).is_file()
    }
    if not found and len(files := sorted(folder.glob("*.json"))) == 1:
        found = {"JSON": files[0]}
    if not found:
        known = ", ".join(name for names in _FILES.values() for name in names)
        raise InputError(f"{folder}: no annotations recognised there; looked for {known} and one .json file")
    if len(found) > 1:
        raise InputError(
            f"{folder}: annotations in several forms ({', '.join(found)}); name the file with --annotations"
        )
    return next(iter(found.items()))


def _form_of(path: Path) -> str:
    if path.suffix.lower() == ".json":
        return "JSON"
    for form, names in _FILES.items():
        if path.name in names:
            return form
    first = next((line for _, line in read_lines(path)), "")
    for form, pattern in _FIRST_LINES.items():
        if pattern.fullmatch(first):
            return form
    raise InputError(f"{path}: not recognised as annotations; give UCF-Crime, XD-Violence, ShanghaiTech or JSON files")
