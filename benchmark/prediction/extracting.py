"""Extracting new videos by the recipe of a run's features, into a folder that says which videos it is of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from benchmark.extraction.extract import Extraction, extract
from benchmark.extraction.one_video import Outcome
from benchmark.extraction.workers.forecast import Forecast
from benchmark.prediction.scorer import RunFeatures
from benchmark.prediction.set_recipe import Tools, request_like
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.system.files import write_atomically
from benchmark.system.frozen import FrozenModel
from benchmark.system.text_files import read_bytes

SOURCES = "sources.json"


class Source(FrozenModel):
    """Which file a video's features are of; a folder of frames has the size 0."""

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Source:
        """Describe a video as it is now."""
        found = path.stat()
        return cls(path=str(path.resolve()), size=0 if path.is_dir() else found.st_size, changed=found.st_mtime_ns)


_SOURCES = TypeAdapter(dict[str, Source])


def extract_like(
    wanted: RunFeatures,
    videos: Mapping[str, Path],
    tools: Tools,
    out: Path,
    *,
    workers: int = 1,
    expected: Callable[[Forecast], None] = lambda forecast: None,
    progress: Progress = lambda done, total: None,
    ended: Callable[[Outcome], None] = lambda outcome: None,
) -> Extraction:
    """Extract videos as a run's features were extracted; what is finished in the folder is not extracted again.

    Raises
    ------
    InputError
        If how they were extracted is not known, what is given makes others, or the folder holds features of another
        video of the same name.
    """
    request = request_like(wanted.id, wanted.identity, wanted.crops, tools)
    known = _read_sources(out / SOURCES)
    now = {name: Source.of(path) for name, path in videos.items()}
    for name, source in now.items():
        if known.get(name, source) != source:
            raise InputError(
                f"{out}: holds features of another {name}, {known[name].path}; choose another folder with --out"
            )
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / SOURCES, _SOURCES.dump_json({**known, **now}, indent=1).decode() + "\n")
    return extract(videos, request, out, workers=workers, expected=expected, progress=progress, ended=ended)


def _read_sources(path: Path) -> dict[str, Source]:
    if not path.is_file():
        return {}
    try:
        return _SOURCES.validate_python(json.loads(read_bytes(path)))
    except (ValueError, ValidationError):
        raise InputError(f"{path}: damaged; choose another folder with --out") from None
