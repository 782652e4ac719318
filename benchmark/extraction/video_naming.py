"""What videos are called: by their files, and by folders as well where several have one name."""

from __future__ import annotations

import filecmp
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from benchmark.datasets.naming.choice import find_named
from benchmark.datasets.naming.parts import FilePath, with_split
from benchmark.datasets.video_names import name_parts, telling_names
from benchmark.datasets.words import split_in
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more

_FRAMES = re.compile(r"frames?|images?|imgs?|pictures?|rgb|jpe?gs?|pngs?", re.IGNORECASE)
"""What folders of frames are called that say nothing of the video."""


@dataclass(frozen=True)
class Videos:
    """Videos to be extracted.

    Attributes
    ----------
    paths
        Name -> video, or folder of its frames, in the order of names.
    said
        What was taken for a video and a name, in sentences.
    """

    paths: Mapping[str, Path]
    said: tuple[str, ...] = ()


def name_videos(paths: Iterable[Path]) -> Videos:
    """Name videos by their files; where some share a name, by the folders that tell them apart.

    Those are the words of the split, if they do it for all (`training_videos/01.avi` is `training_01`), else as many
    folders as are needed, as `telling_names` has it. Of copies, and of a video that is there as frames as well, one
    is taken.

    Raises
    ------
    InputError
        If no folders tell two videos apart, or a name cannot be a file's in the results.
    """
    kept, said = _once(_below_common({path: name_parts(_naming_path(path)) for path in paths}))
    names, told_apart = _names(list(kept.values()))
    videos: dict[str, Path] = {}
    for name, path in zip(names, kept, strict=True):
        if not name.isprintable() or name != name.strip():
            raise InputError(f"{str(path)!a}: not a name for a video; rename it without control characters and spaces")
        if name in videos:
            raise InputError(f"{name}: two videos have this name, {videos[name]} and {path}; rename one of them")
        videos[name] = path
    if told_apart:
        stems = [path[-1] for path in kept.values()]
        shared = next(place for place, stem in enumerate(stems) if stems.count(stem) > 1)
        said = [*said, f"{told_apart}: {list(kept)[shared]} is {names[shared]}."]
    return Videos(dict(sorted(videos.items())), tuple(said))


def find_video(entry: str, names: Collection[str]) -> str | None:
    """Return which of the names of `name_videos` an entry of a list means, by its name and folders; None for none."""
    parts = name_parts(entry)
    if name := find_named(parts, names):
        return name
    # Folders further out may be of the place where the list was made, and say another split: then it is not clear.
    splits = {with_split(parts[-count:]) for count in range(2, len(parts) + 1)} - {None}
    return next((name for name in splits if name in names), None) if len(splits) == 1 else None


def _naming_path(path: Path) -> str:
    """Return the whole path that names a video: of frames in `01_0014/frames`, the folder above."""
    named = path.parent if path.is_dir() and _FRAMES.fullmatch(path.name) else path
    return os.path.abspath(named)  # noqa: PTH100 - a link is named by itself


def _below_common(places: Mapping[Path, FilePath]) -> dict[Path, FilePath]:
    """Return the parts without the folders that all have in common: what those are called tells nothing apart."""
    folders = zip(*(parts[:-1] for parts in places.values()), strict=False)
    common = sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, folders))
    return {path: parts[common:] for path, parts in places.items()}


def _once(places: Mapping[Path, FilePath]) -> tuple[dict[Path, FilePath], list[str]]:
    """Return one of each video, and what was passed over; videos of different splits are never the same."""
    groups: defaultdict[tuple[object, str], list[Path]] = defaultdict(list)
    for path, parts in places.items():
        groups[next(filter(None, map(split_in, parts[:-1])), None), parts[-1]].append(path)
    copies, frames = [], []
    for group in groups.values():
        files = [path for path in group if not path.is_dir()]
        frames += [path for path in group if files and path not in files]
        copies += list(_copies(files or group)) if len(group) > 1 else []
    said = []
    if copies:
        said.append(f"Videos that are there twice, byte for byte, are taken once; left out: {_first(copies)}.")
    if frames:
        said.append(f"Frames of videos that are there as files, too, are passed over: {_first(frames)}.")
    return {path: parts for path, parts in places.items() if path not in {*copies, *frames}}, said


def _first(paths: Sequence[Path]) -> str:
    return and_more(map(str, paths))


def _copies(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield what has the content of a video, or folder of frames, before it."""
    firsts: defaultdict[object, list[list[Path]]] = defaultdict(list)
    for path in paths:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        like = firsts[tuple((file.name if path.is_dir() else "", file.lstat().st_size) for file in files)]
        if any(all(map(_same, first, files)) for first in like):
            yield path
        else:
            like.append(files)


def _same(one: Path, other: Path) -> bool:
    return filecmp.cmp(one, other, shallow=False)


def _names(places: Sequence[FilePath]) -> tuple[list[str], str]:
    """Return the names of videos, and how they are told apart; empty if by their files alone."""
    stems = [parts[-1] for parts in places]
    if len(set(stems)) == len(stems):
        return stems, ""
    splits = [name for name in map(with_split, places) if name is not None]
    if len(set(splits)) == len(places):
        return splits, "Videos are named by their split and their file, as some of them share a name"
    names = telling_names(["/".join(parts) for parts in places])
    return names, "Videos of one name are told apart by the folders before it, joined by `_`"
