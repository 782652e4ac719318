"""Which form annotations have, told by names of files and, for other names, by what is in them; and reading it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from benchmark.importing.annotations import (
    avenue,
    json_form,
    listed_array,
    shanghaitech,
    ucf_crime,
    ucf_test_lines,
    xd_violence,
)
from benchmark.importing.annotations.annotated import Annotations
from benchmark.importing.feature_files.search import FoundArray
from benchmark.system.errors import InputError
from benchmark.system.text_files import beginning, read_lines, shown
from benchmark.terms import Benchmark

Form = Literal["UCF-Crime", "XD-Violence", "ShanghaiTech", "Avenue", "JSON", "lists and one array"]

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
_EXPECTED: Mapping[Form, str] = {
    "UCF-Crime": "`name.mp4  Class  start  end`",
    "XD-Violence": "`name_label_B1-0-0 start end`",
    "ShanghaiTech": "a video's name, beside a folder test_frame_mask",
}
_JSON_BEGINNING = re.compile(r'\s*\{\s*"videos"')
_MOST_LEVELS = 2


class Found(NamedTuple):
    """Annotations that were found: their form, and its main file (Avenue: the folder of the masks)."""

    form: Form
    main: Path


def read_annotations(
    path: Path,
    found: Sequence[FoundArray] = (),
    lists: Sequence[Path] = (),
    benchmark: Benchmark = "other",
    split_seed: int = 0,
) -> Annotations:
    """Read the annotations at `path`, whatever their form.

    Parameters
    ----------
    path
        The main file of a form, or a folder that holds, itself or in its sub-folders, the files of one form.
    found
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
            return xd_violence.read(main, found, lists)
        case "ShanghaiTech":
            return shanghaitech.read(main)
        case "Avenue":
            return avenue.read(main, split_seed)
        case "JSON":
            return json_form.read(main)
        case "lists and one array":
            return listed_array.read(main, lists, found)


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
        for in_folder in (_official_in, _own_in):
            for folders in _levels(path):
                found = [each for folder in folders for each in in_folder(folder)]
                own = [each for each in found if each.form == _OWN_FORMS.get(benchmark)]
                if chosen := own or found:
                    return _only(chosen, path)
        if len(files := [file for file in sorted(path.iterdir()) if file.suffix.lower() in json_form.SUFFIXES]) == 1:
            return Found("JSON", files[0])
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None
    known = ", ".join(name for names in _FILES.values() for name in names)
    raise InputError(
        f"{path}: no annotations recognised there or in its sub-folders; looked for {known}, text files with lines of "
        "theirs, masks of Avenue, lists beside a gt*.npy and one file of JSON; name them with --annotations"
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


def _official_in(folder: Path) -> list[Found]:
    found = []
    for form, names in _FILES.items():
        if main := next((folder / name for name in names if (folder / name).is_file()), None):
            found.append(Found(form, main))
    if avenue.is_form(folder):
        found.append(Found("Avenue", folder))
    files = (path for path in sorted(folder.glob("*.json")) if path.is_file())
    return found or [Found("JSON", path) for path in files if _begins_as_ours(path)]


def _own_in(folder: Path) -> list[Found]:
    """Find files of other names than the benchmarks': by a list's word for its split, or by the first line."""
    if lists := shanghaitech.find_lists(folder):
        return [Found("ShanghaiTech", next(iter(lists.values())))]
    texts = [path for path in sorted(folder.glob("*.txt")) if path.is_file() and not path.name.startswith(".")]
    found = [Found(form, path) for path in texts if (form := _form_of_text(path))]
    if array := listed_array.find_array(folder):  # whose lists may read like UCF-Crime's training file
        found.append(Found("lists and one array", array))
    return found or [Found("UCF-Crime", path) for path in texts if ucf_crime.is_training_file(path)]


def _begins_as_ours(path: Path) -> bool:
    return bool(_JSON_BEGINNING.match(beginning(path)))


def _only(found: list[Found], path: Path) -> Found:
    if len(found) == 1:
        return found[0]
    if len({each.form for each in found}) == len(found) and len({each.main.parent for each in found}) == 1:
        forms = ", ".join(each.form for each in found)
        raise InputError(f"{path}: annotations in several forms ({forms}); name the file with --annotations")
    places = ", ".join(str(each.main.relative_to(path)) for each in found)
    raise InputError(f"{path}: annotations in several places ({places}); name one with --annotations")


def _form_of(path: Path) -> Found:
    if path.suffix.lower() in json_form.SUFFIXES:
        return Found("JSON", path)
    if path.suffix.lower() == ".mat" or (path.suffix.lower() == ".npy" and avenue.is_form(path.parent)):
        return Found("Avenue", path.parent)
    if path.suffix.lower() == ".npy":
        return Found("lists and one array", path)
    for form, names in _FILES.items():
        if path.name in names:
            return Found(form, path)
    if path in shanghaitech.find_lists(path.parent).values():
        return Found("ShanghaiTech", path)
    if own := _form_of_text(path):
        return Found(own, path)
    if ucf_crime.is_training_file(path):
        return Found("UCF-Crime", path)
    number, first = next(iter(read_lines(path)), (1, ""))  # an error says why a file cannot be read
    expected = ", ".join(f"{line} ({form})" for form, line in _EXPECTED.items())
    raise InputError(
        f"{path}:{number}: not recognised as annotations by its first line, {shown(first)}; expected is {expected}, "
        "or a file of JSON"
    )


def _form_of_text(path: Path) -> Form | None:
    """Tell the form by the first line, as of a test file; None for any other file."""
    forms: Mapping[Form, Callable[[Path], bool]] = {
        "XD-Violence": xd_violence.is_form,
        "UCF-Crime": ucf_test_lines.is_form,
    }
    return next((form for form, is_form in forms.items() if is_form(path)), None)
