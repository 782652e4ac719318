"""Pickles read as data: a name in them stands for a note of how it is called, nothing is imported or built.

The standard library's unpickler reads them, in its form in Python, whose instructions can be chosen. Its form in C
takes 2 GiB for nine bytes that number an entry of its memo 2^27, hashes keys for as long as a file likes, and holds the
bytes of all arrays at once; here they stay in the file until they are read.
"""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from benchmark.datasets.arrays import shorten
from benchmark.system.errors import InputError

_ADMITTED = re.compile(
    r"numpy\.(_?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)|ndarray|dtype)|collections\.OrderedDict"
    r"|torch\.(_utils\._rebuild_tensor_v2|storage\._load_from_bytes)"
    r"|torch\.(Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage"
)
_LONGEST_TEXT = 1 << 16
_BUDGET = 1 << 24
_OBJECT = 16
_MOST_ARGUMENTS = 8


class Span(NamedTuple):
    """Bytes that were left in the file."""

    offset: int
    length: int


@dataclass(slots=True)
class Call:
    """A function or class that the pickle names, what it is called with, and the state that the result is given.

    Attributes
    ----------
    name
        The last part of its name.
    """

    name: str
    arguments: tuple[object, ...] = ()
    state: object = None

    def __call__(self, *arguments: object) -> Call:
        """Note a call."""
        if len(arguments) > _MOST_ARGUMENTS:  # each call holds a copy of them
            raise ValueError("a call that no array is saved with")
        return Call(self.name, arguments)

    def __setstate__(self, state: object) -> None:
        self.state = state


class Pairs(list[tuple[object, object]]):
    """The entries of a dictionary. They are not hashed: a hostile file could make that take for ever."""

    __slots__ = ()

    def __setitem__(self, key: object, value: object) -> None:
        self.append((key, value))


def read_pickle(file: BinaryIO, end: int, path: Path) -> tuple[object, list[Call]]:
    """Read one pickle from where the file stands, and leave the file standing behind it.

    Parameters
    ----------
    end
        Where the bytes end that may belong to the pickle.

    Returns
    -------
    Numbers, texts, None, lists, tuples, and the classes above, in each other. Then the calls named "reference" in it,
    whose argument tells what they stand for outside of the pickle.

    Raises
    ------
    InputError
        If the pickle is damaged, or names anything but what arrays of numbers are saved with.
    """
    reader = _Reader(_Source(file, end), path)
    try:
        value = reader.load()
        if file.tell() > end:
            raise ValueError("cut off")
    except InputError:
        raise
    except Exception as error:  # a damaged pickle fails in many ways
        raise InputError(f"{path}: not a readable pickle of arrays ({shorten(error)}); save it again") from None
    return value, reader.references


class _Source:
    """A file as the unpickler sees it, which gives no more than what takes a bounded part of memory."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end = file, end
        self._budget = _BUDGET

    def read(self, size: int) -> bytes:
        if size > _LONGEST_TEXT:
            raise ValueError("a long text")
        if size >= _OBJECT:
            self.pay(size // _OBJECT)
        content = self._file.read(size)
        if len(content) < size:
            raise ValueError("cut off")
        return content

    def readline(self) -> bytes:
        return self._file.readline(_LONGEST_TEXT)

    def leave(self, length: int) -> Span:
        span = Span(self._file.tell(), length)
        if span.offset + length > self._end:
            raise ValueError("cut off")
        self._file.seek(length, 1)
        return span

    def pay(self, price: int) -> None:
        # What takes little room in the file can take a hundred times as much in memory.
        self._budget -= price
        if self._budget < 0:
            raise ValueError("too many numbers or objects; these are no arrays of numbers")


class _Reader(pickle._Unpickler):
    def __init__(self, source: _Source, path: Path) -> None:
        super().__init__(source)
        self.source, self.path = source, path
        self.stack: list[object] = []
        self.references: list[Call] = []

    def find_class(self, module: str, name: str) -> Call:
        text = f"{module}.{name}"
        if not _ADMITTED.fullmatch(text):
            raise InputError(
                f"{self.path}: holds pickled Python objects ({text[:100]}), never loaded here; "
                "save it as an array of numbers"
            )
        return Call(text.rpartition(".")[2])

    def persistent_load(self, pid: object) -> Call:
        self.references.append(Call("reference", (pid,)))
        return self.references[-1]


_Step = Callable[[Any], None]


def _refuse(reader: Any) -> None:
    raise ValueError("an instruction that no array is saved with")


def _priced(price: int, step: _Step) -> _Step:
    def carry_out(reader: _Reader) -> None:
        reader.source.pay(price)
        step(reader)

    return carry_out


def _bytes(length: str) -> _Step:
    def leave(reader: _Reader) -> None:
        (number,) = struct.unpack(length, reader.source.read(struct.calcsize(length)))
        reader.stack.append(reader.source.leave(number))

    return _priced(_OBJECT, leave)


def _standard(price: int, names: str) -> dict[int, _Step]:
    codes = [getattr(pickle, name)[0] for name in names.split()]
    return {code: _priced(price, pickle._Unpickler.dispatch[code]) for code in codes}


_Reader.dispatch = {
    **dict.fromkeys(range(256), _refuse),
    **_standard(1, "PROTO NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 BINFLOAT LONG1 BINGET LONG_BINGET"),
    **_standard(1, "APPEND APPENDS SETITEM SETITEMS BUILD STOP"),
    **_standard(_OBJECT, "SHORT_BINUNICODE BINUNICODE BINUNICODE8 BINPUT LONG_BINPUT MEMOIZE MARK EMPTY_LIST"),
    **_standard(_OBJECT, "EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE BINPERSID"),
    pickle.FRAME[0]: _priced(1, lambda reader: reader.source.read(8)),  # not all of the frame
    pickle.EMPTY_DICT[0]: _priced(_OBJECT, lambda reader: reader.stack.append(Pairs())),
    pickle.SHORT_BINBYTES[0]: _bytes("<B"),
    pickle.BINBYTES[0]: _bytes("<I"),
    pickle.BINBYTES8[0]: _bytes("<Q"),
    pickle.BYTEARRAY8[0]: _bytes("<Q"),
}
