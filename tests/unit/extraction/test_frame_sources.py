"""The frames of a folder are its pictures, in the order of their numbers, all of them or none."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.extraction.decoding import SnippetReader
from benchmark.extraction.frame_sources import FrameFolder, odd_picture, open_frames
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import coloured, moving, write_frames

SHADES = [coloured(shade, shade, shade) for shade in range(0, 240, 20)]


@pytest.mark.parametrize(
    "name", ["{}.png", "{:03d}.png", "img_{:05d}.png", "01_0014_{}.PNG", "frame{:04d}.bmp", "{}.tif"]
)
def test_frames_come_in_the_order_of_their_numbers(name: str, tmp_path: Path) -> None:
    source = open_frames(write_frames(tmp_path / "v", SHADES, name))
    assert source.promised == len(SHADES)
    assert np.array_equal(list(source), SHADES)


def test_snippets_are_the_same_as_of_a_video(tmp_path: Path) -> None:
    frames = moving(40, size=(48, 64))
    reader = SnippetReader(write_frames(tmp_path / "v", frames, "{}.png"), "keep")
    assert np.array_equal(np.concatenate(list(reader)), frames)
    assert (reader.frames, reader.snippets, reader.warning()) == (40, 3, "")


def test_grey_pictures_are_frames_of_three_colours(tmp_path: Path) -> None:
    (frame, *_) = FrameFolder(write_frames(tmp_path / "v", [shade[:, :, 0] for shade in SHADES]))
    assert frame.shape == (48, 64, 3)


def damaged(content: bytes) -> list[bytes]:
    return [b"", b"<html>", content[: len(content) // 2]]


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
@pytest.mark.parametrize("how", range(3))
def test_a_damaged_picture_is_named(ending: str, how: int, tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "v", moving(6), f"{{:03d}}.{ending}")
    picture = folder / f"004.{ending}"
    picture.write_bytes(damaged(picture.read_bytes())[how])
    with pytest.raises(InputError, match=rf"/v: 004.{ending} is empty or damaged; copy it again"):
        list(FrameFolder(folder))


def test_a_picture_that_is_no_file_is_named(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "v", SHADES)
    (folder / "004.jpg").unlink()
    (folder / "004.jpg").mkdir()
    with pytest.raises(InputError, match=r"/v: 004.jpg cannot be read \(not a regular file\)"):
        list(FrameFolder(folder))


def test_frames_of_other_sizes_are_named(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "v", [*SHADES[:3], coloured(0, 0, 0, (60, 80))])
    with pytest.raises(InputError, match=r"/v: 003.jpg is 80 x 60 pixels, those before it 64 x 48"):
        list(FrameFolder(folder))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0.jpg", "2.jpg"], "frame 1 is missing, 2.jpg comes after 0.jpg"),
        (["f08.jpg", "f09.jpg", "f20.jpg"], "frames 10 to 19 are missing, f20.jpg comes after f09.jpg"),
        (["0.jpg", "1.jpg", "01.png"], "01.png and 1.jpg have the same number; leave out one of them"),
        (["0.jpg", "1.jpg", "cover.jpg"], "cover.jpg is no frame with a number, as others are; move it elsewhere"),
    ],
)
def test_a_series_that_is_not_whole_is_refused(names: list[str], message: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=message):
        FrameFolder(tmp_path)


@given(st.sets(st.integers(0, 10**6), min_size=1), st.sampled_from(["", "img_", "01_", "a.b "]))
def test_any_numbers_after_one_text_are_a_series_and_no_other_picture_is(numbers: set[int], text: str) -> None:
    pictures = [Path(f"{text}{number}.jpg") for number in numbers]
    assert odd_picture(pictures) is None
    assert odd_picture([*pictures, Path("cover.jpg")]) == Path("cover.jpg")
