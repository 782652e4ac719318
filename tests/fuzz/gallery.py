"""Hostile files one by one, and the line that each is refused with: `python -m tests.fuzz.gallery` prints them."""

import io
import json
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from scipy.io import savemat

from .harness import try_file
from .pickles import COMMANDS, calls, npy_of_objects
from .readers import READERS, lay_out, objects


@dataclass(frozen=True)
class Hostile:
    """A hostile file: the name of the reader that it is for, how it is made, and what its refusal says."""

    name: str
    reader: str
    make: Callable[[], bytes]
    line: str


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _header(shape: str, descr: str = "'<f4'", values: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values


def _mat(variables: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    savemat(file, variables, do_compression=True)
    return file.getvalue()


def _pickled(value: object) -> bytes:
    return npy_of_objects(pickle.dumps(value, protocol=4))


def _laughs() -> object:
    values: list[object] = [1.0] * 10
    for _ in range(7):
        values = [values] * 10
    return objects([values])


def _cycle() -> object:
    values: list[object] = []
    values.append(values)
    return objects([values])


def _torch(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _archive(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def _with_rows(content: bytes, rows: int) -> bytes:
    """Return a file of `torch.save` whose tensor of shape (2, 3) claims to have another number of rows."""
    shape = pickle.BININT1 + b"\x02" + pickle.BININT1 + b"\x03" + pickle.TUPLE2
    assert content.count(shape) == 1
    return content.replace(shape, pickle.BININT1 + bytes([rows]) + shape[2:])


def _program(code: bytes, shape: tuple[int, ...] = (1,)) -> bytes:
    return npy_of_objects(pickle.PROTO + b"\x04" + code + pickle.STOP, shape)


def _hdf5(fill: Callable[[Any], object]) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as archive:
        fill(archive)
    return file.getvalue()


def _link(link: object) -> Callable[[Any], object]:
    return lambda archive: archive.__setitem__("a", link)


def _array(**options: object) -> Callable[[Any], object]:
    return lambda archive: archive.create_dataset("a", **options)


def _virtual(archive: Any) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "b", shape=(4,))
    archive.create_virtual_dataset("a", layout)


def _circle(archive: Any) -> None:
    archive.create_group("a")["b"] = archive["/"]


def _video(**changes: object) -> bytes:
    return json.dumps({"videos": [{"name": "a", "split": "train", "label": 0, **changes}]}).encode()


_TENSOR = torch.arange(6.0).reshape(2, 3)
_SYSTEM = COMMANDS["posix", "system"]
_REDUCE, _STACK_GLOBAL, _INST, _OBJ, _NEWOBJ, _BUILD = calls("posix", "system", _SYSTEM)
_HUGE = struct.pack("<Q", 2**60)
_NAMED = "holds pickled Python objects (posix.system), never loaded"
_RUNS_A_COMMAND = _archive(("a/data.pkl", b"\x80\x02" + _REDUCE + b"."), ("a/version", b"3\n"))

GALLERY = [
    Hostile("a header that claims 10^12 values", "npy", lambda: _header("(1000000000000,)"), "says 4000000000000"),
    Hostile("a header of 10^30 rows of nothing", "npy", lambda: _header(f"({10**30}, 0)"), "beyond any memory"),
    Hostile("a negative axis", "npy", lambda: _header("(-1, 4)"), "shape (-1, 4)"),
    Hostile("40 axes", "npy", lambda: _header(f"({'1, ' * 40})", values=b"1234"), "not a readable .npy file"),
    Hostile("a header of 4 GiB", "npy", lambda: b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "not a readable .npy file"),
    Hostile("300 parentheses", "npy", lambda: _header("(" * 300), "not a readable .npy file"),
    Hostile("an expression for a shape", "npy", lambda: _header("(9**9**9,)"), "not a readable .npy file"),
    Hostile("a file cut off", "npy", lambda: _npy(np.zeros((4, 4)))[:-1], "says 128 bytes of values, 127 are there"),
    Hostile("something behind the values", "npy", lambda: _npy(np.zeros((4, 4))) + b"PK", "128 bytes of values, 130"),
    Hostile("complex numbers", "npy", lambda: _npy(np.zeros(4, complex)), "holds complex128 values"),
    Hostile("records", "npy", lambda: _npy(np.zeros(4, [("x", "f4")])), "holds [('x', '<f4')] values"),
    Hostile("texts", "npy", lambda: _npy(np.array(["a", "b"])), "holds <U1 values"),
    Hostile("a single number", "npy", lambda: _npy(np.float32(1)), "a single number"),
    Hostile("os.system by REDUCE", "pickled-npy", lambda: _program(_REDUCE), _NAMED),
    Hostile("os.system by STACK_GLOBAL", "pickled-npy", lambda: _program(_STACK_GLOBAL), _NAMED),
    Hostile("os.system by INST", "pickled-npy", lambda: _program(_INST), "not a readable pickle of arrays"),
    Hostile("os.system by OBJ", "pickled-npy", lambda: _program(_OBJ), _NAMED),
    Hostile("os.system by NEWOBJ", "pickled-npy", lambda: _program(_NEWOBJ), _NAMED),
    Hostile("os.system by BUILD", "pickled-npy", lambda: _program(_BUILD), _NAMED),
    Hostile("a pickle of a function", "pickled-npy", lambda: _pickled(objects([eval])), "(builtins.eval), never"),
    Hostile("names of classes", "pickled-npy", lambda: _pickled(objects([["Abuse"]])), "(str values)"),
    Hostile("a dictionary", "pickled-npy", lambda: _pickled(objects([{"a": 1.0}])), "(dict values)"),
    Hostile("rows of two lengths", "pickled-npy", lambda: npy_of_objects(
        pickle.dumps(objects([np.ones(3), np.ones(4)])), (2,)), "such as (3,) and (4,)"),
    Hostile("a list of rows beside an array", "pickled-npy", lambda: npy_of_objects(
        pickle.dumps(objects([[np.ones(5)] * 3, np.ones((3, 5))])), (2,)), "or depths, such as (3, 5) and (3, 5)"),
    Hostile("a list of lists, 10^8 numbers", "pickled-npy", lambda: _pickled(_laughs()), "several times"),
    Hostile("a list in itself", "pickled-npy", lambda: _pickled(_cycle()), "nested too deep"),
    Hostile("100,000 lists in each other", "pickled-npy", lambda: _program(
        b"]" * 100_000 + b"a" * 99_999), "no object array"),
    Hostile("10^7 empty lists", "pickled-npy", lambda: _program(b"]" * 10**7), "objects; these"),
    Hostile("bytes of 2^60", "pickled-npy", lambda: _program(b"\x8e" + _HUGE), "cut off"),
    Hostile("a text of 2^60", "pickled-npy", lambda: _program(b"\x8d" + _HUGE), "long text"),
    Hostile("a reference", "pickled-npy", lambda: _program(b"K\x01Q"), "something else"),
    Hostile("os.system in an archive", "torch", lambda: _RUNS_A_COMMAND, _NAMED),
    Hostile("a module", "torch", lambda: _torch(torch.nn.Linear(2, 2)), "(torch.nn.modules.linear.Linear), never"),
    Hostile("a bomb", "torch", lambda: _archive(("a/data.pkl", b"\x80\x02."), ("a/data/0", bytes(10**8)),
                                                compression=zipfile.ZIP_DEFLATED), "is compressed"),
    Hostile("a member ../x", "torch", lambda: _archive(("a/data.pkl", b"."), ("../x", b"x")), "../x has no safe name"),
    Hostile("a member /etc/x", "torch", lambda: _archive(("a/data.pkl", b"."), ("/etc/x", b"x")), "no safe name"),
    Hostile("a member C:\\x", "torch", lambda: _archive(("a/data.pkl", b"."), ("C:\\x", b"x")), "no safe name"),
    Hostile("two tensors", "torch", lambda: _torch([_TENSOR, _TENSOR]), "holds 2 tensors, one per file is expected"),
    Hostile("no tensor", "torch", lambda: _torch({"fps": 30}), "holds 0 tensors"),
    Hostile("more rows than values", "torch", lambda: _with_rows(_torch(_TENSOR), 255), "storage of 6 values"),
    Hostile("an archive cut off", "torch", lambda: _torch(_TENSOR)[:-30], "not a readable file of torch.save"),
    Hostile("a line of 2 MiB", "text", lambda: b"1 " * 2**20, "a.txt:1: a line of more than 1048576 bytes"),
    Hostile("an endless line", "text", lambda: b"1 2\n" + b"1" * 10**8, "a.txt:2: a line of more than"),
    Hostile("a shorter line", "text", lambda: b"1 2 3\n4 5\n", "a.txt:2: 2 numbers, the lines before have 3"),
    Hostile("a word", "text", lambda: b"1 2 3\n4 five 6\n", "a.txt:2: not a line of numbers"),
    Hostile("a column", "text", lambda: b"1\n2\n", "one number a line"),
    Hostile("nothing", "text", lambda: b"\n", "empty"),
    Hostile("a link to another file", "hdf5", lambda: _hdf5(_link(h5py.ExternalLink("/etc/b.h5", "/b"))), "is a link"),
    Hostile("a soft link", "hdf5", lambda: _hdf5(_link(h5py.SoftLink("/b"))), "a is a link to elsewhere"),
    Hostile("values in /etc/passwd", "hdf5", lambda: _hdf5(
        _array(shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])), "in other files"),
    Hostile("a virtual dataset", "hdf5", lambda: _hdf5(_virtual), "in other files"),
    Hostile("a group in itself", "hdf5", lambda: _hdf5(_circle), "is there twice or nested too deep"),
    Hostile("10^12 values never written", "hdf5", lambda: _hdf5(_array(shape=(10**12,), dtype="f4")), "not all of it"),
    Hostile("10^12 values in no chunk", "hdf5", lambda: _hdf5(
        _array(shape=(10**12,), dtype="f4", chunks=(10**6,))), "not all of it was written"),
    Hostile("a chunk of 512 MiB", "hdf5", lambda: _hdf5(
        _array(shape=(2**27,), dtype="f4", chunks=(2**27,))), "in smaller ones"),
    Hostile("another filter", "hdf5", lambda: _hdf5(
        _array(data=np.arange(8), chunks=(4,), scaleoffset=0)), "has passed filter 6"),
    Hostile("texts in HDF5", "hdf5", lambda: _hdf5(_array(data=["a", "b"])), "holds object values"),
    Hostile("records in HDF5", "hdf5", lambda: _hdf5(_array(data=np.zeros(2, [("x", "f4")]))), "values; save it again"),
    Hostile("no HDF5 at all", "hdf5", lambda: b"\x89HDF\r\n\x1a\n", "not a readable HDF5 file"),
    Hostile("a bomb of MATLAB", "mat", lambda: _mat({"x": np.zeros((3000, 4096))}), "98,304,000 bytes packed into"),
    Hostile("cells of rows", "mat", lambda: _mat({"x": objects([np.eye(4)])}), "holds x (a cell array), not rows"),
    Hostile("MATLAB 7.3", "mat", lambda: b"MATLAB 7.3 MAT-file".ljust(600), "save it with `save -v7`"),
    Hostile("a frame of 5,000 digits", "ucf-test", lambda: b"a.mp4 Abuse 1 " + b"9" * 5000, "is no frame number"),
    Hostile("an interval of 10^10 frames", "ucf-test", lambda: b"a.mp4 Abuse 1 10000000000", "is no frame number"),
    Hostile("a null byte", "ucf-test", lambda: b"a\x00.mp4 Abuse 1 2", ":1: control characters"),
    Hostile("a name of dots", "ucf-train", lambda: b"Abuse/..\n", "'..' is no name of a video"),
    Hostile("a name of 300 bytes", "ucf-train", lambda: b"Abuse/" + b"a" * 300, "is no name of a video"),
    Hostile("a list of 65 MiB", "ucf-train", lambda: b"Abuse/a\n" * (65 * 2**17), "more than 64 MiB"),
    Hostile("a line of 2 MiB in a list", "xd-list", lambda: b"a" * 2**21, ":1: a line of 2097152 characters"),
    Hostile("half a character", "xd-list", lambda: b"\xc3", "not a text file in UTF-8"),
    Hostile("a mask of 10^12 frames", "shanghaitech-mask", lambda: _header("(1000000000000,)", "'|b1'"), "02_0128.npy"),
    Hostile("a mask of other numbers", "shanghaitech-mask", lambda: _npy(np.arange(5)), "not a frame mask"),
    Hostile("a field of 200,000 characters", "shanghaitech-classes", lambda: b"a" * 200_000, "csv:1: malformed"),
    Hostile("a name that leads out", "json", lambda: _video(name="../../etc/a"), "'../../etc/a' is no name of a video"),
    Hostile("a name of two lines", "json", lambda: _video(name="a\nb"), "is no name of a video"),
    Hostile("a name that clears the screen", "json", lambda: _video(name="\x1b[2Ja"), "is no name of a video"),
    Hostile("100,000 brackets", "json", lambda: b"[" * 100_000, "nests too deep"),
    Hostile("a label that is not a number", "json", lambda: _video(label=float("nan")), "label NaN; 1 (abnormal) or 0"),
    Hostile("endless frames", "json", lambda: _video(frames=float("inf")), "frames Infinity; the number"),
    Hostile("frames of 4,000 digits", "json", lambda: _video(frames=10**4000), "the number of its frames"),
    Hostile("a pickle with another name", "json", lambda: pickle.dumps({0: 1}), "not a text file"),
    Hostile("a count of 5,000 digits", "frames", lambda: b"a," + b"9" * 5000, "frames.csv:1: malformed line"),
    Hostile("10^10 frames", "frames", lambda: b"a,10000000000", "frames.csv:1: malformed line"),
    Hostile("brackets in a manifest", "manifest", lambda: b"[" * 100_000, "cannot be read as JSON"),
    Hostile("scores of text", "scores", lambda: b"0.5\nhigh\n", "'high', is not a number"),
    Hostile("weights with os.system", "weights", lambda: _RUNS_A_COMMAND, "holds more than tensors"),
]  # fmt: skip


def refusal(hostile: Hostile, content: bytes, folder: Path) -> str | None:
    """Return the line that a hostile file, already made, is refused with; None if it is read."""
    reader = next(reader for reader in READERS if reader.name == hostile.reader)
    return try_file(reader, lay_out(reader, folder), content)


def main() -> None:
    """Print every hostile file with its line."""
    for hostile in GALLERY:
        with tempfile.TemporaryDirectory() as folder:
            line = refusal(hostile, hostile.make(), Path(folder))
            print(f"{hostile.name} ({hostile.reader})\n    {(line or 'READ').replace(folder, '...')[:200]}")


if __name__ == "__main__":
    main()
