"""Encoders: images averaged over frames, clips as a whole, crops apart."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from benchmark.extraction.encoder import Encoder, OnnxNetwork
from benchmark.system.errors import InputError
from benchmark.terms import CropRule
from tests.unit.extraction.makers import coloured, mean_colours, measure, write_model

HALF = 0.001


def encoder(path: Path, *, frames: int = 4, crops: CropRule = "one", size: int | None = None) -> Encoder:
    network = OnnxNetwork(path)
    return Encoder(network, frames=frames, normalisation="unit", crops=crops, size=size, architecture=None)


def brightening() -> list[NDArray[np.uint8]]:
    return [coloured(0, 5 * i, 10 * i) for i in range(16)]


@pytest.mark.parametrize("batch", ["N", 1])
def test_an_image_encoder_is_averaged_over_frames(batch: str | int, tmp_path: Path) -> None:
    tested = encoder(mean_colours(tmp_path / "m.onnx", (batch, 3, 8, 8)))
    assert (tested.settings.kind, tested.settings.frames) == ("image", 4)
    features = measure(tested, brightening())
    assert (features.dtype, features.shape) == (np.float16, (1, 3))
    assert features[0] == pytest.approx([80 / 255, 40 / 255, 0], abs=HALF)  # of frames 2, 6, 10, 14


@pytest.mark.parametrize("batch", ["N", 1])
def test_crops_are_encoded_apart(batch: str | int, tmp_path: Path) -> None:
    frame = coloured(0, 0, 0, (8, 64))
    frame[:, 32:] = 255  # to the right of the centre
    features = measure(encoder(mean_colours(tmp_path / "m.onnx", (batch, 3, 8, 8)), crops="five"), [frame] * 16)
    assert features.shape == (5, 3)
    assert features[:4, 0] == pytest.approx([0, 1, 0, 1], abs=HALF)
    assert 0.3 < features[4, 0] < 0.7


def clip_encoder(path: Path, batch: str | int = "N", length: str | int = 16) -> Path:
    """Write a clip encoder whose features are the colours of the last frame less those of the first."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["colours"], axes=[3, 4], keepdims=0),
        helper.make_node("MatMul", ["colours", "weights"], ["output"]),
    ]
    weights = np.zeros((16, 1), np.float32)
    weights[0], weights[15] = -1, 1
    return write_model(path, nodes, (batch, 3, length, 8, 8), constants={"weights": weights})


@pytest.mark.parametrize("batch", ["N", 1])
@pytest.mark.parametrize("length", ["T", 16])
def test_a_clip_encoder_sees_all_frames_in_order(batch: str | int, length: str | int, tmp_path: Path) -> None:
    tested = encoder(clip_encoder(tmp_path / "m.onnx", batch, length), crops="ten")
    assert (tested.settings.kind, tested.settings.frames) == ("clip", 16)
    features = measure(tested, brightening())
    assert features.shape == (10, 3)
    assert features == pytest.approx(np.tile([150 / 255, 75 / 255, 0], (10, 1)), abs=HALF)


def test_a_short_clip_is_filled_up_with_its_last_frame(tmp_path: Path) -> None:
    features = measure(encoder(clip_encoder(tmp_path / "m.onnx")), brightening()[:5])
    assert features[0] == pytest.approx([40 / 255, 20 / 255, 0], abs=HALF)


def test_a_short_clip_begins_again_where_the_tail_is_looped(tmp_path: Path) -> None:
    network = OnnxNetwork(clip_encoder(tmp_path / "m.onnx"))
    tested = Encoder(network, frames=4, normalisation="unit", crops="one", size=None, architecture=None, tail="loop")
    looped = measure(tested, brightening()[:6])
    assert looped[0] == pytest.approx([30 / 255, 15 / 255, 0], abs=HALF)  # the sixteenth is the fourth


def test_a_free_size_is_224_or_as_said(tmp_path: Path) -> None:
    path = mean_colours(tmp_path / "m.onnx", ("N", 3, "H", "W"))
    assert encoder(path).settings.width == 224
    assert encoder(path, size=64).settings.height == 64
    with pytest.raises(InputError, match=r"f.onnx: takes 8x8 pixels; leave --crop-size out"):
        encoder(mean_colours(tmp_path / "f.onnx"), size=64)


@pytest.mark.parametrize("shape", [(4, 3, 8, 8), ("N", 1, 8, 8), ("N", 3, 8, 8, 8), ("N", 3)])
def test_inputs_of_other_shapes_are_refused(shape: tuple[str | int, ...], tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["images"], ["output"])
    with pytest.raises(InputError, match=r"m.onnx: takes .*; an encoder takes images \(N, 3, height, width\) or clips"):
        OnnxNetwork(write_model(tmp_path / "m.onnx", [node], shape))


def test_outputs_that_are_no_vectors_are_refused(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["images"], ["output"])
    path = write_model(tmp_path / "m.onnx", [node], ("N", 3, 8, 8))
    with pytest.raises(InputError, match=r"m.onnx: gives \(4, 3, 8, 8\) for 4 images; one vector each"):
        encoder(path)
