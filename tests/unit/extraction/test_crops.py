"""Crops and colours, against the places and formulas that their names stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.extraction.crops import cut_crops, normalise
from benchmark.terms import CropRule, Normalisation
from tests.unit.extraction.makers import coloured, cv2

FORMULAS = {
    "imagenet": lambda x: (x / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225]),
    "lite": lambda x: (x - 127) / 128,
    "unit": lambda x: x / 255,
    "i3d": lambda x: (x - 114.75) / 57.375,
    "i3d-inception": lambda x: x / 127.5 - 1,
    "clip": lambda x: (
        (x / 255 - np.array([0.48145466, 0.4578275, 0.40821073])) / np.array([0.26862954, 0.26130258, 0.27577711])
    ),
}


def test_crops_are_cut_at_the_corners_and_the_centre() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (256, 341, 3), dtype=np.uint8)  # its size stays
    corners = [(0, 0), (0, 117), (32, 0), (32, 117)]
    red_first = frame[:, :, ::-1]
    five = cut_crops(frame, "five", 224, 224)
    for crop, (top, left) in zip(five, [*corners, (16, 58)], strict=True):
        assert np.array_equal(crop, red_first[top : top + 224, left : left + 224])
    assert np.array_equal(cut_crops(frame, "one", 224, 224), five[4:])
    in_place = cut_crops(frame, "ten-in-place", 224, 224)
    assert np.array_equal(in_place, np.concatenate([five, five[:, :, ::-1]]))


def test_ten_crops_are_those_of_the_frame_and_of_its_mirror_image() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (256, 341, 3), dtype=np.uint8)
    ten = cut_crops(frame, "ten", 224, 224)
    for crop, (top, left) in zip(ten[5:], [(0, 0), (0, 117), (32, 0), (32, 117), (16, 58)], strict=True):
        for row, column in [(0, 0), (3, 200), (223, 223)]:
            # Column c of the mirrored frame is column 340 - c of the frame, whose colours are blue first.
            assert np.array_equal(crop[row, column], frame[top + row, 340 - left - column, ::-1])
    assert np.array_equal(ten[:5], cut_crops(frame, "five", 224, 224))
    assert np.array_equal(ten[5], ten[1][:, ::-1])  # top left of the mirror image is top right
    assert not np.array_equal(ten[9], ten[4][:, ::-1])  # 117 is odd, so the centres are a pixel apart


def test_the_shorter_side_is_resized_to_256_for_crops_of_224() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (512, 600, 3), dtype=np.uint8)
    whole = cv2.resize(frame, (300, 256), interpolation=cv2.INTER_AREA)[:, :, ::-1]
    assert np.array_equal(cut_crops(frame, "five", 224, 224)[0], whole[:224, :224])


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["one", "five", "ten", "ten-in-place"]),
)
def test_crops_of_any_frame_have_the_size(height: int, width: int, tall: int, wide: int, rule: CropRule) -> None:
    crops = cut_crops(coloured(1, 2, 3, (height, width)), rule, tall, wide)
    assert crops.shape == ({"one": 1, "five": 5}.get(rule, 10), tall, wide, 3)
    assert (crops == [3, 2, 1]).all()


@pytest.mark.parametrize("name", FORMULAS)
def test_colours_follow_the_published_formula(name: Normalisation) -> None:
    colours = np.arange(0, 255, 5, dtype=np.uint8).reshape(-1, 3)
    normal = normalise(colours, name)
    assert normal.dtype == np.float32
    assert normal == pytest.approx(FORMULAS[name](colours.astype(np.float64)), abs=1e-5)
