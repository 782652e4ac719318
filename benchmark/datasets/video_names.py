"""Names of videos, as they stand in lists and in names of files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.names import check_file_name
from benchmark.system.text_files import shown

VIDEO_ENDINGS = (".mp4", ".avi", ".mkv", ".mov", ".mpg", ".mpeg", ".webm", ".wmv", ".flv", ".m4v", ".h264", ".h265")
# Only known endings: names of XD-Violence have dots of their own, as in `Bad.Boys.II.2003__#00-06-42_label_A`.
_ENDINGS = (*VIDEO_ENDINGS, ".npy", ".npz", ".pt", ".pth", ".h5", ".hdf5", ".mat", ".csv", ".txt", ".pkl")
_CROP = re.compile(r"__(\d{1,2})$")


def name_parts(entry: str) -> tuple[str, ...]:
    """Return the folders and the name in a list's entry, in the one form of Unicode (NFC) that names are compared in.

    Slashes are of either kind; endings of video and feature files are dropped from the name, all of several.
    """
    *folders, last = re.split(r"[/\\]", unicodedata.normalize("NFC", entry))
    return (*(folder for folder in folders if folder not in ("", ".")), without_ending(last))


def video_name(entry: str) -> str:
    """Return the name in a list's entry, without folders (of either slash) and a file's ending, in NFC."""
    return name_parts(entry)[-1]


def without_ending(name: str) -> str:
    """Return the name of a file without the endings of video and feature files: ``a.mp4.npy`` -> ``a``."""
    stem, dot, ending = name.rpartition(".")
    return without_ending(stem) if stem and dot + ending.lower() in _ENDINGS else name


def is_video_file(name: str) -> bool:
    """Whether a file's name has the ending of a video."""
    stem, dot, ending = name.rpartition(".")
    return bool(stem) and dot + ending.lower() in VIDEO_ENDINGS


def telling_names(entries: Sequence[str]) -> list[str]:
    """Return the names of videos that entries with folders mean.

    That is the name of the file. Where entries with other folders share it, their names have as many of the folders
    before it as tell them apart, joined by ``_``. Entries that are the same have the same name. One that leads out
    of its folder stays as it is, which is no name.
    """
    paths = [name_parts(entry) for entry in entries]
    uses = Counter(path[-1] for path in set(paths))
    shared = {path for path in paths if uses[path[-1]] > 1}
    depths = range(1, max(map(len, shared), default=1) + 1)
    depth = next((depth for depth in depths if len({path[-depth:] for path in shared}) == len(shared)), depths[-1])
    names = ["_".join(path[-depth:]) if path in shared else path[-1] for path in paths]
    return [entry if ".." in path else name for entry, path, name in zip(entries, paths, names, strict=True)]


def split_crop(stem: str) -> tuple[str, int | None]:
    """Split the stem of a feature file into name and crop number, ``name__3`` -> ``("name", 3)``."""
    match = _CROP.search(stem)
    return (stem[: match.start()], int(match[1])) if match else (stem, None)


def check_video_name(name: str, source: Path) -> None:
    """Refuse what cannot be the name of a video: it names files, and stands in lists and in lines of reports.

    Raises
    ------
    InputError
        If it breaks the rule for names of files, see `check_file_name`.
    """
    try:
        check_file_name(name)
    except ValueError:
        raise InputError(
            f"{source}: {shown(name)} is no name of a video; write the name of its file, without folders"
        ) from None
