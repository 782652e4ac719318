from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.layouts import Layout, find_features
from benchmark.errors import InputError

from .small_packs import DIM, specs, write_features


def _save(path: Path, *shape: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.zeros(shape, np.float16))


@pytest.mark.parametrize("nested", ["flat", "split", "class"])
@pytest.mark.parametrize(
    ("layout", "found"),
    [("ten-crop", "ten-crop"), ("crop-files", "crop-files"), ("plain", "plain"), ("plain-3d", "plain")],
)
@pytest.mark.parametrize("form", ["ucf", "xd"])
def test_a_layout_is_found_by_looking_and_read_back(
    tmp_path: Path, layout: str, found: str, nested: str, form: str
) -> None:
    made = write_features(tmp_path, specs(form), layout, nested=nested)
    folder = find_features(tmp_path)
    assert folder.layout == found
    assert found in folder.reason
    assert set(folder.videos) == set(made)
    for name, array in made.items():
        files = folder.videos[name]
        assert files.shape == array.shape
        np.testing.assert_array_equal(np.concatenate(files.arrays(), axis=1), array)
    splits = {video.name: None if nested == "flat" else video.split for video in specs(form)}
    assert {name: files.folder_split for name, files in folder.videos.items()} == splits


def test_the_first_crop_may_carry_no_number(tmp_path: Path) -> None:
    for name in ("a.npy", "a__1.npy", "b.npy", "b__1.npy"):
        _save(tmp_path / name, 4, DIM)
    folder = find_features(tmp_path)
    assert folder.layout == "crop-files"
    assert [path.name for path in folder.videos["b"].files] == ["b.npy", "b__1.npy"]


def test_crops_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for crop in range(11):
        np.save(tmp_path / f"a__{crop}.npy", np.full((2, DIM), crop, np.float16))
    (files,) = find_features(tmp_path).videos.values()
    assert [array[0, 0, 0] for array in files.arrays()] == list(range(11))


def test_a_layout_that_is_asked_for_overrides(tmp_path: Path) -> None:
    _save(tmp_path / "scene__1.npy", 4, DIM)
    assert find_features(tmp_path, "plain").videos.keys() == {"scene__1"}
    assert "as asked for" in find_features(tmp_path, "plain").reason


def test_links_are_followed_once_and_hidden_files_passed_over(tmp_path: Path) -> None:
    _save(tmp_path / "elsewhere" / "a.npy", 4, DIM)
    _save(tmp_path / "features" / "train" / "._b.npy", 4, DIM)
    (tmp_path / "features" / "train" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "features" / "train" / "round").symlink_to(tmp_path / "features")
    assert find_features(tmp_path / "features").videos.keys() == {"a"}


@pytest.mark.parametrize(
    ("files", "layout", "message"),
    [
        ({}, None, "features: no .npy files"),
        ({"a": (4, 6), "b": (4, 6), "c": (4, 5)}, None, "c.npy: dimension 5, most videos have 6"),
        ({"a": (4, 3, 6), "b": (4, 3, 6), "c": (4, 2, 6)}, None, "c.npy: number of crops 2, most videos have 3"),
        ({"a": (4, 6), "b": (0, 6)}, None, "b.npy: shape (0, 6), so zero snippets"),
        ({"a": (4, 6), "b": (4, 0)}, None, "b.npy: shape (4, 0) holds nothing"),
        ({"a": (4, 6), "b": (6,)}, None, "(snippets, crops, dim); save it so"),
        ({"a": (4, 6), "b": (4, 6), "c": (4, 3, 6)}, None, "c.npy: shape (4, 3, 6); the plain layout"),
        ({"a": (4, 3, 6), "b": (4, 3, 6), "c": (4, 6)}, None, "c.npy: shape (4, 6); the ten-crop layout"),
        ({"a": (4, 3, 6)}, "plain", "a.npy: shape (4, 3, 6); the plain layout"),
        ({"a__0": (4, 6), "a__1": (3, 6)}, None, "a__1.npy: shape (3, 6), but a__0.npy has (4, 6)"),
        ({"a__0": (4, 6), "a__1": (4, 2, 6)}, None, "a__1.npy: shape (4, 2, 6); the crop-files layout"),
        ({"a__0": (4, 6), "a__2": (4, 6)}, None, "a: crop 1 is missing"),
        ({"a__0": (4, 6), "a__1": (4, 6), "b__0": (4, 6)}, None, "number of crops"),
        ({"Abuse/a": (4, 6), "Arson/a": (4, 6)}, None, "a: this video is there twice"),
        ({"train/a__0": (4, 6), "test/a__0": (4, 6)}, None, "a: this video is there twice"),
        ({"train/a__0": (4, 6), "test/a__1": (4, 6)}, None, "a: its crops lie in several"),
    ],
)
def test_files_that_do_not_fit_are_errors_that_name_one(
    tmp_path: Path, files: dict[str, tuple[int, ...]], layout: Layout | None, message: str
) -> None:
    folder = tmp_path / "features"
    folder.mkdir()
    for name, shape in files.items():
        _save(folder / f"{name}.npy", *shape)
    with pytest.raises(InputError) as caught:
        find_features(folder, layout)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent: no such folder"):
        find_features(tmp_path / "absent")
