"""Models that somebody else made: damaged, hostile, or not of the kind that is needed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    SparseTensorProto,
    StringStringEntryProto,
    TensorProto,
    TrainingInfoProto,
    helper,
)

from benchmark.extraction.external_data import _FIELDS, check_external_data
from benchmark.extraction.onnx_model import OnnxModel, as_half
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import mean_colours, write_model

KINDS = {
    "Model": ModelProto, "Training": TrainingInfoProto, "Function": FunctionProto, "Graph": GraphProto,
    "Node": NodeProto, "Attribute": AttributeProto, "SparseTensor": SparseTensorProto, "Tensor": TensorProto,
    "Entry": StringStringEntryProto,
}  # fmt: skip


def external(place: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", place), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def model_with(folder: Path, place: str, where: str) -> Path:
    """Write a model that adds an external tensor to its input."""
    add = helper.make_node("Add", ["x", "w"], ["y"])
    constant = helper.make_node("Constant", [], ["w"], value=external(place))
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [4])] for name in "xy"]
    if where == "initializer":
        graph = helper.make_graph([add], "g", *ends, [external(place)])
    elif where == "constant":
        graph = helper.make_graph([constant, add], "g", *ends)
    else:
        branch = helper.make_graph([constant, add], "b", [], ends[1])
        choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
        yes = helper.make_tensor("c", TensorProto.BOOL, [], [True])
        graph = helper.make_graph([choice], "g", *ends, [yes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with tensors in it, and tensors outside it that must not be read."""
    inside = tmp_path / "inside"
    inside.mkdir()
    for file in (inside / "w.bin", tmp_path / "secret.bin"):
        file.write_bytes(np.ones(4, np.float32).tobytes())
    (inside / "link.bin").symlink_to(tmp_path / "secret.bin")
    return inside


@pytest.mark.parametrize("where", ["initializer", "constant", "branch"])
def test_tensors_beside_the_model_are_taken(where: str, folder: Path) -> None:
    model = OnnxModel(model_with(folder, "w.bin", where))
    assert model.run(np.zeros(4, np.float32))[0] == pytest.approx(1)


@pytest.mark.parametrize("where", ["initializer", "constant", "branch"])
@pytest.mark.parametrize("place", ["../secret.bin", "{above}/secret.bin", "link.bin", "x/../../secret.bin", "w\0.bin"])
def test_tensors_elsewhere_are_refused(where: str, place: str, folder: Path) -> None:
    path = model_with(folder, place.format(above=folder.parent), where)
    with pytest.raises(InputError, match=r"m.onnx: keeps tensors in .*, outside its own folder; export it again"):
        check_external_data(path)


def test_field_numbers_are_those_of_the_format() -> None:
    for kind, fields in _FIELDS.items():
        known: dict[int, Any] = {field.number: field for field in KINDS[kind].DESCRIPTOR.fields}
        for number, inner in fields.items():
            assert known[number].message_type.name == KINDS[inner].DESCRIPTOR.name
    # Nothing that leads to a tensor is passed over.
    names = {proto.DESCRIPTOR.name: kind for kind, proto in KINDS.items()}
    for kind, fields in _FIELDS.items():
        leading = {
            field.number
            for field in KINDS[kind].DESCRIPTOR.fields
            if field.message_type is not None and names.get(field.message_type.name) not in (None, "Entry")
        }
        assert leading <= set(fields)


@given(content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_taken_or_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"m.onnx: ") as refusal:
        OnnxModel(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_damaged_model_is_one_line(share: float, tmp_path: Path) -> None:
    whole = mean_colours(tmp_path / "m.onnx").read_bytes()
    (tmp_path / "m.onnx").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"m.onnx: not an ONNX model, or a damaged one|cannot be loaded"):
        OnnxModel(tmp_path / "m.onnx")


def test_operators_of_libraries_are_refused(tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "m.onnx", [helper.make_node("Own", ["images"], ["output"], domain="mine")], (1, 3, 8, 8)
    )
    with pytest.raises(InputError, match=r"m.onnx: cannot be loaded as an ONNX model"):
        OnnxModel(path)


def test_an_input_that_is_no_image_is_named(tmp_path: Path) -> None:
    node = helper.make_node("Cast", ["images"], ["output"], to=TensorProto.FLOAT)
    path = write_model(tmp_path / "m.onnx", [node], (1, 3, 8, 8), input_type=TensorProto.INT64)
    with pytest.raises(InputError, match=r"m.onnx: takes images tensor\(int64\); a model with one input of images"):
        OnnxModel(path)
    with pytest.raises(InputError, match=r"none.onnx: no such file"):
        OnnxModel(tmp_path / "none.onnx")


def test_what_cannot_be_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"m.onnx: cannot take \(1, 5, 8, 8\)"):
        OnnxModel(mean_colours(tmp_path / "m.onnx")).run(np.zeros((1, 5, 8, 8), np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, 70000.0])
def test_values_that_cannot_be_stored_are_refused(value: float) -> None:
    with pytest.raises(InputError, match=r"m.onnx: gives NaN, infinite values or values beyond 65504"):
        as_half(np.array([0.0, value]), Path("m.onnx"))
