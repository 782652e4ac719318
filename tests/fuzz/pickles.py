"""Pickles that would run a command, if anything carried them out: real ones, and programs of random instructions."""

import io
import os
import pickle
import struct
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

CANARY = Path(tempfile.gettempdir()) / f"wvad-canary-{os.getpid()}"
"""What every hostile pickle here tries to create."""

_COMMAND = f"touch {CANARY}"
_EXPRESSION = f"open({str(CANARY)!r}, 'w').close()"

COMMANDS = {
    ("posix", "system"): _COMMAND,
    ("os", "system"): _COMMAND,
    ("os", "popen"): _COMMAND,
    ("subprocess", "getoutput"): _COMMAND,
    ("builtins", "eval"): _EXPRESSION,
    ("builtins", "exec"): _EXPRESSION,
    ("__builtin__", "eval"): _EXPRESSION,
    ("numpy.testing._private.utils", "runstring"): _EXPRESSION,
    ("torch.storage", "os.system"): _COMMAND,
    ("numpy", "ndarray.__class__"): _COMMAND,
}
HARMLESS = [
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch.storage", "_load_from_bytes"),
    ("torch", "FloatStorage"),
]


def text(value: str) -> bytes:
    content = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(content)) + content


def named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def calls(module: str, name: str, argument: str) -> list[bytes]:
    """Return the ways to have a function called: REDUCE after either way to name it, BUILD, INST and OBJ."""
    old, new = named(module, name), text(module) + text(name) + pickle.STACK_GLOBAL
    applied = text(argument) + pickle.TUPLE1 + pickle.REDUCE
    return [
        old + applied,
        new + applied,
        pickle.MARK + text(argument) + pickle.INST + f"{module}\n{name}\n".encode(),
        pickle.MARK + old + text(argument) + pickle.OBJ,
        old + text(argument) + pickle.TUPLE1 + pickle.NEWOBJ,
        named("collections", "OrderedDict")
        + pickle.EMPTY_TUPLE
        + pickle.REDUCE
        + pickle.EMPTY_DICT
        + text("__setstate__")
        + old
        + pickle.SETITEM
        + pickle.BUILD
        + text(argument)
        + pickle.BUILD,
    ]


HOSTILE_CALLS = [call for (module, name), argument in COMMANDS.items() for call in calls(module, name, argument)]

_LENGTHS = st.sampled_from([0, 1, 2, 4, 255, 2**16, 2**31 - 1, 2**32 - 1])
_NUMBERS = st.one_of(
    st.integers(0, 255).map(lambda n: pickle.BININT1 + bytes([n])),
    st.integers(-(2**31), 2**31 - 1).map(lambda n: pickle.BININT + struct.pack("<i", n)),
    st.floats().map(lambda x: pickle.BINFLOAT + struct.pack(">d", x)),
    st.binary(max_size=255).map(lambda digits: pickle.LONG1 + bytes([len(digits)]) + digits),
)
_TEXTS = st.sampled_from(["f4", "O8", "<", "|", "C", "storage", "0", "cpu", "numpy", "torch"]).map(text)
_BYTES = st.one_of(
    st.binary(max_size=16).map(lambda b: pickle.SHORT_BINBYTES + bytes([len(b)]) + b),
    _LENGTHS.map(lambda n: pickle.BINBYTES + struct.pack("<I", n)),
    _LENGTHS.map(lambda n: pickle.BINBYTES8 + struct.pack("<Q", n << 20)),
    _LENGTHS.map(lambda n: pickle.BINUNICODE8 + struct.pack("<Q", n << 20)),
)
_MEMO = st.tuples(
    st.sampled_from([pickle.BINPUT, pickle.BINGET, pickle.LONG_BINPUT + b"\0\0\0", pickle.LONG_BINGET + b"\0\0\0"]),
    st.integers(0, 6),
).map(lambda pair: pair[0][:1] + (bytes([pair[1]]) if len(pair[0]) == 1 else struct.pack("<I", pair[1])))
_PLAIN = st.sampled_from(
    [
        *(pickle.MARK, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_TUPLE),
        *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
        *(pickle.REDUCE, pickle.BUILD, pickle.NEWOBJ, pickle.OBJ, pickle.BINPERSID, pickle.STACK_GLOBAL),
        *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.MEMOIZE, pickle.POP, pickle.DUP, pickle.POP_MARK),
        *(pickle.EXT1 + b"\1", pickle.NEXT_BUFFER, pickle.STOP, pickle.FRAME + struct.pack("<Q", 2**40)),
    ]
)
_HARMLESS_NAMES = st.sampled_from(HARMLESS).map(lambda pair: named(*pair))


def programs() -> st.SearchStrategy[bytes]:
    """Programs of random instructions, many of them calls that would create the canary."""
    instruction = st.one_of(
        _PLAIN, _PLAIN, _MEMO, _NUMBERS, _TEXTS, _BYTES, _HARMLESS_NAMES, st.sampled_from(HOSTILE_CALLS)
    )
    return st.lists(instruction, max_size=30).map(lambda parts: b"\x80\x04" + b"".join(parts) + pickle.STOP)


def npy_of_objects(content: bytes, shape: tuple[int, ...] = (1,)) -> bytes:
    """Return an `.npy` file that says to hold objects, with a pickle of one's own."""
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content
