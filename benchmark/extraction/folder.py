"""The folder of an extraction: what it was run with, which videos are finished, where their files are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.feature_sets import FILE as IDENTITY_FILE
from benchmark.datasets.feature_sets import FeatureSet
from benchmark.datasets.frames_csv import FILE as FRAMES_FILE
from benchmark.datasets.frames_csv import read_frame_counts, write_frame_counts
from benchmark.extraction.settings import ExtractionRecord, ExtractionSettings, MotionScale, SetRecipe
from benchmark.system.errors import InputError
from benchmark.system.files import remove_abandoned, write_atomically

RECORD_FILE = "extraction.json"
FLOW, MOTION, OBJECTS, FEATURES, PICTURES = "flow", "motion", "objects", "features", "pictures"


class ExtractionFolder:
    """A folder of results that all come from the same settings.

    A video is finished once it is in ``frames.csv``, which is written after its files are complete: whatever a killed
    call left, the next one goes on from the finished videos.

    Parameters
    ----------
    path
        The folder; made if it is not there.
    settings
        What the results are extracted with.
    replace
        Whether results that are there are removed first.

    Attributes
    ----------
    frames
        Number of frames of each finished video.

    Raises
    ------
    InputError
        If the folder holds results of other settings, or files in the places of results that are not of an
        extraction.
    """

    def __init__(self, path: Path, settings: ExtractionSettings, *, replace: bool) -> None:
        self.path, self.settings = path, settings
        measured = {FLOW: settings.motion, OBJECTS: settings.objects, FEATURES: settings.features}
        self._measured = [folder for folder, settings_of in measured.items() if settings_of is not None]
        record = read_record(path)
        if record is None:
            self._check_unused()
        elif replace:
            self._clear()
        elif differences := list(_differences(record.settings.model_dump(), settings.model_dump())):
            raise InputError(
                f"{path}: was extracted with other settings ({'; '.join(differences)}); "
                "choose another folder with --out, or extract all again with --replace"
            )
        for folder in self._folders():
            folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(folder)
        if record is None or replace:
            self.write_record(None)
        self.frames = finished_in(path)

    def file(self, folder: str, name: str) -> Path:
        """Return where a video's results of one kind are."""
        return self.path / folder / f"{name}.npy"

    def is_finished(self, name: str) -> bool:
        """Return whether all that is measured of a video is there."""
        return name in self.frames and all(self.file(folder, name).is_file() for folder in self._measured)

    def finish(self, name: str, frames: int) -> None:
        """Note that a video's files are complete, beside what other calls have finished meanwhile."""
        self.frames = {**self.frames, **finished_in(self.path), name: frames}
        write_frame_counts(self.path / FRAMES_FILE, self.frames)

    def write_record(self, motion_scale: MotionScale | None) -> None:
        """Write what the results were extracted with."""
        record = ExtractionRecord(settings=self.settings, motion_scale=motion_scale)
        write_atomically(self.path / RECORD_FILE, record.model_dump_json(indent=2) + "\n")

    def _folders(self) -> list[Path]:
        names = [*self._measured, *([MOTION] if FLOW in self._measured else [])]
        return [self.path / name for name in names]

    def _check_unused(self) -> None:
        for place in (self.path / FRAMES_FILE, *self._folders()):
            if place.exists():
                raise InputError(
                    f"{place}: is there already, but not from an extraction; choose another folder with --out"
                )

    def _clear(self) -> None:
        for file in (FRAMES_FILE, IDENTITY_FILE):
            (self.path / file).unlink(missing_ok=True)
        for name in (FLOW, MOTION, OBJECTS, FEATURES, PICTURES):
            if (self.path / name).is_dir():
                shutil.rmtree(self.path / name)


def finished_in(path: Path) -> dict[str, int]:
    """Return the number of frames of each video that is finished in a folder."""
    counts = path / FRAMES_FILE
    return read_frame_counts(counts) if counts.exists() else {}


def read_record(path: Path) -> ExtractionRecord | None:
    """Return what the results in a folder were extracted with; None if there is no extraction.

    Raises
    ------
    InputError
        If its record is damaged or of a newer version.
    """
    file = path / RECORD_FILE
    if not file.is_file():
        return None
    try:
        return ExtractionRecord.model_validate_json(file.read_bytes())
    except ValidationError:
        raise InputError(f"{file}: damaged, or of a newer version; choose another folder with --out") from None


def _differences(there: Any, now: Any, name: str = "") -> Iterator[str]:
    """Yield a phrase for every setting that differs."""
    if isinstance(there, dict) and isinstance(now, dict) and there.keys() == now.keys():
        for key in there:
            yield from _differences(there[key], now[key], f"{name}.{key}" if name else key)
    elif there != now:
        yield f"{name} {_word(there)}, now {_word(now)}"


def _word(value: Any) -> str:
    if value is None:
        return "none"
    return "given" if isinstance(value, dict | tuple | list) else str(value)


def write_identity(folder: ExtractionFolder) -> None:
    """Write `feature_set.json`, if there are features: the same settings give the same id, others another."""
    settings = folder.settings.features
    if settings is None or not folder.frames:
        return
    digest = hashlib.sha256(settings.identity().encode()).hexdigest()
    _, crops, dim = read_npy(folder.file(FEATURES, next(iter(folder.frames)))).shape
    identity = FeatureSet(
        id=f"{settings.label}-{digest[:8]}",
        extractor=settings.describe(),
        checkpoint=settings.checkpoint,
        dim=dim,
        crops=(crops,),
        stride=folder.settings.snippet_frames,
        normalisation="none",
        source=settings.model or "",
        recipe=SetRecipe(features=settings, tail=folder.settings.tail).model_dump(mode="json"),
    )
    write_atomically(folder.path / IDENTITY_FILE, identity.model_dump_json(indent=2) + "\n")
