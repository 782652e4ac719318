"""Pickles that are small and ask for much, and tensors whose values are not yet what the file says."""

import io
import pickle
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.importing.feature_files.formats import open_arrays
from benchmark.system.errors import InputError
from tests.fuzz.pickles import named, npy_of_objects, text
from tests.fuzz.readers import objects

_FUNCTION = named("numpy", "ndarray") + pickle.BINPUT + b"\1"
_DOUBLINGS = b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + pickle.TUPLE2 + b"q" + bytes([i + 1]) for i in range(60))
_CALLS = (pickle.BINGET + b"\1" + pickle.BINGET + b"\0" + pickle.REDUCE) * 100_000


@pytest.mark.parametrize(
    "program",
    [
        b"Nr\xff\xff\xff\xff",
        b"Nq\0" + _DOUBLINGS + b"}h\x3cNs",
        text("a" * 65_000) + b"q\0" + _FUNCTION + _CALLS,
        pickle.MARK + b"N" * 10**5 + b"tq\0" + _FUNCTION + _CALLS,
        pickle.FRAME + struct.pack("<Q", 2**40),
        _FUNCTION + b"N}" + text("__call__") + b"h\1s" + pickle.TUPLE2 + pickle.BUILD,
        b"}N}" + text("append") + b"Ns" + pickle.TUPLE2 + pickle.BUILD,
    ],
    ids=[
        *("a memo entry of 2^32", "a key that doubles", "calls with 65,000 letters", "calls with 10^5 values"),
        *("a frame of 2^40", "a change to a function", "a change to a dictionary"),
    ],
)
def test_a_small_pickle_takes_little_time_and_memory(tmp_path: Path, program: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(npy_of_objects(b"\x80\x04" + program + pickle.STOP))
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            open_arrays(tmp_path / "a.npy")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20
    assert time.process_time() - start < 10


def test_a_storage_that_ends_beyond_any_file_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, objects([torch.arange(6.0)]), allow_pickle=True)
    count = 2**61 - 1
    told = pickle.dumps(count, 2)[2:-1]
    content = file.getvalue().replace(b"K\x06N", told + b"N")
    at = content.rindex(struct.pack("<Q", 6))
    content = content[:at] + struct.pack("<Q", count) + content[at + 8 :]
    magic = content.index(b"\x80\x02\x8a\nl")
    longer = struct.unpack("<I", content[magic - 4 : magic])[0] + len(told) - 2
    (tmp_path / "a.npy").write_bytes(content[: magic - 4] + struct.pack("<I", longer) + content[magic:])
    with pytest.raises(InputError, match="cut off"):
        open_arrays(tmp_path / "a.npy")


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_tensor_whose_values_are_yet_to_be_negated_is_refused(tmp_path: Path, legacy: bool) -> None:
    negated = torch.view_as_complex(torch.ones(4, 3, 2)).conj().imag
    assert negated.is_neg()
    torch.save(negated, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    np.save(tmp_path / "a.npy", objects(list(negated)), allow_pickle=True)
    for name in ("a.pt", "a.npy"):
        with pytest.raises(InputError, match="yet to be negated"):
            open_arrays(tmp_path / name)
    torch.save(negated.resolve_neg(), tmp_path / "a.pt")
    (array,) = open_arrays(tmp_path / "a.pt")
    assert array.shape == (4, 3)
