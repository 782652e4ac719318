"""Snippets are exactly the frames that OpenCV decodes one after another."""

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.extraction.decoding import SnippetReader, frame_places
from benchmark.system.errors import InputError
from benchmark.terms import VideoTail
from tests.unit.extraction.makers import CODECS, coloured, cv2, moving, slow_down, turn, write_video


def decode(path: Path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


@pytest.mark.parametrize("ending", CODECS)
@pytest.mark.parametrize("count", [16, 31, 32, 50])
def test_snippets_are_the_frames_in_order(ending: str, count: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"v.{ending}", moving(count, size=(48, 64)))
    expected = decode(path)
    assert len(expected) == count
    for tail, snippets in (("drop", count // 16), ("keep", -(-count // 16))):
        reader = SnippetReader(path, tail)  # type: ignore[arg-type]
        found = list(reader)
        assert (len(found), reader.snippets, reader.frames) == (snippets, snippets, count)
        assert np.array_equal(np.concatenate(found), expected[: 16 * snippets])
        reader.check_length()
        assert reader.warning() == ""


@pytest.mark.parametrize(("count", "tail", "enough"), [(15, "drop", False), (15, "keep", True), (1, "keep", True)])
def test_a_video_of_less_than_a_snippet(count: int, tail: VideoTail, enough: bool, tmp_path: Path) -> None:
    reader = SnippetReader(write_video(tmp_path / "v.avi", [coloured(0, 0, 0)] * count), tail)
    list(reader)
    if enough:
        reader.check_length()
    else:
        with pytest.raises(InputError, match=r"v.avi: 15 frames are fewer than a snippet of 16; .* --tail keep"):
            reader.check_length()


def test_a_video_that_is_cut_off_is_said(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "v.mkv", moving(100, size=(48, 64))).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    reader = SnippetReader(tmp_path / "cut.mkv", "drop")
    list(reader)
    assert 30 < reader.frames < 60
    expected = f"cut.mkv: shorter than its header says, {reader.frames} of 100 frames could be decoded. These are kept."
    assert expected in reader.warning()


def test_a_video_without_its_index_is_named(tmp_path: Path) -> None:
    """As where the download of an MP4 was cut off, whose index comes last."""
    whole = write_video(tmp_path / "v.mp4", moving(32, size=(48, 64))).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut.mp4: cannot be opened as a video; copy it again or leave it out"):
        SnippetReader(tmp_path / "cut.mp4", "drop")


def test_a_file_of_nothing_but_sound_is_named(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(32_000))
    path = (tmp_path / "sound.wav").rename(tmp_path / "sound.mp4")
    with pytest.raises(InputError, match=r"sound.mp4: cannot be opened as a video"):
        SnippetReader(path, "drop")


def test_a_turned_video_is_seen_upright(tmp_path: Path) -> None:
    frames = [coloured(0, 0, 0)] * 16
    for frame in frames[:1]:
        frame[:, :32] = 255  # the left half is white
    (snippet,) = SnippetReader(turn(write_video(tmp_path / "v.mp4", frames)), "drop")
    assert snippet[0].shape == (64, 48, 3)
    assert snippet[0][:24].min() > 200
    assert snippet[0][40:].max() < 50


def test_frames_of_4k_are_read(tmp_path: Path) -> None:
    (snippet,) = SnippetReader(write_video(tmp_path / "v.mp4", [coloured(0, 128, 255, (2160, 3840))] * 16), "drop")
    assert {frame.shape for frame in snippet} == {(2160, 3840, 3)}


@pytest.mark.parametrize("rate", [None, 25.0])
def test_a_frame_rate_that_varies_is_said(rate: float | None, tmp_path: Path) -> None:
    """64 frames at 0.04 s and 64 at 0.2 s: 15.36 s, so 8.33 a second, whose 64th comes at 7.68 s, not at 2.56 s."""
    even = SnippetReader(write_video(tmp_path / "even.mp4", moving(128, size=(48, 64))), "drop", rate=rate)
    assert [len(snippet) for snippet in even] == [16] * 8
    assert even.warning() == ""
    uneven = SnippetReader(slow_down(write_video(tmp_path / "v.mp4", moving(128, size=(48, 64))), 5), "drop", rate=rate)
    list(uneven)
    off = max(abs(min(i, 64) * 0.04 + max(0, i - 64) * 0.2 - i / uneven.rate) for i in range(128))
    assert off > 3
    said = f"v.mp4: its frame rate varies, frames come up to {off:.1f} s earlier or later than at {uneven.rate:.4g} a"
    assert said in uneven.warning()


@pytest.mark.parametrize("content", [b"", b"no video at all", b"#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n"])
def test_a_file_that_is_no_video_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"v.mp4: cannot be opened as a video; copy it again or leave it out"):
        SnippetReader(tmp_path / "v.mp4", "drop")


def test_places_are_those_of_published_measurements() -> None:
    assert frame_places(4, 16) == [2, 6, 10, 14]
    assert frame_places(2, 16) == [2, 10]
    assert frame_places(16, 16) == list(range(16))
    assert frame_places(4, 7) == [2, 6]
    assert frame_places(4, 2) == [1]


@given(st.integers(1, 16), st.integers(1, 16))
def test_places_are_even_and_inside(count: int, length: int) -> None:
    places = frame_places(count, length)
    assert 1 <= len(places) <= count
    assert places[0] >= 0
    assert places[-1] < length
    whole = frame_places(count, 16)
    assert len(whole) == len(set(whole)) == count
    assert set(np.diff(whole)) <= {16 // count, -(-16 // count)}
