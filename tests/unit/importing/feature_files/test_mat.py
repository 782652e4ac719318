"""MATLAB files: each array as MATLAB would show it, and one line for everything else."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.importing.feature_files.formats import NoRowsError, open_arrays
from benchmark.importing.feature_files.formats.mat import open_mat
from benchmark.importing.feature_files.search import find_arrays
from benchmark.importing.feature_files.side_files import without_side_arrays
from benchmark.system.errors import InputError
from tests.fuzz.readers import objects

FEATURES = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


def _read(path: Path, rows: int = 3) -> np.ndarray:
    (array,) = open_arrays(path)
    assert array.name == path.stem
    joined = np.concatenate(list(array.blocks(rows)))
    assert joined.shape == array.shape
    return joined


def _refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        _read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def _matlab(
    order: str,
    values: np.ndarray,
    stored: tuple[int, str],
    packed: bool,
    shape: tuple[int, ...] = (),
    flags: int = 6,
    name: bytes = b"x",
) -> bytes:
    """Return a file of one variable of doubles, written from the description of the form."""
    kind, dtype = stored
    body = _element(order, 6, struct.pack(f"{order}II", flags, 0))
    body += _element(order, 5, np.array(shape or values.shape, f"{order}i4").tobytes())
    body += _element(order, 1, name)
    body += _element(order, kind, values.astype(f"{order}{dtype}").tobytes(order="F"))
    variable = _element(order, 14, body)
    if packed:
        content = zlib.compress(variable)
        variable = struct.pack(f"{order}II", 15, len(content)) + content
    mark = b"IM" if order == "<" else b"MI"
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + mark + variable


@given(
    hnp.arrays(
        st.sampled_from(["f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]),
        st.lists(st.integers(2, 6), min_size=2, max_size=4).map(tuple),
    ),
    st.integers(1, 8),
    st.booleans(),
)
def test_an_array_is_read_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, rows: int, packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.mat"
    scipy.io.savemat(path, {"anything": array}, do_compression=packed)
    np.testing.assert_array_equal(_read(path, rows), array)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("stored", [(1, "i1"), (2, "u1"), (3, "i2"), (4, "u2"), (5, "i4"), (7, "f4"), (9, "f8")])
def test_doubles_in_a_smaller_type_and_either_order_of_bytes_are_read(
    tmp_path: Path, order: str, packed: bool, stored: tuple[int, str]
) -> None:
    path, values = tmp_path / "a.mat", np.arange(35.0).reshape(7, 5)
    path.write_bytes(_matlab(order, values, stored, packed))
    np.testing.assert_array_equal(_read(path), values)
    np.testing.assert_array_equal(scipy.io.loadmat(path)["x"], values)


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
def test_values_inside_their_tag_are_read(tmp_path: Path, packed: bool) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.array([[1, 2], [3, 4]], np.uint8)}, do_compression=packed)
    assert _read(tmp_path / "a.mat").tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
def test_what_lies_beside_the_rows_is_named(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.mat"
    beside = {
        "fps": 25.0,
        "times": np.arange(7.0),
        "name": "a",
        "opts": {"net": "i3d"},
        "cells": objects([1, 2]),
        "none": np.zeros((0, 0)),
    }
    scipy.io.savemat(path, {"times_too": np.arange(7.0)[:, None], "x": FEATURES, **beside}, do_compression=packed)
    assert set(open_mat(path).beside) == {"times_too", *beside}
    np.testing.assert_array_equal(_read(path), FEATURES)


def test_a_video_of_one_row_is_told_from_a_number_and_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"fps": 25.0, "x": FEATURES[:1], "column": np.zeros((4, 1))})
    np.testing.assert_array_equal(_read(path), FEATURES[:1])


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ({"x": {"features": FEATURES}}, r"holds x \(a struct\), not rows of numbers; save the features as one full"),
        ({"x": objects(list(FEATURES))}, r"holds x \(a cell array\)"),
        ({"x": "text"}, r"holds x \(text\)"),
        ({"x": scipy.sparse.eye_array(4).tocsc()}, r"holds x \(a sparse matrix\)"),
        ({"x": FEATURES + 1j}, r"holds x \(complex\)"),
        ({"x": 25.0}, r"holds x \(a single number\)"),
        ({"x": np.zeros((4, 1))}, r"holds x \(a column\)"),
        ({"x": np.zeros((0, 0))}, r"holds x \(empty\)"),
        ({}, "holds no variables"),
    ],
    ids=["struct", "cells", "text", "sparse", "complex", "number", "column", "empty", "nothing"],
)
def test_a_file_without_rows_is_called_by_what_it_holds(
    tmp_path: Path, variables: dict[str, object], what: str
) -> None:
    scipy.io.savemat(tmp_path / "a.mat", variables)
    with pytest.raises(NoRowsError, match=rf"a\.mat: {what}"):
        open_arrays(tmp_path / "a.mat")


def test_several_arrays_of_rows_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"rgb": FEATURES, "flow": FEATURES, "fps": 25.0})
    assert "holds 2 arrays of rows, such as rgb (7, 5) and flow (7, 5); save that of the features" in _refused(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n", "is a file of MATLAB 7.3, .*-v7"),
        (b"# Created by Octave 8.4.0\n# name: x\n", "is text of Octave, not features; save it with `save -v7`"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "is an HDF5 file, not features; call it .h5"),
        (struct.pack("<5I", 0, 7, 5, 0, 2) + b"x\0" + bytes(280), r"not a readable MATLAB file \(no header"),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x02IM", "save it with -v7"),
    ],
    ids=["7.3", "Octave", "HDF5", "level 4", "a level to come"],
)
def test_other_files_of_matlab_are_refused_with_what_to_do(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(InputError, match=what):
        open_arrays(tmp_path / "a.mat")


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize(
    ("shape", "name", "what"),
    [
        ((1 << 30, 1 << 30), b"x", "x is longer or shorter than its shape says"),
        ((-7, -5), b"x", "x has shape"),
        ((35,), b"x", "x has shape"),
        ((7, 5), b"x\n", "a variable without a proper name"),
        ((7, 5), b"x" * 4000, "an element of 4,000 bytes|a variable without a proper name"),
    ],
)
def test_a_header_that_lies_is_refused(
    tmp_path: Path, packed: bool, shape: tuple[int, ...], name: bytes, what: str
) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(_matlab("<", np.zeros((7, 5)), (9, "f8"), packed, shape, name=name))
    with pytest.raises(InputError, match=rf"a\.mat: not a readable MATLAB file \(({what})"):
        open_arrays(path)


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"x": np.zeros((3000, 4096))}, do_compression=True)
    tracemalloc.start()
    message = _refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "x is 98,304,000 bytes packed into" in message
    assert "save it unpacked, with `save -v6`" in message
    assert peak < 1 << 22
    scipy.io.savemat(path, {"x": np.zeros((3000, 4096))})
    assert sum(len(block) for block in open_arrays(path)[0].blocks(1000)) == 3000


@given(st.data())
def test_a_changed_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = io.BytesIO()
    variables = {"opts": {"fps": 1.0}, "x": FEATURES, "fps": 25.0}
    scipy.io.savemat(file, variables, do_compression=data.draw(st.booleans()))
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.mat"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    message, shapes = f"{path}: ", set()
    try:
        (array,) = open_arrays(path)
        shapes = {array.shape, np.concatenate(list(array.blocks(3))).shape}
    except InputError as error:
        message = str(error)
    assert len(shapes) < 2
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


@given(st.data())
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.mat"
    scipy.io.savemat(path, {"x": FEATURES}, do_compression=data.draw(st.booleans()))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    _refused(path)


def test_masks_among_features_are_passed_over(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "1_label.mat", {"volLabel": objects([np.eye(4), np.eye(4)])})
    scipy.io.savemat(tmp_path / "testing_01.mat", {"x": FEATURES})
    (found,) = find_arrays(tmp_path)
    assert (found.array.name, found.array.beside) == ("testing_01", ("1_label.mat",))


def test_beside_features_of_another_format_matlab_files_are_not_looked_at(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", FEATURES)
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file")
    (found,) = find_arrays(tmp_path)
    assert found.array.path.suffix == ".npy"


@pytest.mark.parametrize("beside", [np.float32(25), np.arange(7.0)], ids=["a frame rate", "time stamps"])
def test_beside_side_files_of_another_format_matlab_files_are_features(tmp_path: Path, beside: np.ndarray) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": FEATURES})
    np.save(tmp_path / "a_side.npy", beside)
    assert {each.array.path.name for each in find_arrays(tmp_path)} >= {"a.mat"}
    left, (note,) = without_side_arrays(find_arrays(tmp_path))
    assert [each.array.name for each in left] == ["a"]
    assert "a_side.npy" in note


@pytest.mark.parametrize(("listed", "taken"), [("a.mat", "a.mat"), ("a.npy", "a.npy"), ("a", "a.npy"), ("b", "b.mat")])
def test_a_list_chooses_matlab_files_by_their_ending_or_where_no_other_has_the_name(
    tmp_path: Path, listed: str, taken: str
) -> None:
    folder = tmp_path / "features"
    folder.mkdir()
    np.save(folder / "a.npy", FEATURES)
    for name in ("a", "b"):
        scipy.io.savemat(folder / f"{name}.mat", {"x": FEATURES})
    (tmp_path / "train.list").write_text(f"G:\\x\\{listed}\n")
    (found,) = find_arrays(folder, [tmp_path / "train.list"])
    assert found.array.path.name == taken
