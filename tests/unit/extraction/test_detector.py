"""Detectors: recognised by their output, fed as their family is, and read by its formula."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from onnx import TensorProto, helper

from benchmark.extraction.detector import Detector, class_scores, recognise
from benchmark.extraction.settings import Family
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import coloured, fastestdet, mean_colours, measure, write_model, yolov5, yolov8

NAMES = ("red", "green", "blue")
SQUARE = (32, 32)
HALF = 0.001
"""What float16 may be off by."""

unit = st.floats(0, 1, width=32)
outputs = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(lambda s: arrays(np.float32, (8, *s), elements=unit))


def test_yolov8_sees_red_green_blue_in_units_of_255(tmp_path: Path) -> None:
    detector = Detector(yolov8(tmp_path / "m.onnx"), 4, NAMES)
    assert (detector.settings.family, detector.settings.classes) == ("yolov8", 3)
    scores = measure(detector, [coloured(51, 102, 204, SQUARE)] * 16)
    assert scores.dtype == np.float16
    assert scores == pytest.approx([0.8, 0.4, 0.2], abs=HALF)


def test_yolov5_multiplies_by_objectness(tmp_path: Path) -> None:
    detector = Detector(yolov5(tmp_path / "m.onnx", objectness=0.5), 4, NAMES)
    assert detector.settings.family == "yolov5"
    assert measure(detector, [coloured(51, 102, 204, SQUARE)] * 16) == pytest.approx([0.4, 0.2, 0.1], abs=HALF)


def test_fastestdet_sees_blue_green_red_and_the_best_class_of_each_cell(tmp_path: Path) -> None:
    detector = Detector(fastestdet(tmp_path / "m.onnx", objectness=0.25), 4, NAMES)
    assert detector.settings.family == "fastestdet"
    frame = coloured(0, 102, 51, SQUARE)
    frame[:16, :16] = (204, 102, 51)  # stretched to its input, so that quarters stay quarters
    scores = measure(detector, [np.repeat(frame, 2, axis=1)] * 16)
    assert scores == pytest.approx([0.25**0.6 * 0.8**0.4, 0.25**0.6 * 0.4**0.4, 0], abs=HALF)


def test_yolo_puts_grey_around_an_image_of_other_proportions(tmp_path: Path) -> None:
    detector = Detector(yolov8(tmp_path / "m.onnx"), 1, NAMES)
    # 32 x 11 pixels of colour on 32 x 32 of grey.
    expected = [(11 * value + 21 * 114) / 32 / 255 for value in (200, 100, 0)]
    assert measure(detector, [coloured(0, 100, 200, (48, 144))]) == pytest.approx(expected, abs=HALF)


def test_scores_are_the_mean_over_the_frames_looked_at(tmp_path: Path) -> None:
    frames = [coloured(0, 0, 10 * i, SQUARE) for i in range(16)]
    for count, places in ((2, (2, 10)), (4, (2, 6, 10, 14))):
        detector = Detector(yolov8(tmp_path / "m.onnx"), count, NAMES)
        assert measure(detector, frames)[0] == pytest.approx(np.mean([10 * i / 255 for i in places]), abs=HALF)


@pytest.mark.parametrize(
    ("make", "side"),
    [(yolov8, 640), (lambda path, shape: yolov5(path, 0.5, shape), 640)],
    ids=["yolov8", "yolov5"],
)
def test_a_free_input_takes_the_size_of_the_family(make: Callable[..., Path], side: int, tmp_path: Path) -> None:
    detector = Detector(make(tmp_path / "m.onnx", ("N", 3, "H", "W")), 4, NAMES)
    assert (detector.settings.width, detector.settings.height) == (side, side)
    assert measure(detector, [coloured(0, 0, 255, SQUARE)] * 16)[0] > 0.4


def test_a_free_fastestdet_is_352(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("AveragePool", ["images"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Concat", ["pooled", "pooled", "pooled"], ["nine"], axis=1),
        helper.make_node("Slice", ["nine", "from", "to", "axis"], ["output"]),
    ]
    constants = {name: np.array([value], np.int64) for name, value in (("from", 0), ("to", 8), ("axis", 1))}
    path = write_model(tmp_path / "m.onnx", nodes, ("N", 3, "H", "W"), constants=constants)
    settings = Detector(path, 4, NAMES).settings
    assert (settings.family, settings.width, settings.height) == ("fastestdet", 352, 352)


def test_half_precision_is_taken(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["images"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["wide"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "shape"], ["scores"]),
        helper.make_node("Concat", ["box", "scores"], ["output"], axis=1),
    ]
    constants = {"shape": np.array([1, 3, 1], np.int64), "box": np.ones((1, 4, 1), np.float32)}
    path = write_model(tmp_path / "m.onnx", nodes, (1, 3, 32, 32), constants=constants, input_type=TensorProto.FLOAT16)
    assert measure(Detector(path, 4, NAMES), [coloured(0, 0, 255, SQUARE)])[0] == pytest.approx(1, abs=HALF)


@pytest.mark.parametrize(
    ("shapes", "classes", "family"),
    [
        ([(1, 25200, 85)], 80, "yolov5"),
        ([(1, 25200, 85), (1, 3, 80, 80, 85), (1, 3, 40, 40, 85)], 80, "yolov5"),
        ([(1, 84, 8400)], 80, "yolov8"),
        ([(1, 6, 8400)], 2, "yolov8"),
        ([(1, 85, 22, 22)], 80, "fastestdet"),
    ],
)
def test_published_outputs_are_recognised(shapes: list[tuple[int, ...]], classes: int, family: Family) -> None:
    assert recognise(shapes, classes, Path("m.onnx")) == family


@pytest.mark.parametrize(
    "shapes",
    [[(1, 300, 6)], [(1, 116, 8400), (1, 32, 160, 160)], [(1, 56, 8400)], [(1, 1000)], [(2, 84, 8400)], []],
    ids=["suppressed", "segmentation", "pose", "classifier", "two images", "nothing"],
)
def test_other_outputs_are_refused_with_their_shapes(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(InputError, match=r"m.onnx: output .* is none of YOLOv5 \(1, N, 85\)") as refusal:
        recognise(shapes, 80, Path("m.onnx"))
    assert all(str(shape) in str(refusal.value) for shape in shapes)


@given(outputs)
def test_scores_are_those_of_a_plain_loop(output: NDArray[np.float32]) -> None:
    boxes = output.reshape(8, -1).T
    classes = range(3)
    v5 = [max(box[4] * box[5 + c] for box in boxes) for c in classes]
    assert class_scores("yolov5", boxes[np.newaxis]) == pytest.approx(v5)
    v8 = [max(box[4 + c] for box in boxes) for c in range(4)]
    assert class_scores("yolov8", boxes.T[np.newaxis]) == pytest.approx(v8)
    fast = [0.0] * 3
    for box in boxes:
        confidences = [float(box[0]) ** 0.6 * float(box[5 + c]) ** 0.4 for c in classes]
        best = int(np.argmax(np.float32(box[0]) ** np.float32(0.6) * box[5:] ** np.float32(0.4)))
        fast[best] = max(fast[best], confidences[best])
    assert class_scores("fastestdet", output[np.newaxis]) == pytest.approx(fast, rel=1e-4, abs=1e-6)


def test_what_is_no_detector_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"m.onnx: output \(1, 3, 1, 1\) is none of"):
        Detector(mean_colours(tmp_path / "m.onnx"), 4, ())
    with pytest.raises(InputError, match=r"clip.onnx: takes \(1, 3, 16, 8, 8\), but a detector takes one image"):
        Detector(mean_colours(tmp_path / "clip.onnx", (1, 3, 16, 8, 8)), 4, ())
