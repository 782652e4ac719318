"""Inputs made to deceive one format each: headers, archives and values that no damage would lead to."""

import io
import json
import struct
import zipfile
from collections.abc import Mapping

from hypothesis import strategies as st

from .mutations import damaged, lines_of
from .pickles import HOSTILE_CALLS, npy_of_objects, programs
from .readers import Reader

_SIZES = st.one_of(st.integers(-2, 6), st.sampled_from([2**31, 2**40, 10**12, 2**63 - 1, 2**63, 2**64, 10**30]))
_TYPES = ["<f4", ">f8", "|b1", "|O", "<c8", "<U9", "|V0", "<M8[s]", "f2", "(2,3)f4", "<f16", "O,f4", "V4294967296"]
_SHAPES = st.lists(_SIZES, max_size=40).map(lambda sizes: f"({''.join(f'{size}, ' for size in sizes)})")
_LITERALS = st.sampled_from(
    ["()", "(True,)", "[3]", "3", "(3L,)", "('a',)", "(" * 200, "(1e3,)", "{}", "None", "-(1,)"]
)

_MEMBERS = ["a/data.pkl", "a/data/0", "a/version", "a/byteorder", "b/data.pkl"]
_MEMBERS += ["../x", "/etc/x", "a\\..\\x", "C:x", "a/../../x"]


@st.composite
def _npy_headers(draw: st.DrawFn) -> bytes:
    """`.npy` files whose header claims any shape and type, with few values or none behind it."""
    descr = draw(
        st.one_of(st.sampled_from(_TYPES).map(repr), st.sampled_from(["[('x', '<f4')]", "{}", "'é'"]), _LITERALS)
    )
    shape = draw(st.one_of(_SHAPES, _SHAPES, _LITERALS))
    order = draw(st.sampled_from(["False", "True", "0", "None"]))
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode("latin1", "replace")
    version = draw(st.sampled_from([1, 1, 2, 3, 0, 255]))
    claimed = draw(st.one_of(st.just(len(header)), st.integers(0, 2**16 - 1)))
    length = struct.pack("<H" if version == 1 else "<I", claimed)
    values = draw(st.one_of(st.binary(max_size=64), st.integers(0, 64).map(bytes)))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + values


@st.composite
def _archives(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> bytes:
    """Zip archives as torch writes them, with members of any name, compression and content."""
    compressions = st.sampled_from([0, 0, 0, 8, 12])
    members = draw(st.dictionaries(st.sampled_from(_MEMBERS), st.tuples(contents, compressions), max_size=4))
    members["a/data.pkl"] = draw(st.tuples(contents, compressions))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, (content, compression) in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return file.getvalue()


def _json_files(words: list[str]) -> st.SearchStrategy[bytes]:
    """JSON of any values under the names that are expected, or others."""
    keys = st.one_of(st.sampled_from(words), st.text(max_size=8))
    leaves = values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), keys)
    for _ in range(3):
        values = st.one_of(leaves, st.lists(values, max_size=3), st.dictionaries(keys, values, max_size=3))
    entries = st.dictionaries(st.sampled_from(words), values, max_size=8)
    files = st.one_of(values, st.fixed_dictionaries({"videos": st.lists(entries, max_size=3)}))
    return files.map(lambda value: json.dumps(value).encode())


_VIDEO_WORDS = ["videos", "name", "split", "label", "class", "classes", "frames", "intervals", "train", "test", "../a"]
_MANIFEST_WORDS = [*_VIDEO_WORDS, "version", "benchmark", "other", "first_row", "rows", "sha256", "crops", "dim"]

TARGETED: Mapping[str, st.SearchStrategy[bytes]] = {
    "npy": _npy_headers(),
    "pickled-npy": programs().map(npy_of_objects),
    "torch": _archives(st.one_of(programs(), st.sampled_from(HOSTILE_CALLS), st.binary(max_size=16))),
    "torch-legacy": programs(),
    "json": _json_files(_VIDEO_WORDS),
    "manifest": _json_files(_MANIFEST_WORDS),
    "scores-npy": _npy_headers(),
    "shanghaitech-mask": _npy_headers(),
    "weights": _archives(st.one_of(programs(), st.sampled_from(HOSTILE_CALLS))),
}
"""By the name of the reader."""


def inputs_for(reader: Reader) -> st.SearchStrategy[bytes]:
    """Return what is tried on a reader: damage to its valid files, and what is made for its format."""
    ways = [damaged(reader.samples)]
    if reader.words:
        ways.append(lines_of(reader.words))
    if reader.name in TARGETED:
        ways.append(TARGETED[reader.name])
    return st.one_of(ways)
