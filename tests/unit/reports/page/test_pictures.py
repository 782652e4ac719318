"""Pictures in a page: lines stay lines where that is small, and pixels keep what they show."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reports.figures.style import Rendered
from reports.page.pictures import LARGEST_SVG, WORDS, PagePicture, fitting, page_picture

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


def picture(noise: bool = False) -> bytes:
    pixels = np.full((60, 80, 3), 255, dtype=np.uint8)
    pixels[10:20] = (0, 114, 178)
    if noise:
        pixels = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "png")
        return file.getvalue()


def test_a_small_picture_of_lines_stays_one() -> None:
    assert page_picture(Rendered((1, 1), {"svg": SVG, "png": picture()})) == ("image/svg+xml", SVG)


def test_a_large_one_becomes_pixels_if_those_are_smaller() -> None:
    large = SVG + b" " * LARGEST_SVG
    assert page_picture(Rendered((1, 1), {"svg": large})) == ("image/svg+xml", large)
    assert page_picture(Rendered((1, 1), {"svg": large, "png": picture()}))[0] == "image/png"
    assert page_picture(Rendered((1, 1), {"svg": large, "png": picture(noise=True)}))[0] == "image/svg+xml"


def test_pixels_keep_size_and_colours_and_take_less_room() -> None:
    kind, content = page_picture(Rendered((1, 1), {"png": picture()}))
    assert kind == "image/png"
    with Image.open(io.BytesIO(content)) as shown:
        colours = np.asarray(shown.convert("RGB"))
    assert colours.shape == (60, 80, 3)
    assert colours[15, 40].tolist() == [0, 114, 178]
    assert colours[50, 40].tolist() == [255, 255, 255]
    assert len(page_picture(Rendered((1, 1), {"png": picture(noise=True)}))[1]) < len(picture(noise=True)) / 2


@given(st.lists(st.integers(0, 10_000)), st.integers(-1, 60_000))
def test_pictures_are_left_out_when_there_is_no_room_for_them(sizes: list[int], room: int) -> None:
    pictures = {
        number: PagePicture(size=(1, 1), kind="image/png", content="x" * size) for number, size in enumerate(sizes)
    }
    kept = dict(fitting(pictures, list(pictures), room))
    left = room
    for number, size in enumerate(sizes):
        assert (number in kept) == (size + WORDS <= left)
        left -= size + WORDS if number in kept else 0
