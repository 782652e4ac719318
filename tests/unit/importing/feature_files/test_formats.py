"""Formats of feature files: each gives what NumPy, torch and h5py themselves read, in blocks and in bounded memory."""

import io
import pickle
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.importing.feature_files.formats import SUFFIXES, is_number_text, open_arrays
from benchmark.system.errors import InputError
from tests.fuzz.readers import objects

FEATURES = np.random.default_rng(0).normal(size=(7, 3, 5)).astype(np.float32)
TENSOR = torch.from_numpy(FEATURES)


def read(path: Path, rows: int = 3) -> np.ndarray:
    """Return the one array of a file, put together from its blocks."""
    (array,) = open_arrays(path)
    blocks = list(array.blocks(rows))
    assert [len(block) for block in blocks[:-1]] == [rows] * (len(blocks) - 1)
    assert (array.path, array.name, array.folders) == (path, path.stem, ())
    joined = np.concatenate(blocks)
    assert joined.shape == array.shape
    return joined


def holding(value: object) -> np.ndarray:
    """Return an object array without axes that holds a value."""
    array = np.empty((), dtype=object)
    array[()] = value
    return array


@given(
    hnp.arrays(
        st.one_of(hnp.floating_dtypes(endianness="?"), hnp.integer_dtypes(endianness="?"), st.just(np.dtype(bool))),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=6),
    ),
    st.integers(1, 8),
    st.booleans(),
)
def test_an_npy_file_is_read_as_numpy_reads_it(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, rows: int, fortran: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.npy"
    np.save(path, np.asfortranarray(array) if fortran else array)
    found = read(path, rows)
    np.testing.assert_array_equal(found, np.load(path))
    assert found.dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (objects(list(FEATURES)), FEATURES),
        (objects(list(FEATURES.astype(np.float16))), FEATURES.astype(np.float16)),
        (objects(list(FEATURES.astype(">f8"))), FEATURES),
        (objects([np.asfortranarray(row) for row in FEATURES]), FEATURES),
        (objects(list(TENSOR)), FEATURES),
        (objects(list(TENSOR.bfloat16())), TENSOR.bfloat16().float().numpy()),
        (objects([row.T for row in TENSOR]), FEATURES.transpose(0, 2, 1)),
        (objects([list(row) for row in TENSOR]), FEATURES),
        (objects([FEATURES]), FEATURES),
        (objects([list(TENSOR)]), FEATURES),
        (objects([FEATURES[0]]), FEATURES[:1]),
        (FEATURES.astype(object), FEATURES),
        (objects([np.float32(1.5), np.float32(2.5)]), np.float32([1.5, 2.5])),
        (holding(FEATURES), FEATURES),
        (holding(TENSOR), FEATURES),
        (holding(list(TENSOR)), FEATURES),
        (holding(FEATURES.tolist()), FEATURES),
    ],
    ids=[
        *("arrays", "float16 arrays", "big-endian arrays", "Fortran arrays", "tensors", "bfloat16 tensors"),
        *(
            "transposed tensors",
            "lists of tensors",
            "one object",
            "one list",
            "one row",
            "numbers",
            "scalars",
            "one array",
            "one tensor",
        ),
        *("a list of tensors", "nested lists"),
    ],
)
def test_an_object_array_is_read_as_the_array_that_it_holds(
    tmp_path: Path, array: np.ndarray, expected: np.ndarray
) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    np.testing.assert_array_equal(read(tmp_path / "a.npy"), expected)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("module", ["numpy._core", "numpy.core"])
def test_pickles_of_all_protocols_and_of_older_numpy_are_read(tmp_path: Path, protocol: int, module: str) -> None:
    file = io.BytesIO()
    np.save(file, objects(list(FEATURES)), allow_pickle=True)
    content = pickle.dumps(objects(list(FEATURES)), protocol)
    if protocol == 3:  # which has names in lines, whose length may change
        content = content.replace(b"numpy._core", module.encode())
    (tmp_path / "a.npy").write_bytes(file.getvalue()[:128] + content)
    np.testing.assert_array_equal(read(tmp_path / "a.npy"), FEATURES)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "content",
    [TENSOR, {"features": TENSOR, "fps": 25}, [TENSOR], TENSOR[2:6], TENSOR.permute(1, 0, 2), TENSOR > 0],
    ids=["tensor", "dictionary", "list", "view", "permuted", "bool"],
)
def test_a_torch_file_is_read_as_torch_reads_it(tmp_path: Path, content: Any, new: bool) -> None:
    path = tmp_path / "a.pt"
    torch.save(content, path, _use_new_zipfile_serialization=new)
    loaded = torch.load(path, weights_only=True)
    expected = loaded if isinstance(loaded, torch.Tensor) else next(iter(getattr(loaded, "values", loaded.__iter__)()))
    np.testing.assert_array_equal(read(path), expected.numpy())


@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8"])
def test_tensors_of_every_kind_keep_their_type(tmp_path: Path, kind: str) -> None:
    torch.save(torch.arange(12).reshape(4, 3).to(getattr(torch, kind)), tmp_path / "a.pth")
    assert read(tmp_path / "a.pth").dtype == kind


