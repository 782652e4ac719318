"""The JSON form: one file that says all, for datasets of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.datasets.video_names import telling_names
from benchmark.importing.annotations.annotated import Annotations, by_name
from benchmark.importing.annotations.json_entry import FORM, EntryReader
from benchmark.system.errors import InputError
from benchmark.system.json_text import parse_json
from benchmark.system.text_files import MOST_JSON, read_lines, read_text, shown

SUFFIXES = (".json", ".jsonl", ".ndjson")
_SPLITS = frozenset({"train", "training", "test", "testing", "val", "validation"})


class _Placed(NamedTuple):
    """An entry with what stands around it: its name or its split as a key, None if it is in a list, and its place."""

    content: Any
    place: str
    name: str | None = None
    split: str | None = None


def read(main: Path) -> Annotations:
    """Read the form.

    ``{"videos": [{"name": "a", "split": "test", "label": 1, "class": "Fighting", "frames": 320,
    "intervals": [[16, 64]]}]}``; the fields are those of `json_entry`. The list may stand alone, as a line of JSON per
    video, as a mapping from a video's name to its entry, or apart by split, ``{"train": [...], "test": [...]}``.

    Raises
    ------
    InputError
        If the file is no JSON, or an entry is not what is expected; the message names the video.
    """
    reader = EntryReader(main)
    videos = [
        reader.read(entry.content, entry.place, entry.name, entry.split) for entry in _entries(_parse(main), main)
    ]
    reader.check_unit()
    names = telling_names([video.name for video in videos])
    videos = [replace(video, name=name) for video, name in zip(videos, names, strict=True)]
    form = "Annotations in the JSON form (frames 0-based, end exclusive)."
    return Annotations(form, by_name(videos, main), reader.notes())


def _parse(path: Path) -> Any:
    """Parse a file of JSON, or of lines of JSON."""
    text = read_text(path, MOST_JSON)
    try:
        return parse_json(text)
    except ValueError as error:
        lines = read_lines(path) if path.suffix.lower() != ".json" or text.lstrip().startswith("{") else []
        if len(lines) < 2 or not all(line.startswith("{") and line.endswith("}") for _, line in lines):
            raise InputError(f"{path}: not a JSON file ({error}); save the annotations as JSON text") from None
    entries = []
    for number, line in lines:
        try:
            entries.append(parse_json(line))
        except ValueError as error:
            raise InputError(f"{path}:{number}: not a line of JSON ({error}); correct it") from None
    return entries


def _entries(content: Any, path: Path) -> Iterator[_Placed]:
    if isinstance(content, dict) and "videos" in content:
        if more := next((key for key in content if key != "videos"), None):
            raise InputError(f"{path}: {shown(more)} stands beside `videos`, where nothing is read; take it out")
        yield from _videos(content["videos"], "videos", path)
    elif isinstance(content, dict) and content and {str(key).lower() for key in content} <= _SPLITS:
        for split, part in content.items():
            yield from (placed._replace(split=split) for placed in _videos(part, split, path))
    else:
        yield from _videos(content, "", path)


def _videos(content: Any, place: str, path: Path) -> Iterator[_Placed]:
    """Yield the entries of a list, or of a mapping from names to them."""
    inside = f"{place}." if place else "entry "
    if isinstance(content, list):
        yield from (_Placed(entry, f"{inside}{i}") for i, entry in enumerate(content))
    elif isinstance(content, dict):
        yield from (_Placed(entry, f"{inside}{name}", name) for name, entry in content.items())
    else:
        raise InputError(f"{path}: malformed at {place or 'the top level'}, a list of videos is expected: {FORM}")
