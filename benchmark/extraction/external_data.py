"""Where an ONNX file keeps tensors outside itself: it may name files of its own folder, and nothing else.

An ONNX file is one Protocol Buffers message. It is read here by its published field numbers (onnx.proto3), and only
as far as the places of external tensors, because older versions of ONNX Runtime open whatever is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmark.extraction.published_files.protobuf import submessages
from benchmark.system.errors import InputError
from benchmark.system.files import real_path

_Kind = str

# Kind of message -> field number -> kind of the message in that field. "Entry" is a key (field 1) with a value (2).
_FIELDS: Mapping[_Kind, Mapping[int, _Kind]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "Entry"},
}


def check_external_data(path: Path) -> None:
    """Check that a model's external tensors lie in files of the model's own folder.

    Raises
    ------
    InputError
        If one lies elsewhere, an absolute path or a link out of the folder included, or the file is no ONNX model.
    """
    home = real_path(path.parent)
    try:
        places = list(_locations(memoryview(path.read_bytes())))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (IndexError, ValueError):
        raise InputError(f"{path}: not an ONNX model, or a damaged one; copy or export it again") from None
    for place in places:
        if not _is_inside(place, home):
            raise InputError(
                f"{path}: keeps tensors in {place!a}, outside its own folder; "
                "export it again, with its weights inside or beside it"
            )


def _is_inside(place: str, home: Path) -> bool:
    try:
        return not Path(place).is_absolute() and real_path(home / place).is_relative_to(home)
    except ValueError:  # a zero byte, which no path has
        return False


def _locations(model: memoryview) -> Iterator[str]:
    waiting: list[tuple[_Kind, memoryview]] = [("Model", model)]
    while waiting:
        kind, message = waiting.pop()
        if kind == "Entry":
            texts = dict(submessages(message))
            if bytes(texts.get(1, b"")) == b"location":
                yield bytes(texts.get(2, b"")).decode()
            continue
        fields = _FIELDS[kind]
        waiting += [(fields[number], part) for number, part in submessages(message) if number in fields]
