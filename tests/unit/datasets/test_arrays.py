import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.arrays import NpyWriter, finite, read_npy, rows_sha256
from benchmark.system.errors import InputError


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


def test_an_array_is_read_as_a_view_of_the_file(tmp_path: Path) -> None:
    array = np.arange(12, dtype=">f4").reshape(3, 4)
    np.save(tmp_path / "a.npy", array)
    found = read_npy(tmp_path / "a.npy")
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, array)


def test_an_object_array_is_refused_and_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([_Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy: holds pickled Python objects"):
        read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        _npy_bytes(np.zeros((3, 4)))[:-1],
        b"name,value\n",
        pickle.dumps({"a": 1}),
        _npy_bytes(np.zeros(2)).replace(b"(2,)", b"(2,(")[:-16],
        b"PK\x03\x04 an archive",
    ],
    ids=["empty", "magic only", "truncated", "text", "pickle", "broken header", "zip"],
)
def test_a_file_that_is_no_npy_file_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npy: not a readable \.npy file") as caught:
        read_npy(tmp_path / "a.npy")
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=200))
def test_no_bytes_after_the_magic_string_are_anything_but_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.npy"
    path.write_bytes(b"\x93NUMPY" + content)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_npy(path)


@pytest.mark.parametrize("array", [np.array(["a"]), np.zeros(2, complex), np.zeros(2, [("x", "f4")])])
def test_values_that_are_not_numbers_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=r"a\.npy: holds .* values"):
        read_npy(tmp_path / "a.npy")


def test_a_folder_and_an_absent_file_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.npy"):
        with pytest.raises(InputError, match="no such file"):
            read_npy(path)


def test_blocks_make_the_file_that_numpy_would_write(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float16)
    with NpyWriter(tmp_path / "a.npy", array.shape, np.float16) as writer:
        for block in (array[:3], array[3:]):
            writer.write(block)
    assert (tmp_path / "a.npy").read_bytes() == _npy_bytes(array)
    with NpyWriter(tmp_path / "b.npy", (1,), np.float16) as writer, pytest.raises(TypeError):
        writer.write(np.zeros(1, np.float32))


def test_the_hash_does_not_depend_on_the_blocks() -> None:
    array = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float16)
    assert rows_sha256([array]) == rows_sha256([array[:2], array[2:]]) != rows_sha256([array[::-1]])


@pytest.mark.parametrize(("value", "reason"), [(np.nan, "NaN"), (-np.inf, "infinite"), (7e4, "beyond 65504")])
def test_values_that_the_store_cannot_hold_name_the_file(value: float, reason: str) -> None:
    with pytest.raises(InputError, match=rf"a\.npy: .*{reason}"):
        finite(np.array([0.0, value], np.float32), np.float16, Path("a.npy"))
