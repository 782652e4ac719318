"""Finding feature files below a folder: which are taken, which are passed over, and where links may lead."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from filecmp import cmp
from itertools import takewhile
from pathlib import Path

from benchmark.datasets.video_names import video_name
from benchmark.datasets.words import split_in
from benchmark.importing.feature_files.formats import (
    SUFFIXES,
    ArrayFile,
    NoRowsError,
    content_of,
    is_number_text,
    open_arrays,
    refused,
)
from benchmark.importing.feature_files.lists import file_of, read_list
from benchmark.system.errors import InputError
from benchmark.system.files import real_path, unreadable
from benchmark.system.text_files import and_more
from benchmark.terms import Split

# Folders and files that published sets keep beside the features, and that hold arrays as well.
_OTHER_FOLDERS = frozenset(
    {"motion", "objects", "test_frame_mask", "testing_label_mask", "frame_labels", "single_gt", "xd-gt", "gt"}
    # Other modalities of the same videos: XD-Violence comes as RGB, RGBTest, Flow, FlowTest and sound.
    | {"flow", "flowtest", "vggish", "vggish-features", "audio"}
)
_COMPARED_ROWS = 64
_CONTAINERS = {
    ".zip": "unpack the archive",
    ".pkl": "save each as .npy with np.save",
    ".mp4": "extract features from the videos with `wvad data extract`",
    ".avi": "extract features from the videos with `wvad data extract`",
    ".txt": "a text file of features has a row a line, of 16 numbers or more",
    ".csv": "a text file of features has a row a line, of 16 numbers or more",
}
_GROUND_TRUTH = re.compile(r"(^|[-_.])gt([-_.\d]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class FoundArray:
    """An array of a features folder.

    Attributes
    ----------
    array
        The array, of which only the header has been read.
    split
        Split by the `train` or `test` folder (or HDF5 file or group) that it lies in; None if it lies in neither.
    folders
        Folders between the searched one and the file, the file itself where it holds several arrays, and groups in it.
    """

    array: ArrayFile
    split: Split | None
    folders: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the array's name: what a video may be named by."""
        return (*self.folders, self.array.name)

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
    if folder.is_file():
        files, folder = [folder], folder.parent
    else:
        files = [path for path in files_below(folder, SUFFIXES, follow_links) if _may_be_features(path, folder)]
    files, matlab = (_listed(files, lists, folder), []) if lists else _matlab_apart(files)
    if not files and not matlab:
        raise _nothing_found(folder)
    found, aside = _open_all(files, folder)
    if not any(len(each.array.shape) > 1 for each in found):  # frame rates and the like at most
        rows, more = _open_all(matlab, folder)
        found, aside = found + rows, aside + more
    if not found:
        raise aside[0]
    if aside:  # said with what lies beside features inside of files
        first = replace(found[0].array, beside=(*found[0].array.beside, *(error.name for error in aside)))
        found[0] = replace(found[0], array=first)
    # `RGB` beside `RGBTest`: where only test folders say what they are, the rest is for training.
    if {each.split for each in found} == {None, "test"}:
        found = [replace(each, split=each.split or "train") for each in found]
    return found


