"""Pictures in a page: they keep what they show in fewer bytes."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reports.page.pictures import WORDS, PagePicture, few_colours, fitting


def picture(noise: bool = False) -> bytes:
    pixels = np.full((60, 80, 3), 255, dtype=np.uint8)
    pixels[10:20] = (0, 114, 178)
    if noise:
        pixels = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "png")
        return file.getvalue()


def test_pixels_keep_size_and_colours_and_take_less_room() -> None:
    with Image.open(io.BytesIO(few_colours(picture()))) as shown:
        colours = np.asarray(shown.convert("RGB"))
    assert colours.shape == (60, 80, 3)
    assert colours[15, 40].tolist() == [0, 114, 178]
    assert colours[50, 40].tolist() == [255, 255, 255]
    assert len(few_colours(picture(noise=True))) < len(picture(noise=True)) / 2


@given(st.lists(st.integers(0, 10_000)), st.integers(-1, 60_000))
def test_pictures_are_left_out_when_there_is_no_room_for_them(sizes: list[int], room: int) -> None:
    pictures = {number: PagePicture(size=(1, 1), content="x" * size) for number, size in enumerate(sizes)}
    kept = dict(fitting(pictures, list(pictures), room))
    left = room
    for number, size in enumerate(sizes):
        assert (number in kept) == (size + WORDS <= left)
        left -= size + WORDS if number in kept else 0
