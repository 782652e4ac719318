"""MATLAB files of level 5, with one array of rows; what else lies in them is named and passed over."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import opened, shorten
from benchmark.importing.feature_files.formats.array_file import ArrayFile, NoRowsError, StoredArray, fortran_strides
from benchmark.importing.matlab_file import CELL, NUMBERS, Header, Inflating, MatlabError, Variable, variables
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more

_FORMS = {CELL: "a cell array", 2: "a struct", 4: "text", 5: "a sparse matrix"}
_MOST_VARIABLES = 1 << 12
_MOST_AXES = 32
# An array whose last axis varies slowest is inflated as a whole. Features inflate a few times, a bomb a thousand times.
_MOST_HELD = 64 << 20
_MOST_INFLATION = 32
_HEADER_BYTES = 1 << 10
_SHORT_BYTES = 4


@dataclass(frozen=True)
class PackedArray(ArrayFile):
    """A compressed variable; it is held as a whole while it is read, as its first axis varies fastest.

    Attributes
    ----------
    start, packed
        Where its data begin in the file, and how many bytes they are.
    offset
        Where its values begin, in bytes from the start of the inflated data.
    """

    dtype: np.dtype[Any]
    start: int
    packed: int
    offset: int

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield the values in blocks of rows."""
        count = math.prod(self.shape) * self.dtype.itemsize
        with opened(self.path) as file:
            file.seek(self.start)
            inflating = Inflating(file, self.packed, self.offset + count)
            try:
                content = inflating.read(self.offset + count)
            except MatlabError as error:
                raise _damaged(self.path, error) from None
        if len(content) != self.offset + count:
            raise _damaged(self.path, MatlabError("it ends too early"))
        values: NDArray[Any] = np.ndarray(self.shape, self.dtype, content, self.offset, order="F")
        for start in range(0, self.shape[0], rows):
            yield np.ascontiguousarray(values[start : start + rows])


def open_mat(path: Path) -> ArrayFile:
    """Open the one array of rows in a MATLAB file by its header, whatever it is called.

    MATLAB knows no arrays of fewer than two axes: numbers, columns, and rows beside an array of several rows are passed
    over, and so is what holds no numbers.

    Raises
    ------
    NoRowsError
        If there is no array of rows in it; the message says what is there.
    InputError
        If the file is missing or damaged, is of another level (7.3 is HDF5), or holds several arrays of rows.
    """
    arrays: list[ArrayFile] = []
    others: dict[str, str] = {}
    try:
        with opened(path) as file:
            for number, variable in enumerate(variables(file, _HEADER_BYTES, _HEADER_BYTES)):
                if number == _MOST_VARIABLES:
                    raise MatlabError(f"more than {_MOST_VARIABLES} variables")
                header = variable.elements.header()
                if form := _form(header):
                    others[header.name] = form
                elif header.name:  # MATLAB keeps what belongs to objects in a variable without a name
                    arrays.append(_open_array(path, variable, header))
    except MatlabError as error:
        raise _damaged(path, error) from None
    return _of_rows(path, arrays, others)


def _form(header: Header) -> str:
    """Say what a variable is that is no array of real numbers; empty if it is one."""
    if header.kind not in NUMBERS:
        return _FORMS.get(header.kind, "an object")
    return "complex" if header.is_complex else "empty" if 0 in header.shape[1:] else ""


def _open_array(path: Path, variable: Variable, header: Header) -> ArrayFile:
    elements, name, shape = variable.elements, header.name, header.shape
    if not 2 <= len(shape) <= _MOST_AXES or min(shape) < 0:
        raise MatlabError(f"{name} has shape {shape}")
    # MATLAB stores doubles that are whole numbers in the smallest type that holds them.
    kind, count, data = elements.tag()
    dtype = elements.dtype(kind, count)
    if math.prod(shape) * dtype.itemsize != count:
        raise MatlabError(f"{name} is longer or shorter than its shape says")
    offset = elements.position - (0 if data is None else _SHORT_BYTES)
    if variable.is_packed:
        if count > max(_MOST_HELD, _MOST_INFLATION * variable.length):
            raise InputError(
                f"{path}: {name} is {count:,} bytes packed into {variable.length:,}; save it unpacked, with `save -v6`"
            )
        return PackedArray(path, name, shape, dtype, variable.start, variable.length, offset)
    if offset + count > variable.length:
        raise MatlabError("it ends too early")
    return StoredArray(path, name, shape, dtype, variable.start + offset, fortran_strides(shape, dtype.itemsize))


def _of_rows(path: Path, arrays: Sequence[ArrayFile], others: Mapping[str, str]) -> ArrayFile:
    """Return the array that may be features, under the file's name: the only one of several rows, or the only row."""
    rows = [array for array in arrays if sum(n != 1 for n in array.shape) > 1]
    rows = rows or [array for array in arrays if array.shape[0] == 1 != math.prod(array.shape)]
    if len(rows) > 1:
        named = [f"{array.name} {array.shape}" for array in rows[:2]]
        raise InputError(
            f"{path}: holds {len(rows)} arrays of rows, such as {' and '.join(named)}; save that of the features alone"
        )
    if not rows:
        single = {array.name: "a single number" if math.prod(array.shape) == 1 else "a column" for array in arrays}
        held = [f"{name} ({form})" for name, form in {**others, **single}.items()]
        raise NoRowsError(path, f"holds {and_more(held)}" if held else "holds no variables")
    beside = tuple(dict.fromkeys((*(array.name for array in arrays if array is not rows[0]), *others)))
    return replace(rows[0], name=path.stem, beside=beside)


def _damaged(path: Path, error: MatlabError) -> InputError:
    return InputError(f"{path}: not a readable MATLAB file ({shorten(error)}); save it again with `save -v7`")
