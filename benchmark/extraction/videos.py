"""Which videos are to be extracted: those of a folder, one file, or those of a list."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.datasets.video_names import VIDEO_ENDINGS, is_video_file, video_name
from benchmark.system.errors import InputError
from benchmark.system.text_files import read_lines

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
_KINDS = ", ".join(VIDEO_ENDINGS)


def find_videos(source: Path) -> dict[str, Path]:
    """Return the videos by name, in the order of their names.

    Parameters
    ----------
    source
        A folder, which is searched with its sub-folders (hidden ones and links to folders are passed over); a video;
        or a text file with the path of one video a line, relative to the list's folder.

    Raises
    ------
    InputError
        If there is no video, a listed one does not exist, two have the same name, or a name cannot be a file's
        in the results.
    """
    if source.is_dir():
        below = (path for path in source.rglob("*") if not _is_hidden(path.relative_to(source)))
        paths = [path for path in sorted(below) if is_video_file(path.name) and path.is_file()]
    elif not source.is_file():
        raise InputError(f"{source}: no such folder, video or list")
    elif is_video_file(source.name):
        paths = [source]
    else:
        paths = _listed(source)
    if not paths:
        raise InputError(f"{source}: no video there ({_KINDS}){_frames_instead(source)}")
    return dict(sorted(_by_name(paths).items()))


def _by_name(paths: Iterable[Path]) -> dict[str, Path]:
    videos: dict[str, Path] = {}
    for path in paths:
        name = video_name(path.name)
        if not name.isprintable() or name != name.strip():
            raise InputError(f"{str(path)!a}: not a name for a video; rename it without control characters and spaces")
        if name in videos:
            raise InputError(f"{name}: two videos have this name, {videos[name]} and {path}; rename or leave out one")
        videos[name] = path
    return videos


def _frames_instead(source: Path) -> str:
    """Say how to make videos of the frames that are there instead; empty if there are none."""
    frames = sorted(path for path in source.rglob("*") if path.suffix.lower() in _PICTURES)
    if not frames:
        return ""
    folder, stem = frames[0].parent, frames[0].stem
    digits = len(stem) - len(stem.rstrip("0123456789"))
    first, pattern = stem[len(stem) - digits :], f"{stem[: len(stem) - digits]}%0{digits}d{frames[0].suffix}"
    return (
        f"; it holds {len(frames)} frames as pictures: make a video of each folder, such as with `ffmpeg -framerate 25 "
        f"-start_number {int(first or 0)} -i {folder}/{pattern} {folder.name}.mp4`"
    )


def _listed(source: Path) -> list[Path]:
    paths = []
    for number, line in read_lines(source):
        path = source.parent / line
        if not is_video_file(path.name):
            raise InputError(f"{source}:{number}: {line!a} is not the path of a video ({_KINDS})")
        if not path.is_file():
            raise InputError(f"{source}:{number}: there is no {path}; paths are relative to the list's folder")
        paths.append(path)
    return paths


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
