"""Finding feature files below a folder: which are taken, which are passed over, and where links may lead."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from benchmark.importing.feature_files.formats import SUFFIXES, ArrayFile, is_number_text, open_arrays
from benchmark.importing.feature_files.lists import file_of, read_list
from benchmark.system.errors import InputError
from benchmark.system.files import real_path, unreadable
from benchmark.system.text_files import and_more
from benchmark.terms import Split

# Folders and files that published sets keep beside the features, and that hold arrays as well.
_OTHER_FOLDERS = frozenset(
    {"motion", "objects", "test_frame_mask", "frame_labels", "single_gt", "xd-gt", "gt"}
    # Other modalities of the same videos: XD-Violence comes as RGB, RGBTest, Flow, FlowTest and sound.
    | {"flow", "flowtest", "vggish", "vggish-features", "audio"}
)
_GROUND_TRUTH = re.compile(r"(^|[-_.])gt([-_.\d]|$)", re.IGNORECASE)
# A part of a folder's name: `test`, `SH_Test_ten_crop_i3d`, `RGBTest`, but not `latest`.
_TRAIN = re.compile(r"(?<![A-Za-z])train|Train|TRAIN")
_TEST = re.compile(r"(?<![A-Za-z])test|Test|TEST")


@dataclass(frozen=True)
class FoundArray:
    """An array of a features folder.

    Attributes
    ----------
    array
        The array, of which only the header has been read.
    split
        Split by the `train` or `test` folder (or HDF5 group) that it lies in; None if it lies in neither.
    """

    array: ArrayFile
    split: Split | None

    @property
    def place(self) -> str:
        """Where it is, for messages: its file, and its group inside the file."""
        inside = "/".join((*self.array.folders, self.array.name))
        return f"{self.array.path}" if inside == self.array.path.stem else f"{self.array.path}:{inside}"

    @property
    def name(self) -> str:
        """The last part of that."""
        return self.place.rpartition("/")[2]


def features_home(folder: Path, follow_links: bool = False) -> Path:
    """Return the folder to search: a sub-folder called `features`, if there is one, or the folder itself.

    Raises
    ------
    InputError
        If that sub-folder is a link out of the folder, and not to be followed.
    """
    inner = folder / "features"
    if not inner.is_dir():
        return folder
    _check_inside(inner, folder, follow_links)
    return inner


def find_arrays(folder: Path, lists: Sequence[Path] = (), follow_links: bool = False) -> list[FoundArray]:
    """Open every feature array below a folder, by its header.

    Parameters
    ----------
    lists
        Files that list the feature files, one a line, with paths of any machine: by their base names they
        choose what is taken. Without lists, everything is.
    follow_links
        Whether links may lead out of the folder.

    Raises
    ------
    InputError
        If the folder does not exist or holds no arrays, a link leads out of it, a listed file is not there,
        or a file cannot be read.
    """
    files = [
        path
        for path in files_below(folder, SUFFIXES, follow_links)
        if not _OTHER_FOLDERS.intersection(map(str.lower, path.relative_to(folder).parts[:-1]))
        and not _GROUND_TRUTH.search(path.stem)
        and (path.suffix.lower() != ".txt" or is_number_text(path))
    ]
    if lists:
        files = _listed(files, lists, folder)
    if not files:
        raise InputError(
            f"{folder}: no .npy files there or below, nor others that features come in ({', '.join(SUFFIXES[1:])}); "
            "give the folder of the features with --features"
        )
    found = [
        FoundArray(array, _split_of((*path.relative_to(folder).parts[:-1], *array.folders)))
        for path in files
        for array in open_arrays(path)
    ]
    # `RGB` beside `RGBTest`: where only test folders say what they are, the rest is for training.
    if {each.split for each in found} == {None, "test"}:
        found = [replace(each, split=each.split or "train") for each in found]
    return found


def files_below(folder: Path, suffixes: Iterable[str], follow_links: bool = False) -> Iterator[Path]:
    """Yield the files of a folder and its sub-folders by name, but no hidden ones.

    Raises
    ------
    InputError
        If the folder does not exist, one in it cannot be read, or a link leads out of it and is not to be followed.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    wanted = tuple(suffixes)
    seen: set[Path] = set()
    for parent, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = real_path(Path(parent))
        if real in seen:  # a link back to a folder above
            folders.clear()
            continue
        seen.add(real)
        taken = [Path(parent, name) for name in sorted(files) if name.lower().endswith(wanted) and name[0] != "."]
        for path in (Path(parent), *taken):
            _check_inside(path, folder, follow_links)
        yield from taken


def _refuse(error: OSError) -> None:
    raise unreadable(Path(str(error.filename)), error)


def _check_inside(path: Path, folder: Path, follow_links: bool) -> None:
    if not follow_links and not real_path(path).is_relative_to(real_path(folder)):
        raise InputError(
            f"{path}: a link out of {folder}, to {real_path(path)}; give that folder, or --follow-links if you trust it"
        )


def _listed(files: Iterable[Path], lists: Sequence[Path], folder: Path) -> list[Path]:
    """Return the files that are listed: those of an entry's name, or stem, with most of its folders in common."""
    named: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        for name in (path.name, path.stem):
            named[name].append(path)
    entries = list(dict.fromkeys(entry for path in lists for _, entry in read_list(path)))
    if absent := [file_of(entry) for entry in entries if file_of(entry) not in named]:
        raise InputError(f"{and_more(absent)}: listed, but not below {folder}; add the file, or take it off the list")
    return list(dict.fromkeys(_nearest(entry, named[file_of(entry)]) for entry in entries))


def _nearest(entry: str, paths: Sequence[Path]) -> Path:
    wanted = re.split(r"[/\\]", entry)[-2::-1]

    def in_common(path: Path) -> int:
        pairs = zip(wanted, path.parts[-2::-1], strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    best = max(map(in_common, paths))
    first, *others = [path for path in paths if in_common(path) == best]
    if others:
        raise InputError(f"{first.name}: this file is there twice, {first} and {others[0]}; keep one of them")
    return first


def _split_of(folders: Iterable[str]) -> Split | None:
    for name in folders:
        if _TRAIN.search(name):
            return "train"
        if _TEST.search(name):
            return "test"
    return None
