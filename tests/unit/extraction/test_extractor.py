"""What a network sees of a video by each recipe, pixel by pixel, and which snippets there are."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmark.extraction import decoding
from benchmark.extraction.decoding import SnippetReader
from benchmark.extraction.extractors.extractor import Extractor
from benchmark.extraction.frame_sources import Frame, Resampled
from benchmark.extraction.published_files.mean_cube import read_mean_cube
from benchmark.extraction.recipe import EncoderKind, Recipe
from benchmark.extraction.recipes import RECIPES, find_recipe
from benchmark.system.errors import InputError
from tests.unit.extraction.makers import coloured, cv2, measure, moving

Values = NDArray[np.float64]
ROWS, COLUMNS = slice(None, None, 37), slice(None, None, 41)


class Seen:
    """A network whose feature is a part of what it sees: rows and columns of every fifth frame."""

    def __init__(self, kind: EncoderKind) -> None:
        self.path, self.kind = Path("seen.pth"), kind
        self.height = self.width = None
        self.on_gpu = False

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        frames = images[:, :, ::5] if self.kind == "clip" else images
        return frames[..., ROWS, COLUMNS].reshape(len(images), -1)

    def fingerprint(self) -> str:
        return "0" * 64


def extractor(name: str, mean_cube: Path | None = None, **changes: object) -> Extractor:
    recipe = find_recipe(name).changed(changes)
    return Extractor(recipe, Seen(recipe.kind), None, mean_cube)


def marked(size: tuple[int, int], count: int = 16) -> list[Frame]:
    """Return frames in which no two pixels are likely to be alike."""
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(count)]


def expected(wholes: Sequence[Values], crops: Sequence[tuple[int, int, bool]], side: int = 224) -> Values:
    """Cut crops pixel by pixel: top, left in the frame, and whether columns run from the right."""
    rows, columns = range(0, side, 37), range(0, side, 41)
    result = [
        [
            [[whole[top + r, left + (side - 1 - c if mirrored else c)] for c in columns] for r in rows]
            for whole in wholes[::5]
        ]
        for top, left, mirrored in crops
    ]
    # (crops, frames, rows, columns, channels) -> channels, frames, rows, columns of each crop
    return np.asarray(result).transpose(0, 4, 1, 2, 3).reshape(len(crops), -1)


def pil(frames: Sequence[Frame], size: tuple[int, int], filter_: Image.Resampling) -> list[Values]:
    return [
        np.asarray(Image.fromarray(frame[:, :, ::-1].copy()).resize(size, filter_)).astype(np.float64)
        for frame in frames
    ]


def test_rtfm_sees_ten_crops_of_the_frame_and_its_mirror_image() -> None:
    frames = marked((240, 320))
    wholes = [(x - 114.75) / 57.375 for x in pil(frames, (341, 256), Image.Resampling.BILINEAR)]
    plain = [(0, 0, False), (0, 117, False), (32, 0, False), (32, 117, False), (16, 58, False)]
    # The left edge of the mirrored frame is the right edge: left becomes 117 - left.
    mirrored = [(top, 117 - left, True) for top, left, _ in plain]
    features = measure(extractor("i3d-r50-rtfm"), frames)
    assert (features.dtype, len(features)) == (np.float32, 10)
    assert features == pytest.approx(expected(wholes, [*plain, *mirrored]), abs=1e-5)


def test_gowtham_stretches_and_puts_the_centre_third() -> None:
    frames = marked((480, 856))
    wholes = [x * 2 / 255 - 1 for x in pil(frames, (340, 256), Image.Resampling.LANCZOS)]
    plain = [(0, 0, False), (0, 116, False), (16, 58, False), (32, 0, False), (32, 116, False)]
    mirrored = [(top, 116 - left, True) for top, left, _ in plain]
    features = measure(extractor("i3d-r50-gowtham"), frames)
    assert features == pytest.approx(expected(wholes, [*plain, *mirrored]), abs=1e-5)


def test_rocng_puts_the_centre_first_and_mirrors_in_place() -> None:
    frames = marked((360, 481))
    factor = 256 / 360
    wholes = [
        cv2.resize(frame[:, :, ::-1], None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR) / 255 * 2 - 1
        for frame in frames
    ]
    assert wholes[0].shape == (256, 342, 3)
    plain = [(16, 59, False), (0, 0, False), (0, 118, False), (32, 0, False), (32, 118, False)]
    features = measure(extractor("i3d-rocng"), frames)
    assert features == pytest.approx(expected(wholes, [*plain, *((t, left, True) for t, left, _ in plain)]), abs=1e-5)
    five = measure(extractor("i3d-rocng", crops="centre-five"), frames)
    assert np.array_equal(five, features[:5])  # a crop depends on no other


@pytest.mark.parametrize(("crops", "together", "calls"), [("ten", 3, [30, 10]), ("one", 32, [4])])
def test_a_gpu_encodes_the_crops_of_several_snippets_at_once(crops: str, together: int, calls: list[int]) -> None:
    """To the rows that one after another have: four snippets, in batches as a video gives them."""
    recipe, given = find_recipe("i3d-r50-rtfm").changed({"crops": crops}), []

    class OnGpu(Seen):
        def __init__(self) -> None:
            super().__init__("clip")
            self.on_gpu = True

        def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
            given.append(len(images))
            return super().encode(images)

    tested = Extractor(recipe, OnGpu(), None, None)
    assert tested.together == together
    prepared = [tested.prepare(marked((240, 320))[place:] * 2) for place in range(4)]
    given.clear()
    rows = [row for start in range(0, 4, together) for row in tested.measure(prepared[start : start + together])]
    assert given == calls
    alone = extractor("i3d-r50-rtfm", crops=crops)
    assert all(np.array_equal(row, alone.measure([each])[0]) for row, each in zip(rows, prepared, strict=True))
    assert not np.array_equal(rows[0], rows[1])


def test_vadclip_averages_all_frames_of_a_snippet() -> None:
    frames = marked((240, 320))
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    wholes = [(cv2.resize(frame, (340, 256))[:, :, ::-1] / 255 - mean) / std for frame in frames]
    plain = [(16, 58, False), (0, 0, False), (0, 116, False), (32, 0, False), (32, 116, False)]
    crops = [*plain, *((top, left, True) for top, left, _ in plain)]
    features = measure(extractor("clip-vadclip"), frames)
    average = np.mean([expected([whole], crops) for whole in wholes], axis=0)
    assert features == pytest.approx(average, abs=1e-5)
    first = measure(extractor("clip-vadclip", frames="first"), frames)
    assert first == pytest.approx(expected(wholes[:1], crops), abs=1e-5)


def test_videofeatures_sees_the_centre_alone_with_half_pixels_rounded_down() -> None:
    frames = marked((361, 480))  # 256 x 340.4, so 340; and 16, 58
    wholes = [x * 2 / 255 - 1 for x in pil(frames, (340, 256), Image.Resampling.BILINEAR)]
    assert measure(extractor("i3d-videofeatures"), frames) == pytest.approx(
        expected(wholes, [(16, 58, False)]), abs=1e-5
    )
    frames = marked((240, 321))  # 256 x 342.4, so 342; 59
    wide = [x * 2 / 255 - 1 for x in pil(frames, (342, 256), Image.Resampling.BILINEAR)]
    assert measure(extractor("i3d-videofeatures"), frames) == pytest.approx(expected(wide, [(16, 59, False)]), abs=1e-5)
    frames = marked((240, 320))  # 341; 58.5, which is rounded down here and to even there: 58
    odd = [x * 2 / 255 - 1 for x in pil(frames, (341, 256), Image.Resampling.BILINEAR)]
    assert measure(extractor("i3d-videofeatures"), frames) == pytest.approx(expected(odd, [(16, 58, False)]), abs=1e-5)


def test_ekosman_interpolates_tensors_and_takes_red_green_blue_a_sixtieth_as_large() -> None:
    frames = marked((240, 320))
    clip = torch.from_numpy(np.stack(frames)[..., ::-1].copy()).double().permute(0, 3, 1, 2)
    small = torch.nn.functional.interpolate(clip, size=(128, 171), mode="bilinear", align_corners=False)
    wholes = [(each.permute(1, 2, 0).numpy() - np.array([124, 117, 104])) * 0.0167 for each in small]
    features = measure(extractor("c3d-ekosman"), frames)
    # 29.5 is rounded to even here, 30, and down by c3d-sultani, 29.
    assert features == pytest.approx(expected(wholes, [(8, 30, False)], side=112), abs=1e-4)
    levels = features[0] / 0.0167 + np.repeat([124, 117, 104], features.shape[1] // 3)
    assert np.abs(levels - levels.round()).max() > 0.1  # between whole levels


def write_cube(path: Path) -> NDArray[np.float32]:
    """Write a mean cube as Caffe does: five numbers, then the packed floats; return it as (channels, 16, 128, 171)."""
    cube = np.random.default_rng(5).uniform(80, 120, (3, 16, 128, 171)).astype(np.float32)
    size = cube.nbytes
    varint = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    path.write_bytes(bytes([8, 1, 16, 3, 24, 16]) + b"\x2a" + varint + cube.tobytes())
    return cube


def test_c3d_subtracts_the_mean_of_each_frame_and_pixel_from_blue_green_red(tmp_path: Path) -> None:
    frames = marked((240, 320))
    cube = write_cube(tmp_path / "mean.binaryproto")
    wholes = [
        cv2.resize(frame, (171, 128)).astype(np.float64) - cube[:, place].transpose(1, 2, 0)
        for place, frame in enumerate(frames)
    ]
    features = measure(extractor("c3d-sultani", tmp_path / "mean.binaryproto"), frames)
    assert features == pytest.approx(expected(wholes, [(8, 29, False)], side=112), abs=1e-4)
    wholes = [cv2.resize(frame, (171, 128)) - np.array([90.0, 98, 102]) for frame in frames]
    stand_in = measure(extractor("c3d-sultani", normalise="c3d"), frames)
    assert stand_in == pytest.approx(expected(wholes, [(8, 29, False)], side=112), abs=1e-4)


def test_a_mean_cube_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mean.binaryproto"
    with pytest.raises(InputError, match=r"mean.binaryproto: cannot be read"):
        read_mean_cube(path)
    write_cube(path)
    whole = path.read_bytes()
    for content, message in [
        (whole[:-5], "not a file of Caffe, or cut off"),
        (b"\x0a\x04abcd", "holds no mean of 3 x 16 x 128 x 171"),
        (b"", "holds no mean"),
        (whole[:-4] + b"\x00\x00\xc0\x7f", "holds no mean of .* finite numbers"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_mean_cube(path)
    write_cube(path)
    with pytest.raises(InputError, match=r"c3d-sultani: --mean-cube FILE goes with the normalisation mean-cube"):
        extractor("c3d-sultani")
    with pytest.raises(InputError, match=r"frames of 200x150 pixels do not fit the mean cube of 171x128"):
        measure(extractor("c3d-sultani", path, resize="200x150"), marked((48, 64)))


@pytest.mark.parametrize(("name", "black", "white"), [("i3d-r50-rtfm", -2, 2.44444), ("i3d-r50-gowtham", -1, 1)])
def test_colours_range_as_published(name: str, black: float, white: float) -> None:
    tested = extractor(name)
    assert measure(tested, [coloured(0, 0, 0)] * 16) == pytest.approx(black, abs=1e-4)
    assert measure(tested, [coloured(255, 255, 255)] * 16) == pytest.approx(white, abs=1e-4)


@pytest.mark.parametrize(("name", "red_channel"), [("i3d-r50-rtfm", 0), ("i3d-rocng", 0), ("clip-vadclip", 0)])
def test_red_comes_first_but_for_c3d(name: str, red_channel: int) -> None:
    features = measure(extractor(name), [coloured(0, 0, 255)] * 16)
    channels = features.reshape(len(features), 3, -1).mean(axis=(0, 2))
    assert channels.argmax() == red_channel
    features = measure(extractor("c3d-sultani", normalise="c3d"), [coloured(0, 0, 255)] * 16)
    assert features.reshape(3, -1).mean(axis=1) == pytest.approx([-90, -98, 153], abs=1e-3)


def test_flow_is_seen_as_levels_between_a_frame_and_the_next() -> None:
    recipe = find_recipe("i3d-rocng", "dis").changed({"resize": "none", "crops": "one", "width": 96, "height": 96})
    tested = Extractor(recipe, Seen("clip"), None, None)
    frames = moving(17, step=3)
    assert tested.span == 17
    across, down = measure(tested, frames).reshape(2, -1)
    assert np.median(across) == pytest.approx(3 / 20, abs=0.02)  # (3 + 20) / 40 of 255, then -1 to 1
    assert np.median(down) == pytest.approx(0, abs=0.02)
    assert measure(tested, [coloured(9, 9, 9, (120, 160))] * 17) == pytest.approx(0, abs=0.01)


class Numbered:
    """A source of frames that are their own numbers."""

    def __init__(self, count: int, rate: float = 25.0) -> None:
        self.promised, self.rate, self.drift = count, rate, 0.0

    def __iter__(self) -> Iterator[Frame]:
        return (coloured(place, place, place, (32, 32)) for place in range(int(self.promised)))


@pytest.fixture
def snippets(monkeypatch: pytest.MonkeyPatch) -> Callable[[Recipe, int], list[list[int]]]:
    """Return which frames of a video of some length each snippet has."""

    def snippets(recipe: Recipe, count: int) -> list[list[int]]:
        monkeypatch.setattr(decoding, "open_frames", lambda path: Numbered(count))
        reader = SnippetReader(Path("v.avi"), recipe.tail, fewest=recipe.fewest_frames, rate=recipe.frame_rate)
        found = [[int(frame[0, 0, 0]) for frame in snippet] for snippet in reader]
        assert reader.snippets == len(found)
        reader.check_length()
        assert reader.promised_snippets == len(found)
        return found

    return snippets


NUMBERS = {
    "i3d-r50-rtfm": lambda frames: -(-frames // 16),
    "i3d-r50-gowtham": lambda frames: frames // 16 if frames > 16 else 0,
    "i3d-rocng": lambda frames: (frames - 1) // 16,
    "i3d-videofeatures": lambda frames: (frames - 1) // 16,
    "c3d-sultani": lambda frames: frames // 16,
    "c3d-ekosman": lambda frames: frames // 16,
    "clip-vadclip": lambda frames: frames // 16,
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_number_of_snippets_is_the_published_one(
    name: str, snippets: Callable[[Recipe, int], list[list[int]]]
) -> None:
    for count in [*range(1, 51), 160]:
        if wanted := NUMBERS[name](count):
            found = snippets(RECIPES[name], count)
            assert len(found) == wanted
            assert found[0] == list(range(min(16, count)))
            assert found[-1][0] == 16 * (wanted - 1)
        else:
            with pytest.raises(InputError, match=rf"v.avi: {count} frames are fewer than"):
                snippets(RECIPES[name], count)


def test_the_last_snippet_of_rtfm_begins_again() -> None:
    tested = extractor("i3d-r50-rtfm")
    last = [coloured(place, place, place, (32, 32)) for place in range(32, 37)]
    seen = measure(tested, last)[0] * 57.375 + 114.75
    order = [32, 33, 34, 35, 36, 32, 33, 34, 35, 36, 32, 33, 34, 35, 36, 32]
    assert seen.reshape(3, 4, -1)[0, :, 0] == pytest.approx(order[::5])
    kept = measure(extractor("i3d-r50-rtfm", tail="keep"), last)[0] * 57.375 + 114.75
    assert kept.reshape(3, 4, -1)[0, :, 0] == pytest.approx([32, 36, 36, 36])


@pytest.mark.parametrize(("before", "after"), [(25, 30), (30, 25), (30, 30), (60, 30)])
def test_a_frame_rate_repeats_and_leaves_out_frames(before: int, after: int) -> None:
    shown = [int(frame[0, 0, 0]) for frame in Resampled(Numbered(100, before), Path("v.avi"), after)]
    # Frame i comes at i / before seconds, in the new frame that is nearest to that.
    starts = [int(i * after / before + 0.5) for i in range(101)]
    wanted = [max(i for i in range(100) if starts[i] <= new < starts[i + 1]) for new in range(starts[100])]
    assert shown == wanted
    assert len(shown) == 100 * after // before


def test_a_video_without_a_frame_rate_cannot_be_brought_to_one() -> None:
    with pytest.raises(InputError, match=r"v: states no frame rate to bring to 30; leave frame_rate as it is"):
        Resampled(Numbered(3, 0), Path("v"), 30)


def test_crops_that_the_frames_do_not_hold_are_named() -> None:
    with pytest.raises(InputError, match=r"frames of 64x48 pixels hold no crop of 224x224"):
        measure(extractor("i3d-r50-rtfm", resize="none"), [coloured(0, 0, 0)] * 16)


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match=r"seen.pth: takes images, but i3d-rocng encodes clips"):
        Extractor(find_recipe("i3d-rocng"), Seen("image"), None, None)
