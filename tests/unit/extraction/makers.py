"""Makes small videos, and ONNX models whose arithmetic is known."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmark.extraction.instruments import Instrument

Frames = Sequence[NDArray[np.uint8]]
CODECS = {"avi": "MJPG", "mkv": "MJPG", "mp4": "mp4v", "mov": "mp4v"}


def measure(instrument: Instrument, frames: Frames) -> NDArray[Any]:
    """Return the row that an instrument measures of one snippet."""
    (row,) = instrument.measure([instrument.prepare(frames)])
    return row


def write_video(path: Path, frames: Iterable[NDArray[np.uint8]]) -> Path:
    """Write a video in a codec that fits its ending; MJPG loses the least."""
    frames = list(frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    codec = cv2.VideoWriter_fourcc(*CODECS[path.suffix[1:]])
    writer = cv2.VideoWriter(str(path), codec, 25.0, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def turn(path: Path) -> Path:
    """Have an MP4 say that it is to be shown turned by a quarter."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    content[matrix : matrix + 24] = struct.pack(">6i", 0, 1 << 16, 0, -1 << 16, 0, 0)
    path.write_bytes(content)
    return path


def slow_down(path: Path, factor: int) -> Path:
    """Have the second half of an MP4's frames shown so much longer."""
    content = bytearray(path.read_bytes())
    table = content.index(b"stts") + 8
    frames, length = struct.unpack(">2I", content[table + 4 : table + 12])
    entries = (2, frames // 2, length, frames - frames // 2, factor * length)
    content[table : table + 12] = struct.pack(">5I", *entries)
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):
        size = content.index(box) - 4
        content[size : size + 4] = struct.pack(">I", struct.unpack(">I", content[size : size + 4])[0] + 8)
    whole = content.index(b"elst") + 12
    content[whole : whole + 4] = struct.pack(">I", 1 << 30)  # no frame is cut off
    path.write_bytes(content)
    return path


def write_frames(folder: Path, frames: Frames, name: str = "{:03d}.jpg") -> Path:
    """Write frames as pictures, named by their places."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, frame in enumerate(frames):
        cv2.imwrite(str(folder / name.format(place)), frame)
    return folder


def coloured(blue: float, green: float, red: float, size: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """Return a frame of one colour, (height, width, BGR)."""
    return np.full((*size, 3), (blue, green, red), np.uint8)


def moving(count: int, step: int = 2, size: tuple[int, int] = (120, 160)) -> Frames:
    """Return frames of a smooth texture that moves to the right by some pixels a frame."""
    height, width = size
    noise = np.random.default_rng(0).integers(0, 256, (height, width + step * count), dtype=np.uint8)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    views = [texture[:, step * (count - i) : step * (count - i) + width] for i in range(count)]
    return [np.repeat(view[:, :, np.newaxis], 3, axis=2) for view in views]


def write_model(
    path: Path,
    nodes: Sequence[Any],
    input_shape: Sequence[int | str],
    *,
    constants: dict[str, NDArray[Any]] | None = None,
    input_type: int = TensorProto.FLOAT,
    outputs: Sequence[str] = ("output",),
) -> Path:
    """Write an ONNX model that computes `outputs` from `images`."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("images", input_type, list(input_shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def mean_colours(path: Path, input_shape: Sequence[int | str] = ("N", 3, 8, 8)) -> Path:
    """Write an image encoder whose features, (N, 3, 1, 1), are the means of the three colours."""
    return write_model(path, [helper.make_node("GlobalAveragePool", ["images"], ["output"])], input_shape)


def yolov8(path: Path, input_shape: Sequence[int | str] = (1, 3, 32, 32)) -> Path:
    """Write a detector of three classes with one box, whose class scores are the means of the input's colours."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "shape"], ["scores"]),
        helper.make_node("Concat", ["box", "scores"], ["output"], axis=1),
    ]
    constants = {"shape": np.array([1, 3, 1], np.int64), "box": np.ones((1, 4, 1), np.float32)}
    return write_model(path, nodes, input_shape, constants=constants)


def yolov5(path: Path, objectness: float, input_shape: Sequence[int | str] = (1, 3, 32, 32)) -> Path:
    """Write a detector like `yolov8`, with its values in a row and an objectness."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "shape"], ["scores"]),
        helper.make_node("Concat", ["box", "scores"], ["output"], axis=2),
    ]
    box = np.array([[[1, 1, 1, 1, objectness]]], np.float32)
    constants = {"shape": np.array([1, 1, 3], np.int64), "box": box}
    return write_model(path, nodes, input_shape, constants=constants)


def fastestdet(path: Path, objectness: float, input_shape: Sequence[int | str] = (1, 3, 32, 32)) -> Path:
    """Write a detector of three classes with 2 x 2 cells, whose class scores are the colours of the quarters."""
    nodes = [
        helper.make_node("AveragePool", ["images"], ["scores"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Concat", ["box", "scores"], ["output"], axis=1),
    ]
    box = np.full((1, 5, 2, 2), objectness, np.float32)
    return write_model(path, nodes, input_shape, constants={"box": box})
