"""What every generator is: it makes inputs that say how they are meant, and compares what is imported of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.importing.feature_files.formats import ArrayFile
from benchmark.importing.feature_files.search import FoundArray

Input = TypeVar("Input")

Outcome = Literal["as meant", "assumed"]
"""`assumed`: nothing that is known tells what is meant, and something else was taken."""


@dataclass(frozen=True)
class Generator(Generic[Input]):
    """A generator of inputs that say how they are meant.

    Attributes
    ----------
    inputs
        Draws an input.
    compare
        Imports an input and compares what came of it with what is meant; an `InputError` passes through, as refusing
        is always right, and anything else that is raised is a defect.
    """

    name: str
    inputs: st.SearchStrategy[Input]
    compare: Callable[[Input], Outcome]


@dataclass(frozen=True)
class MadeArray(ArrayFile):
    """An array without a file, all of one value."""

    value: float = 0

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the values in blocks of rows."""
        for start in range(0, self.shape[0], rows):
            yield np.full((min(rows, self.shape[0] - start), *self.shape[1:]), self.value, np.float32)


def made(path: Sequence[str], shape: tuple[int, ...] = (1, 4), value: float = 0) -> FoundArray:
    """Return an array as found in a features folder, by its folders and the stem of its file."""
    *folders, name = path
    return FoundArray(MadeArray(Path(*folders, f"{name}.npy"), name, shape, value=value), None, tuple(folders))
