"""Reading a vector for each class, such as a text encoder's of its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.importing.feature_files.formats import ArrayFile, open_as_stored
from benchmark.system.errors import InputError

Vectors = NDArray[np.float32]


def read_class_vectors(path: Path, classes: Sequence[str]) -> Vectors:
    """Read a vector for each class, (classes, any).

    Parameters
    ----------
    path
        An array for each class by its name, in any capitals; or one array with a row for each class, in the order of
        `classes`, as PEL4VAD's files have.
    classes
        ``normal``, then the others by name.

    Raises
    ------
    InputError
        If the file cannot be read, a class has no vector, or vectors differ in size or are not finite.
    """
    arrays = open_as_stored(path)
    if len(arrays) == 1 and len(arrays[0].shape) == 2:
        rows = _values(arrays[0])
        if len(rows) != len(classes):
            raise InputError(
                f"{path}: has {len(rows)} rows for {len(classes)} classes; give one for each of {', '.join(classes)}"
            )
        vectors = list(rows)
    else:
        by_name = {array.name.casefold(): array for array in arrays}
        if missing := [name for name in classes if name.casefold() not in by_name]:
            raise InputError(f"{path}: has no vector for {missing[0]}; it has those of {', '.join(by_name)}")
        vectors = [_values(by_name[name.casefold()]).reshape(-1) for name in classes]
    sizes = {vector.size for vector in vectors}
    if len(sizes) > 1:
        raise InputError(f"{path}: vectors have sizes {', '.join(map(str, sorted(sizes)))}; make them alike")
    stacked = np.stack(vectors)
    if not np.isfinite(stacked).all():
        raise InputError(f"{path}: the vector of {classes[int(np.argmin(np.isfinite(stacked).all(1)))]} is not finite")
    return stacked


def _values(array: ArrayFile) -> Vectors:
    if not array.shape or 0 in array.shape:
        raise InputError(f"{array.path}: {array.name} holds no vector, but shape {array.shape}")
    return np.concatenate([np.asarray(block, np.float32) for block in array.blocks(array.shape[0])])
