"""Stand-in until the real readers come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmark.datasets.arrays import read_npy

SUFFIXES = (".npy", ".pt", ".pth", ".txt", ".h5", ".hdf5")


class ArrayFile(Protocol):
    """One array of numbers in a file, read front to back in blocks."""

    @property
    def path(self) -> Path: ...
    @property
    def name(self) -> str: ...
    @property
    def folders(self) -> tuple[str, ...]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    def blocks(self, rows: int) -> Iterator[NDArray[Any]]: ...


@dataclass(frozen=True)
class _Npy:
    path: Path
    name: str
    folders: tuple[str, ...]
    shape: tuple[int, ...]

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        array = read_npy(self.path)
        for start in range(0, len(array), rows):
            yield array[start : start + rows]


def is_number_text(path: Path) -> bool:
    return False


def open_arrays(path: Path) -> list[ArrayFile]:
    return [_Npy(path, path.stem, (), tuple(read_npy(path).shape))]
