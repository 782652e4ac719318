"""Which form annotations have, told by names of files and, for one of another name, its first line; and reading it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from benchmark.importing.annotations import avenue, json_form, shanghaitech, ucf_crime, xd_violence
from benchmark.importing.annotations.annotated import Annotations
from benchmark.importing.feature_files.layouts import FeatureFolder
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines
from benchmark.terms import Benchmark

Form = Literal["UCF-Crime", "XD-Violence", "ShanghaiTech", "Avenue", "JSON"]

_FILES: Mapping[Form, tuple[str, ...]] = {
    "UCF-Crime": ucf_crime.FILES,
    "XD-Violence": xd_violence.FILES,
    "ShanghaiTech": shanghaitech.FILES,
}
_OWN_FORMS: Mapping[Benchmark, Form] = {
    "ucf-crime": "UCF-Crime",
    "xd-violence": "XD-Violence",
    "shanghaitech": "ShanghaiTech",
    "avenue": "Avenue",
}
# How a file of one's own name begins.
_FIRST_LINES: Mapping[Form, re.Pattern[str]] = {
    "XD-Violence": re.compile(r"\S+_label_\S+(\s+\d+\s+\d+)+"),
    "UCF-Crime": re.compile(r"\S+(\s+\d+)?\s+[^\W\d]\w*(\s+-?\d+\s+-?\d+)+"),
}
_JSON_BEGINNING = re.compile(rb'\s*\{\s*"videos"')
_MOST_LEVELS = 2


class Found(NamedTuple):
    """Annotations that were found: their form, and its main file (Avenue: the folder of the masks)."""

    form: Form
    main: Path


def read_annotations(
    path: Path,
    features: FeatureFolder,
    lists: Sequence[Path] = (),
    benchmark: Benchmark = "other",
    split_seed: int = 0,
) -> Annotations:
    """Read the annotations at `path`, whatever their form.

    Parameters
    ----------
    path
        The main file of a form, or a folder that holds, itself or in its sub-folders, the files of one form.
    features
        The features that they belong to; the XD-Violence form may take the split from their folders.
    lists
        Lists of the training and the test videos' feature files, which give the split of the XD-Violence form and
        stand in for `Anomaly_Train.txt` of the UCF-Crime form.
    benchmark
        Decides where a folder holds several forms.
    split_seed
        Seed of the split of Avenue, which has no official one.

    Raises
    ------
    InputError
        If no form is recognised, or more than one; a file is missing or malformed; or the annotations
        contradict themselves. The message names the file and line, or the video.
    """
    form, main = find_annotations(path, benchmark)
    match form:
        case "UCF-Crime":
            return ucf_crime.read(main, lists)
        case "XD-Violence":
            return xd_violence.read(main, features, lists)
        case "ShanghaiTech":
            return shanghaitech.read(main)
        case "Avenue":
            return avenue.read(main, split_seed)
        case "JSON":
            return json_form.read(main)


def find_annotations(path: Path, benchmark: Benchmark = "other") -> Found:
    """Find annotations: in a file, or in a folder and, where it holds none itself, in its sub-folders.

    Parameters
    ----------
    path
        The main file of a form, or a folder; sub-folders are looked through two levels deep.
    benchmark
        Where a folder holds several forms, the benchmark's own is taken.

    Raises
    ------
    InputError
        If no form is recognised, or there is more than one choice.
    """
    if not path.is_dir():
        return _form_of(path)
    try:
        for folders in _levels(path):
            found = [each for folder in folders for each in _in_folder(folder)]
            own = [each for each in found if each.form == _OWN_FORMS.get(benchmark)]
            if chosen := own or found:
                return _only(chosen, path)
        if len(files := sorted(path.glob("*.json"))) == 1:
            return Found("JSON", files[0])
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    known = ", ".join(name for names in _FILES.values() for name in names)
    raise InputError(
        f"{path}: no annotations recognised there or in its sub-folders; looked for {known}, masks of Avenue and "
        "one .json file; name them with --annotations"
    )


def _levels(path: Path) -> Iterator[list[Path]]:
    """Yield the folder alone, then its sub-folders, then theirs, without hidden ones."""
    folders = [path]
    for _ in range(_MOST_LEVELS + 1):
        yield folders
        folders = [
            inner
            for folder in folders
            for inner in sorted(folder.iterdir())
            if inner.is_dir() and not inner.is_symlink() and not inner.name.startswith(".")
        ]


def _in_folder(folder: Path) -> list[Found]:
    found = []
    for form, names in _FILES.items():
        if main := next((folder / name for name in names if (folder / name).is_file()), None):
            found.append(Found(form, main))
    if avenue.is_form(folder):
        found.append(Found("Avenue", folder))
    files = (path for path in sorted(folder.glob("*.json")) if path.is_file())
    return found or [Found("JSON", path) for path in files if _begins_as_ours(path)]


def _begins_as_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(_JSON_BEGINNING.match(file.read(1024)))


def _only(found: list[Found], path: Path) -> Found:
    if len(found) == 1:
        return found[0]
    if len({each.form for each in found}) == len(found) and len({each.main.parent for each in found}) == 1:
        forms = ", ".join(each.form for each in found)
        raise InputError(f"{path}: annotations in several forms ({forms}); name the file with --annotations")
    places = ", ".join(str(each.main.relative_to(path)) for each in found)
    raise InputError(f"{path}: annotations in several places ({places}); name one with --annotations")


def _form_of(path: Path) -> Found:
    if path.suffix.lower() == ".json":
        return Found("JSON", path)
    if path.suffix.lower() in (".mat", ".npy"):
        return Found("Avenue", path.parent)
    for form, names in _FILES.items():
        if path.name in names:
            return Found(form, path)
    first = next((line for _, line in read_lines(path)), "")
    for form, pattern in _FIRST_LINES.items():
        if pattern.fullmatch(first):
            return Found(form, path)
    raise InputError(
        f"{path}: not recognised as annotations; give UCF-Crime, XD-Violence, ShanghaiTech, Avenue or JSON files"
    )