def _matlab_apart(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files of other formats, and those of MATLAB.

    Beside features of another format, these are masks, annotations, or what the features were made from.
    """
    apart: tuple[list[Path], list[Path]] = ([], [])
    for path in files:
        apart[path.suffix.lower() == ".mat"].append(path)
    return apart


def _open_all(files: Iterable[Path], folder: Path) -> tuple[list[FoundArray], list[NoRowsError]]:
    """Return the arrays in the files, and what the files without rows hold, such as a frame rate."""
    found: list[FoundArray] = []
    aside: list[NoRowsError] = []
    for path in files:
        try:
            arrays = open_arrays(path)
        except NoRowsError as error:
            aside.append(error)
            continue
        for each in arrays:
            folders = _folders(path.relative_to(folder), each)
            found.append(FoundArray(each, _split_of(folders), folders))
    return found, aside


def _may_be_features(path: Path, folder: Path) -> bool:
    return (
        not _OTHER_FOLDERS.intersection(map(str.lower, path.relative_to(folder).parts[:-1]))
        and not _GROUND_TRUTH.search(path.stem)
        and (path.suffix.lower() not in (".txt", ".csv") or is_number_text(path))
    )


def _nothing_found(folder: Path) -> InputError:
    """Return the error for a folder without feature files, which says what is there instead."""
    paths = list(files_below(folder, ("",)))
    for path in paths:
        if path.suffix.lower() == ".txt" and "UTF-16" in (content := content_of(path)):
            return refused(path, content)
    counts = Counter(path.suffix.lower() or "without an ending" for path in paths)
    held = ", ".join(f"{count} {ending}" for ending, count in counts.most_common(4)) or "nothing"
    what = next((f"; {path.name} is {content}" for path in paths if (content := content_of(path))), "")
    remedies = [remedy for ending, remedy in _CONTAINERS.items() if counts[ending]]
    remedy = remedies[0] if remedies else "give the folder of the features with --features"
    return InputError(
        f"{folder}: no .npy files there or below, nor others that features come in ({', '.join(SUFFIXES[1:])}); "
        f"it holds {held}{what}; {remedy}"
    )


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


def _folders(path: Path, array: ArrayFile) -> tuple[str, ...]:
    """Return what an array lies in: folders, its file if that does not give it its name, and groups."""
    alone = not array.folders and array.name == path.stem
    return (*path.parts[:-1], *(() if alone else (path.stem,)), *array.folders)


def has_equal_content(first: ArrayFile, second: ArrayFile) -> bool:
    """Whether two arrays hold the same values of the same type; of unlike ones little is read."""
    if first.shape != second.shape:
        return False
    blocks = zip(first.blocks(_COMPARED_ROWS), second.blocks(_COMPARED_ROWS), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in blocks)


def _listed(files: Iterable[Path], lists: Sequence[Path], folder: Path) -> list[Path]:
    """Return the files that are listed: those of an entry's name, with or without ending, most folders in common."""
    named: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        for name in dict.fromkeys((_composed(path.name), _composed(path.stem), video_name(path.name))):
            named[name].append(path)
    entries = list(dict.fromkeys(_composed(entry) for path in lists for _, entry in read_list(path)))
    found = {entry: named.get(file_of(entry)) or named.get(video_name(entry), []) for entry in entries}
    found = {entry: _matlab_apart(paths)[0] or paths for entry, paths in found.items()}
    if absent := [file_of(entry) for entry, paths in found.items() if not paths]:
        raise InputError(f"{and_more(absent)}: listed, but not below {folder}; add the file, or take it off the list")
    nearest = {entry: _nearest(entry, paths) for entry, paths in found.items()}
    twice = [paths for paths in nearest.values() if not all(cmp(paths[0], other, shallow=False) for other in paths[1:])]
    if twice:
        more = f" (and {len(twice) - 1} more files)" if len(twice) > 1 else ""
        raise InputError(
            f"{twice[0][0].name}{more}: this file is there twice, {twice[0][0]} and {twice[0][1]}, with different "
            "content; write into the list which is meant, with its folder"
        )
    return list(dict.fromkeys(paths[0] for paths in nearest.values()))


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _nearest(entry: str, paths: Sequence[Path]) -> list[Path]:
    """Return the files with the most folders of an entry, from the last on."""
    wanted = re.split(r"[/\\]", entry)[-2::-1]

    def in_common(path: Path) -> int:
        pairs = zip(wanted, map(_composed, path.parts[-2::-1]), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    best = max(map(in_common, paths))
    return [path for path in paths if in_common(path) == best]


def _split_of(folders: Iterable[str]) -> Split | None:
    """Return the split by the outermost folder with a word for one: `test`, `SH_Test_ten_crop_i3d`, `RGBTest`."""
    return next((split for name in folders if (split := split_in(name))), None)