@pytest.mark.parametrize("separator", [" ", ",", "\t", ", "])
def test_text_is_read_as_numpy_reads_it(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "a.txt"
    np.savetxt(path, FEATURES[0], delimiter=separator)
    np.testing.assert_array_equal(read(path, 2), np.loadtxt(path, delimiter=separator.strip() or None))
    path.write_text("\n" + path.read_text().replace("\n", "\r\n\r\n"))
    assert read(path).shape == (3, 5)


def test_text_of_features_is_told_from_lists_and_annotations(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for content, expected in [
        ("\n" + "0.5 " * 4096 + "\n", True),
        ("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", True),
        ("1 2 3", False),
        ("Abuse028_x264.mp4  Abuse  165  240  -1  -1\n" * 9, False),
        ("v=abc__#1_label_B1-0-0 " + "240 336 " * 9, False),
        ("", False),
        ("1 " * 2**20, False),
    ]:
        path.write_text(content)
        assert is_number_text(path) is expected
    assert not is_number_text(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    "options",
    [{}, {"chunks": (2, 3, 4), "compression": "gzip"}, {"compression": "lzf", "shuffle": True, "fletcher32": True}],
    ids=["plain", "gzip", "lzf"],
)
def test_every_dataset_of_an_hdf5_file_is_an_array(tmp_path: Path, options: dict[str, Any]) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("train/fights/a", data=FEATURES, **options)
        file.create_dataset("b", data=FEATURES.astype(">f2"), **options)
    arrays = {(array.folders, array.name): array for array in open_arrays(tmp_path / "a.h5")}
    assert set(arrays) == {(("train", "fights"), "a"), ((), "b")}
    for (_, name), array in arrays.items():
        assert array.shape == FEATURES.shape
        found = np.concatenate(list(array.blocks(3)))
        np.testing.assert_array_equal(found, FEATURES if name == "a" else FEATURES.astype(np.float16))


def test_hdf5_without_h5py_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h5py.File(tmp_path / "a.h5", "w").close()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"a\.h5: HDF5 needs h5py; install it with .*wvad-bench\[hdf5\]"):
        open_arrays(tmp_path / "a.h5")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_absent_file_and_a_folder_are_errors(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"folder{suffix}").mkdir()
    for name in ("absent", "folder"):
        with pytest.raises(InputError, match="no such file"):
            open_arrays(tmp_path / f"{name}{suffix}")


def test_another_ending_is_an_error_that_names_those_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.fbx").write_bytes(b"something")
    with pytest.raises(InputError, match=r"a\.fbx: not a feature file; \.npy, \.pt"):
        open_arrays(tmp_path / "a.fbx")


def _save_npy(path: Path, array: np.ndarray) -> None:
    np.save(path, array)


def _save_objects(path: Path, array: np.ndarray) -> None:
    np.save(path, objects(list(array)), allow_pickle=True)


def _save_torch(path: Path, array: np.ndarray) -> None:
    torch.save(torch.from_numpy(array), path)


def _save_bomb(path: Path, array: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=array, compression="gzip", chunks=(64, array.shape[1]))


@pytest.mark.parametrize(
    ("name", "save"),
    [("a.npy", _save_npy), ("b.npy", _save_objects), ("a.pt", _save_torch), ("a.h5", _save_bomb)],
    ids=["npy", "object array", "torch", "gzip bomb"],
)
def test_no_more_than_a_few_blocks_are_in_memory(
    tmp_path: Path, name: str, save: Callable[[Path, np.ndarray], None]
) -> None:
    array = np.zeros((4096, 2048), np.float32)
    save(tmp_path / name, array)
    open_arrays(tmp_path / name)  # imports what it needs
    tracemalloc.start()
    (opened,) = open_arrays(tmp_path / name)
    rows = sum(len(block) for block in opened.blocks(64))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == len(array)
    # The objects of an object array are known by then: where each lies, not what it holds.
    assert peak < array.nbytes / 6


@pytest.mark.real_data
def test_the_published_c3d_features_are_32_rows_of_4096(real_data: Path) -> None:
    files = sorted((real_data / "fixtures" / "c3d-text").glob("*.txt"))
    assert len(files) == 10
    for path in files:
        assert is_number_text(path)
        found = read(path)
        assert found.shape == (32, 4096)
        np.testing.assert_array_equal(found, np.loadtxt(path))


@pytest.mark.real_data
def test_pickled_names_of_classes_are_no_numbers(real_data: Path) -> None:
    with pytest.raises(InputError, match=r"no array of numbers \(str values\)"):
        open_arrays(real_data / "fixtures" / "pickled" / "gt_label_ucf.OBJECT-ARRAY.npy")


@pytest.mark.real_data
def test_the_multimodal_fixtures_are_read_as_numpy_reads_them(real_data: Path) -> None:
    for path in sorted((real_data / "fixtures" / "xd-multimodal").glob("*/*.npy")):
        np.testing.assert_array_equal(read(path, 10), np.load(path))
