"""Which videos are to be extracted: those of a folder, one video, or those of a list."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from benchmark.datasets.video_names import VIDEO_ENDINGS, is_video_file, without_ending
from benchmark.extraction.frame_sources import FEWEST, is_picture, odd_picture
from benchmark.extraction.video_naming import Videos, name_videos
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more, read_lines

_KINDS = ", ".join(VIDEO_ENDINGS)


def find_videos(source: Path) -> Videos:
    """Find videos, and folders of numbered frames, and name them.

    Parameters
    ----------
    source
        A folder, which is searched with its sub-folders (hidden ones and links to folders are passed over); a video;
        a folder of frames; or a text file with the path of one of these a line, relative to the list's folder.

    Raises
    ------
    InputError
        If there is no video, a listed one does not exist, two cannot be told apart by name, or a name cannot be a
        file's in the results.
    """
    others: dict[Path, str] = {}
    if source.is_dir():
        paths, others = _in_folder(source)
    elif not source.is_file():
        raise InputError(f"{source}: no such folder, video or list")
    else:
        paths = [source] if is_video_file(source.name) else _listed(source)
    pictures = and_more(f"pictures in {folder}, {why}" for folder, why in sorted(others.items())) if others else ""
    if not paths:
        raise InputError(
            f"{source}: no video there ({_KINDS}), and no folder of numbered frames{pictures and '; '}{pictures}"
        )
    videos = name_videos(paths)
    said = [f"Passed over: {pictures}."] if pictures else []
    if frames := [f"{path} is {name}" for name, path in videos.paths.items() if path.is_dir()]:
        said.append(f"A folder of numbered pictures is taken for the frames of a video: {and_more(frames)}.")
    return Videos(videos.paths, (*said, *videos.said))


def _in_folder(source: Path) -> tuple[list[Path], dict[Path, str]]:
    """Return the videos and folders of frames below a folder, and why other folders of pictures are none."""
    files: list[Path] = []
    pictures: dict[Path, list[Path]] = {}
    for folder, names in _walk(source):
        files += [folder / name for name in names if is_video_file(name) and (folder / name).is_file()]
        if shown := [folder / name for name in names if is_picture(name)]:
            pictures[folder] = shown
    stems = {without_ending(path.name) for path in files}
    beside = {path.parent for path in files}
    others = {folder: reason for folder, shown in pictures.items() if (reason := _no_frames(shown, stems, beside))}
    return sorted([*files, *(pictures.keys() - others.keys())]), others


def _no_frames(pictures: list[Path], videos: Collection[str], beside: Collection[Path]) -> str:
    """Return why the pictures of a folder are not the frames of a video; empty if they are."""
    if pictures[0].parent in beside:
        return "beside videos"
    if all(picture.stem in videos for picture in pictures):
        return "called as videos are"
    if len(pictures) < FEWEST:
        return f"fewer than {FEWEST}"
    odd = odd_picture(pictures)
    return f"{odd.name} is not numbered as the others are" if odd else ""


def _walk(source: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield Path(folder), [name for name in names if not name.startswith(".")]


def _listed(source: Path) -> list[Path]:
    paths = []
    for number, line in read_lines(source):
        path = source.parent / line
        if path.is_dir():
            found, _ = _in_folder(path)
            if found != [path]:
                raise InputError(f"{source}:{number}: {line!a} is no folder of numbered frames; list videos one by one")
        elif not is_video_file(path.name):
            raise InputError(f"{source}:{number}: {line!a} is not the path of a video ({_KINDS})")
        elif not path.is_file():
            raise InputError(f"{source}:{number}: there is no {path}; paths are relative to the list's folder")
        paths.append(path)
    return list(dict.fromkeys(paths))
