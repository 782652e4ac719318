"""Pickles read as data: what they would call is written down and never called, nothing is imported or built.

An unpickler carries out a pickle's instructions, with the names that it is allowed; this one has no means to carry
anything out. It notes calls of the few names that arrays are saved with, refuses all others, and leaves the bytes of
the arrays where they are in the file, so that an array of any size takes no memory until it is read.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from benchmark.datasets.arrays import shorten
from benchmark.system.errors import InputError

_ADMITTED = frozenset(
    {
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
        "numpy.ndarray",
        "numpy.dtype",
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "torch.storage._load_from_bytes",
        *(f"torch.{kind}Storage" for kind in ("Double", "Float", "Half", "BFloat16", "Bool")),
        *(f"torch.{kind}Storage" for kind in ("Long", "Int", "Short", "Char", "Byte")),
    }
)
_Kind = TypeVar("_Kind")

_MOST_STEPS = 1 << 24
_MOST_OBJECTS = 1 << 20
_LONGEST_TEXT = 1 << 16


@dataclass(frozen=True)
class Span:
    """Bytes that were left in the file."""

    offset: int
    length: int


@dataclass(frozen=True)
class Name:
    """A function or class by its full name."""

    text: str


@dataclass(frozen=True)
class Reference:
    """What the pickle keeps outside of itself, by its identity there."""

    identity: object


class Pairs(list[tuple[object, object]]):
    """The entries of a dictionary. They are not hashed: a hostile file could make that take for ever."""


@dataclass
class Call:
    """A call that the pickle asks for, and the state that it gives to the result."""

    name: str
    arguments: tuple[object, ...]
    state: object = None


@dataclass(frozen=True)
class Pickle:
    """What was read of a pickle.

    Attributes
    ----------
    value
        Numbers, texts, None, lists, tuples, `Pairs`, `Span`, `Name`, `Reference` and `Call`, in each other.
    references
        All references in it.
    """

    value: object
    references: tuple[Reference, ...]


def read_pickle(file: BinaryIO, end: int, path: Path) -> Pickle:
    """Read one pickle from where the file stands, and leave the file standing behind it.

    Parameters
    ----------
    end
        Where the bytes end that may belong to the pickle.

    Raises
    ------
    InputError
        If the pickle is damaged, or names anything but what arrays of numbers are saved with.
    """
    try:
        return _Machine(file, end, path).run()
    except (ValueError, LookupError, struct.error) as error:
        raise InputError(f"{path}: not a readable pickle of arrays ({shorten(error)}); save it again") from None


class _Machine:
    """The stack machine that a pickle is a program for, without the instructions that no array needs."""

    def __init__(self, file: BinaryIO, end: int, path: Path) -> None:
        self._file, self._end, self._path = file, end, path
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._references: list[Reference] = []
        self._objects = 0

    def run(self) -> Pickle:
        read, stop, instructions = self._file.read, pickle.STOP, _INSTRUCTIONS
        for _ in range(_MOST_STEPS):
            code = read(1)
            if code == stop:
                break
            instruction = instructions.get(code)
            if instruction is None:
                raise ValueError(f"instruction {code!r}" if code else "cut off")
            instruction(self)
        else:
            raise ValueError(f"more than {_MOST_STEPS} steps; these are no arrays of numbers")
        if self._file.tell() > self._end:
            raise ValueError("cut off")
        return Pickle(self._stack.pop(), tuple(self._references))

    def number(self, form: struct.Struct) -> None:
        self._stack.append(form.unpack(self._file.read(form.size))[0])

    def long(self) -> None:
        digits = self._file.read(self._length(_BYTE))
        self._stack.append(int.from_bytes(digits, "little", signed=True))

    def constant(self, value: object) -> None:
        self._stack.append(value)

    def text(self, form: struct.Struct) -> None:
        length = self._length(form)
        if length > _LONGEST_TEXT:
            raise ValueError("a long text")
        self._push(self._file.read(length).decode())

    def span(self, form: struct.Struct) -> None:
        span = Span(length=self._length(form), offset=self._file.tell())
        if span.offset + span.length > self._end:
            raise ValueError("cut off")
        self._file.seek(span.length, 1)
        self._push(span)

    def mark(self) -> None:
        self._marks.append(len(self._stack))
        self._count()

    def container(self, kind: Callable[[], object]) -> None:
        self._push(kind())

    def append(self) -> None:
        value = self._stack.pop()
        self._target(list).append(value)

    def extend(self) -> None:
        values = self._since_mark()
        self._target(list).extend(values)

    def tuple(self, length: int | None) -> None:
        values = self._since_mark() if length is None else [self._stack.pop() for _ in range(length)][::-1]
        self._push(tuple(values))

    def set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._target(Pairs).append((key, value))

    def set_items(self) -> None:
        values = self._since_mark()
        self._target(Pairs).extend(zip(values[::2], values[1::2], strict=True))

    def name_in_lines(self) -> None:
        module, name = (self._file.readline(_LONGEST_TEXT).decode().rstrip("\n") for _ in range(2))
        self._name(module, name)

    def name_on_stack(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._name(module, name)

    def call(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ValueError("a call of no function")
        self._push(Call(function.text, arguments))

    def build(self) -> None:
        state = self._stack.pop()
        self._target(Call).state = state

    def reference(self) -> None:
        self._references.append(Reference(self._stack.pop()))
        self._push(self._references[-1])

    def remember(self, form: struct.Struct | None) -> None:
        self._memo[len(self._memo) if form is None else self._length(form)] = self._stack[-1]
        self._count()

    def recall(self, form: struct.Struct) -> None:
        self._stack.append(self._memo[self._length(form)])

    def skip(self, count: int) -> None:
        self._file.read(count)

    def _length(self, form: struct.Struct) -> int:
        return int(form.unpack(self._file.read(form.size))[0])

    def _push(self, value: object) -> None:
        self._stack.append(value)
        self._count()

    def _count(self) -> None:
        # What takes little room in the file can take a hundred times as much in memory.
        self._objects += 1
        if self._objects > _MOST_OBJECTS:
            raise ValueError(f"more than {_MOST_OBJECTS} objects; these are no arrays of numbers")

    def _since_mark(self) -> list[object]:
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _target(self, kind: type[_Kind]) -> _Kind:
        target = self._stack[-1]
        if type(target) is not kind:  # Pairs are lists, too
            raise ValueError(f"no {kind.__name__} to put something into")
        return target

    def _name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        text = f"{module}.{name}"
        if text not in _ADMITTED:
            raise InputError(
                f"{self._path}: holds pickled Python objects ({text[:100]}), never loaded here; "
                "save it as an array of numbers"
            )
        self._push(Name(text))


_BYTE, _SHORT, _UNSIGNED, _UNSIGNED_LONG = (struct.Struct(form) for form in ("<B", "<H", "<I", "<Q"))
_SIGNED, _DOUBLE = struct.Struct("<i"), struct.Struct(">d")

_INSTRUCTIONS: Mapping[bytes, Callable[[_Machine], None]] = {
    pickle.PROTO: lambda machine: machine.skip(1),
    pickle.FRAME: lambda machine: machine.skip(8),
    pickle.NONE: lambda machine: machine.constant(None),
    pickle.NEWTRUE: lambda machine: machine.constant(True),
    pickle.NEWFALSE: lambda machine: machine.constant(False),
    pickle.BININT: lambda machine: machine.number(_SIGNED),
    pickle.BININT1: lambda machine: machine.number(_BYTE),
    pickle.BININT2: lambda machine: machine.number(_SHORT),
    pickle.BINFLOAT: lambda machine: machine.number(_DOUBLE),
    pickle.LONG1: _Machine.long,
    pickle.SHORT_BINUNICODE: lambda machine: machine.text(_BYTE),
    pickle.BINUNICODE: lambda machine: machine.text(_UNSIGNED),
    pickle.BINUNICODE8: lambda machine: machine.text(_UNSIGNED_LONG),
    pickle.SHORT_BINSTRING: lambda machine: machine.span(_BYTE),
    pickle.BINSTRING: lambda machine: machine.span(_UNSIGNED),
    pickle.SHORT_BINBYTES: lambda machine: machine.span(_BYTE),
    pickle.BINBYTES: lambda machine: machine.span(_UNSIGNED),
    pickle.BINBYTES8: lambda machine: machine.span(_UNSIGNED_LONG),
    pickle.BYTEARRAY8: lambda machine: machine.span(_UNSIGNED_LONG),
    pickle.MARK: _Machine.mark,
    pickle.EMPTY_LIST: lambda machine: machine.container(list),
    pickle.EMPTY_DICT: lambda machine: machine.container(Pairs),
    pickle.EMPTY_TUPLE: lambda machine: machine.tuple(0),
    pickle.TUPLE1: lambda machine: machine.tuple(1),
    pickle.TUPLE2: lambda machine: machine.tuple(2),
    pickle.TUPLE3: lambda machine: machine.tuple(3),
    pickle.TUPLE: lambda machine: machine.tuple(None),
    pickle.APPEND: _Machine.append,
    pickle.APPENDS: _Machine.extend,
    pickle.SETITEM: _Machine.set_item,
    pickle.SETITEMS: _Machine.set_items,
    pickle.GLOBAL: _Machine.name_in_lines,
    pickle.STACK_GLOBAL: _Machine.name_on_stack,
    pickle.REDUCE: _Machine.call,
    pickle.BUILD: _Machine.build,
    pickle.BINPERSID: _Machine.reference,
    pickle.BINPUT: lambda machine: machine.remember(_BYTE),
    pickle.LONG_BINPUT: lambda machine: machine.remember(_UNSIGNED),
    pickle.MEMOIZE: lambda machine: machine.remember(None),
    pickle.BINGET: lambda machine: machine.recall(_BYTE),
    pickle.LONG_BINGET: lambda machine: machine.recall(_UNSIGNED),
}
