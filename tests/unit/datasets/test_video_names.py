import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.video_names import (
    is_video_file,
    name_parts,
    split_crop,
    telling_names,
    video_name,
    without_ending,
)

FILM = "Bad.Boys.II.2003__#00-06-42_label_B2-0-0"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("Abuse/Abuse001_x264.mp4", "Abuse001_x264"),
        (r"G:\UCF\Abuse001_x264.MP4", "Abuse001_x264"),
        ("Abuse001_x264.mp4.npy", "Abuse001_x264"),
        ("cam.AVI.pt", "cam"),
        ("cam.h264", "cam"),
        (FILM, FILM),
        (f"{FILM}.mp4", FILM),
        (".mp4", ".mp4"),
        ("Le\u0301on.npy", "L\u00e9on"),
    ],
)
def test_a_name_has_no_folders_and_no_ending_in_any_form(entry: str, name: str) -> None:
    assert video_name(entry) == name


def test_only_the_ending_of_a_video_makes_one() -> None:
    assert is_video_file("a.MP4")
    assert not is_video_file("a.npy")
    assert not is_video_file("a.mp4.npy")
    assert not is_video_file(".mp4")


@given(st.text(alphabet="ab.\u00e9e\u0301", min_size=1), st.sampled_from([".npy", ".mp4", ".mp4.npy", ".PT"]))
def test_endings_and_the_form_of_unicode_change_no_name(name: str, ending: str) -> None:
    for form in ("NFC", "NFD"):
        assert video_name(unicodedata.normalize(form, name) + ending) == video_name(name)


def test_folders_are_split_at_slashes_of_either_kind() -> None:
    assert name_parts("./a/b\\c.mp4") == ("a", "b", "c")
    assert without_ending("a.b") == "a.b"


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        (["Abuse/a.mp4", "Arson/b.mp4"], ["a", "b"]),
        (["train/normal/1", "train/odd/1", "test/normal/1"], ["train_normal_1", "train_odd_1", "test_normal_1"]),
        (["x/Fire/1.mp4", "x/Fall/1.mp4", "x/Fall/2.mp4"], ["Fire_1", "Fall_1", "2"]),
        (["1", "a/1"], ["1", "a_1"]),
        (["a/1", "a/1"], ["1", "1"]),
        ([], []),
    ],
)
def test_only_names_that_are_shared_have_the_folders_that_tell_them_apart(entries: list[str], names: list[str]) -> None:
    assert telling_names(entries) == names


def test_only_a_number_at_the_end_is_a_crop() -> None:
    assert split_crop(f"{FILM}__1") == (FILM, 1)
    assert split_crop(FILM) == (FILM, None)
    assert split_crop("01_001") == ("01_001", None)
