"""Reading ground truth of frames as repositories publish it: one long array, an array per video, or S3R's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter, ValidationError

from benchmark.datasets.arrays import read_npy
from benchmark.system.errors import InputError
from benchmark.system.frozen import first_error
from benchmark.system.json_text import parse_json
from benchmark.system.text_files import read_bytes

Labels = NDArray[np.bool_]

# A hundred times the longest in circulation, XD-Violence's of 2.3 million frames.
_MOST_FRAMES = 250_000_000


@dataclass(frozen=True)
class OneArray:
    """The frames of all videos, one after the other; shape (frames,), True where abnormal."""

    path: Path
    labels: Labels


@dataclass(frozen=True)
class PerVideo:
    """The frames of each video by the name that the source gives it; shape (frames,), True where abnormal."""

    path: Path
    labels: Mapping[str, Labels]


def read_ground_truth(path: Path) -> OneArray | PerVideo:
    """Read ground truth in any of its forms.

    Parameters
    ----------
    path
        A `.npy` array, (frames,) or (1, frames), of any type of numbers; a folder of one such array per video; or a
        `.json` file of ``{"video": {"labels": [0, 1, ...]}}``.

    Raises
    ------
    InputError
        If nothing is there, a file cannot be read, or one holds anything but zeros and ones.
    """
    if path.is_dir():
        files = sorted(file for file in path.glob("*.npy") if not file.name.startswith("."))
        if not files:
            raise InputError(f"{path}: no .npy files there; give an array, a folder of arrays or a .json file")
        return PerVideo(path, {file.stem: _labels(read_npy(file), str(file)) for file in files})
    if path.suffix.lower() == ".json":
        return PerVideo(path, _read_json(path))
    return OneArray(path, _labels(read_npy(path), str(path)))


class _Entry(BaseModel):
    labels: list[float]


def _read_json(path: Path) -> dict[str, Labels]:
    try:
        entries = TypeAdapter(dict[str, _Entry]).validate_python(parse_json(read_bytes(path)))
    except ValueError as error:
        place = first_error(error, 2) if isinstance(error, ValidationError) else f"the top level: {error}"
        raise InputError(f'{path}: malformed at {place}; {{"video": {{"labels": [0, 1]}}}} is expected') from None
    return {name: _labels(np.array(entry.labels), f"{name} ({path})") for name, entry in entries.items()}


def _labels(values: NDArray[Any], where: str) -> Labels:
    if values.ndim == 2 and 1 in values.shape:
        values = values.reshape(-1)
    if values.ndim != 1 or not 0 < values.size <= _MOST_FRAMES:
        raise InputError(f"{where}: shape {values.shape}; ground truth is one label per frame")
    labels = values == 1
    if not (labels | (values == 0)).all():
        raise InputError(f"{where}: holds other values than 0 and 1; ground truth is one label per frame")
    return np.asarray(labels, dtype=np.bool_)
