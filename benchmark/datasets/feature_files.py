"""Finding feature files below a folder: which are taken, which are passed over, and where links may lead."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.formats import SUFFIXES, ArrayFile, is_number_text, open_arrays
from benchmark.datasets.lists import file_of, read_list
from benchmark.datasets.manifest import Split
from benchmark.datasets.names import and_more
from benchmark.errors import InputError

# Folders and files that published sets keep beside the features, and that hold arrays as well.
_OTHER_FOLDERS = frozenset({"flow", "motion", "objects", "test_frame_mask", "frame_labels", "single_gt", "xd-gt"})
_GROUND_TRUTH = re.compile(r"(^|[-_.])gt([-_.\d]|$)", re.IGNORECASE)
# A part of a folder's name: `test`, `SH_Test_ten_crop_i3d`, `RGBTest`, but not `latest`.
_TRAIN = re.compile(r"(?<![A-Za-z])train|Train")
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


def features_home(folder: Path) -> Path:
    """Return the folder to search: a sub-folder called `features`, if there is one, or the folder itself."""
    return folder / "features" if (folder / "features").is_dir() else folder


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
        if not _OTHER_FOLDERS & set(path.relative_to(folder).parts[:-1])
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
    return [
        FoundArray(array, _split_of((*path.relative_to(folder).parts[:-1], *array.folders)))
        for path in files
        for array in open_arrays(path)
    ]


def files_below(folder: Path, suffixes: Iterable[str], follow_links: bool = False) -> Iterator[Path]:
    """Yield the files of a folder and its sub-folders by name, but no hidden ones.

    Raises
    ------
    InputError
        If the folder does not exist, or a link leads out of it and is not to be followed.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    wanted, top = tuple(suffixes), folder.resolve()
    seen: set[Path] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = Path(parent).resolve()
        if real in seen:  # a link back to a folder above
            folders.clear()
            continue
        seen.add(real)
        taken = [Path(parent, name) for name in sorted(files) if name.lower().endswith(wanted) and name[0] != "."]
        for path in (Path(parent), *taken):
            if not follow_links and not path.resolve().is_relative_to(top):
                raise InputError(
                    f"{path}: a link out of {folder}, to {path.resolve()}; give that folder, "
                    "or --follow-links if you trust it"
                )
        yield from taken


def _listed(files: Iterable[Path], lists: Sequence[Path], folder: Path) -> list[Path]:
    found: dict[str, Path] = {}
    for path in files:
        if (other := found.setdefault(path.name, path)) != path:
            raise InputError(f"{path.name}: this file is there twice, {other} and {path}; keep one of them")
    wanted = list(dict.fromkeys(file_of(entry) for path in lists for _, entry in read_list(path)))
    if absent := [name for name in wanted if name not in found]:
        raise InputError(f"{and_more(absent)}: listed, but not below {folder}; add the file, or take it off the list")
    return [found[name] for name in wanted]


def _split_of(folders: Iterable[str]) -> Split | None:
    for name in folders:
        if _TRAIN.search(name):
            return "train"
        if _TEST.search(name):
            return "test"
    return None
