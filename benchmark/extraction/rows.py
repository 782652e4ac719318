"""Writing an `.npy` file row by row, where the number of rows is known only at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from benchmark.datasets.arrays import write_header
from benchmark.system.files import replacing


class RowFile:
    """An `.npy` file that grows along its first axis."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rows = 0

    def append(self, row: NDArray[Any]) -> None:
        """Append a row; all have the shape and type of the first."""
        if self._rows == 0:
            self._dtype, self._shape = row.dtype, row.shape
            self._write_header()
        if (row.dtype, row.shape) != (self._dtype, self._shape):
            raise ValueError(f"row of {row.dtype} {row.shape} in a file of {self._dtype} {self._shape}")
        self._file.write(row.tobytes())
        self._rows += 1

    def finish(self) -> None:
        """Write the number of rows into the header, which NumPy leaves room for in every header that it writes."""
        if self._rows:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        write_header(self._file, (self._rows, *self._shape), self._dtype)


@contextmanager
def growing(path: Path) -> Iterator[RowFile]:
    """Open a file that appears under its name when it is complete, and not at all on an error."""
    with replacing(path) as file:
        rows = RowFile(file)
        yield rows
        rows.finish()
