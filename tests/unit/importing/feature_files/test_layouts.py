import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.importing.feature_files.search import features_home
from benchmark.importing.feature_files.video_features import FeatureSetFiles, read_axes
from benchmark.system.errors import InputError
from benchmark.terms import Layout
from tests.unit.importing.small_packs import DIM, find_features, specs, write_features


def _save(path: Path, *shape: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # No two of one size are alike, as with files that are no copies.
    np.save(path, np.full(shape, zlib.crc32(str(path).encode()) % 999, np.float16))


def _read(folder: Path, layout: Layout | None = None, lists: tuple[Path, ...] = ()) -> FeatureSetFiles:
    return read_axes(find_features(folder, layout, lists), {})


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
    folder = _read(tmp_path)
    assert folder.notes[0].startswith(f"Layout {found} ")
    assert set(folder.videos) == set(made)
    for name, array in made.items():
        files = folder.videos[name]
        assert files.shape == array.shape
        np.testing.assert_array_equal(np.concatenate(list(files.blocks(3, np.float16))), array)
    splits = {video.name: None if nested == "flat" else video.split for video in specs(form)}
    assert {name: files.folder_split for name, files in folder.videos.items()} == splits


def test_the_first_crop_may_carry_no_number(tmp_path: Path) -> None:
    for name in ("a.npy", "a__1.npy", "b.npy", "b__1.npy"):
        _save(tmp_path / name, 4, DIM)
    folder = find_features(tmp_path)
    assert folder.layout == "crop-files"
    assert [path.name for path in folder.videos["b"].paths] == ["b.npy", "b__1.npy"]


def test_crops_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for crop in range(11):
        np.save(tmp_path / f"a__{crop}.npy", np.full((2, DIM), crop, np.float16))
    (files,) = _read(tmp_path).videos.values()
    assert next(files.blocks(2, np.float16))[0, :, 0].tolist() == list(range(11))


def test_a_layout_that_is_asked_for_overrides(tmp_path: Path) -> None:
    _save(tmp_path / "scene__1.npy", 4, DIM)
    assert find_features(tmp_path, "plain").videos.keys() == {"scene__1"}
    assert "as asked for" in _read(tmp_path, "plain").notes[0]


def test_links_are_followed_once_and_hidden_files_passed_over(tmp_path: Path) -> None:
    _save(tmp_path / "elsewhere" / "a.npy", 4, DIM)
    _save(tmp_path / "features" / "train" / "._b.npy", 4, DIM)
    (tmp_path / "features" / "train" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "features" / "train" / "round").symlink_to(tmp_path / "features")
    assert find_features(tmp_path / "features", follow_links=True).videos.keys() == {"a"}
    with pytest.raises(InputError, match="linked: a link out of"):
        find_features(tmp_path / "features")


@pytest.mark.parametrize(
    ("files", "layout", "message"),
    [
        ({}, None, "features: no .npy files"),
        ({"a": (4, 6), "b": (4, 6), "c": (4, 5)}, None, "c.npy: dimension 5, most videos have 6"),
        ({"a": (4, 3, 6), "b": (4, 3, 6), "c": (4, 2, 6)}, None, "c.npy: number of crops 2, most videos have 3"),
        ({"a": (4, 6), "b": (0, 6)}, None, "b.npy: shape (0, 6), so zero snippets"),
        ({"a": (4, 6), "b": (4, 0)}, None, "b.npy: shape (4, 0) holds nothing"),
        ({"a": (4, 6), "b": (6,)}, None, "(snippets, crops, dim); save it so"),
        ({"a": (4, 6), "b": (4, 6), "c": (4, 3, 6)}, None, "c.npy: shape (4, 3, 6), but"),
        ({"a": (4, 3, 6), "b": (4, 3, 6), "c": (4, 6)}, None, "c.npy: shape (4, 6), but"),
        ({"a": (4, 3, 6)}, "plain", "a.npy: shape (4, 3, 6); the plain layout"),
        ({"a__0": (4, 6), "a__1": (3, 6)}, None, "a__1.npy: shape (3, 6), but a__0.npy has (4, 6)"),
        ({"a__0": (4, 6), "a__1": (4, 2, 6)}, None, "a__1.npy: shape (4, 2, 6), but"),
        ({"a__0": (4, 2, 6), "a__1": (4, 2, 6)}, None, "a__0.npy: shape (4, 2, 6); the crop-files layout"),
        ({"a": (4, 6)}, "ten-crop", "a.npy: shape (4, 6); the ten-crop layout has"),
        ({"a__0": (4, 6), "a__2": (4, 6)}, None, "a: crop 1 is missing"),
        ({"a__0": (4, 6), "a__1": (4, 6), "b__0": (4, 6)}, None, "b: crop 1 is missing"),
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
        _read(folder, layout)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent: no such folder"):
        find_features(tmp_path / "absent")


def test_a_folder_that_holds_features_and_more_is_searched_for_features_alone(tmp_path: Path) -> None:
    for name in ("train/a", "test/b", "motion/a", "objects/b", "test_frame_mask/b"):
        _save(tmp_path / f"{name}.npy", 4, DIM)
    _save(tmp_path / "gt-ucf.npy", 99)
    _save(tmp_path / "list" / "gt.npy", 99)
    assert find_features(tmp_path).videos.keys() == {"a", "b"}
    _save(tmp_path / "features" / "c.npy", 4, DIM)
    assert features_home(tmp_path) == tmp_path / "features"
    assert features_home(tmp_path / "features") == tmp_path / "features"


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("UCF_Train_ten_crop_i3d", "train"),
        ("SH_Test_ten_crop_i3d", "test"),
        ("RGBTest", "test"),
        ("training_videos", "train"),
        ("latest", None),
        ("RGB", None),
    ],
)
def test_the_split_is_that_of_the_folder(tmp_path: Path, folder: str, split: str | None) -> None:
    _save(tmp_path / folder / "Arson" / "a.npy", 4, DIM)
    assert find_features(tmp_path).videos["a"].folder_split == split


def test_a_number_at_the_end_is_that_of_a_crop_or_of_a_video_as_annotated(tmp_path: Path) -> None:
    for name in ("01_0015", "01_001"):
        for crop in range(3):
            _save(tmp_path / f"{name}_{crop}.npy", 4, DIM)
    crops = find_features(tmp_path, annotated=["01_0015", "01_001"])
    assert crops.layout == "crop-files"
    assert {name: len(video.arrays) for name, video in crops.videos.items()} == {"01_0015": 3, "01_001": 3}
    videos = find_features(tmp_path, annotated=[path.stem for path in tmp_path.iterdir()])
    assert videos.layout is None
    assert len(videos.videos) == 6


def test_videos_of_both_splits_with_the_same_numbers_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("training_videos/01", "testing_videos/01", "testing_videos/testing_02"):
        _save(tmp_path / f"{name}.npy", 4, DIM)
    found = find_features(tmp_path, annotated=["training_01", "testing_01", "testing_02"])
    assert found.videos["testing_01"].paths[0].parent.name == "testing_videos"
    # The folder is part of the name and does not say the split; and so the benchmark itself is laid out.
    assert found.videos["testing_01"].folder_split is None
    assert found.notes == ()


@pytest.mark.parametrize("container", ["train", "all"])
def test_an_array_in_a_file_of_many_has_the_file_for_a_folder(tmp_path: Path, container: str) -> None:
    with h5py.File(tmp_path / f"{container}.h5", "w") as file:
        file["01_0014.npy"] = np.zeros((4, DIM))
    video = find_features(tmp_path, annotated=["01_0014"]).videos["01_0014"]
    assert video.folder_split == ("train" if container == "train" else None)
    with h5py.File(tmp_path / f"{container}.h5", "a") as file:
        file["b/features"] = np.zeros((4, DIM))
        file["a/features"] = np.zeros((4, DIM))
        del file["01_0014.npy"]
    assert find_features(tmp_path, annotated=["a", "b"]).videos.keys() == {"a", "b"}


def test_a_list_from_another_machine_chooses_the_files(tmp_path: Path) -> None:
    for name in ("train/a_i3d", "train/b_i3d", "test/c d_i3d"):
        _save(tmp_path / "features" / f"{name}.npy", 4, DIM)
    (tmp_path / "train.list").write_text("G:\\UCF\\a_i3d.npy 1.0\r\n")
    (tmp_path / "test.csv").write_text("path,label\n/home/me/c d_i3d.npy,Abuse\n")
    lists = (tmp_path / "train.list", tmp_path / "test.csv")
    assert find_features(tmp_path / "features", lists=lists).videos.keys() == {"a_i3d", "c d_i3d"}
    (tmp_path / "train.list").write_text("/x/absent.npy\n/x/gone.npy\n")
    with pytest.raises(InputError, match=r"absent\.npy \(and 1 more\): listed, but not below"):
        find_features(tmp_path / "features", lists=lists)
    (tmp_path / "train.list").write_text("\n")
    with pytest.raises(InputError, match=r"train\.list: lists nothing"):
        find_features(tmp_path / "features", lists=lists)
    _save(tmp_path / "features" / "other" / "a_i3d.npy", 4, DIM)
    (tmp_path / "train.list").write_text("/x/a_i3d.npy\n")
    with pytest.raises(InputError, match=r"a_i3d\.npy: this file is there twice"):
        find_features(tmp_path / "features", lists=lists)
    (tmp_path / "train.list").write_text("G:\\old\\train\\a_i3d.npy\n")
    assert find_features(tmp_path / "features", lists=lists).videos["a_i3d"].folder_split == "train"


def test_a_list_of_one_crop_of_all_videos_is_read_as_one_crop(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for crop in range(3):
            _save(tmp_path / "features" / f"{name}__{crop}.npy", 4, DIM)
    (tmp_path / "list.csv").write_text("video-id\na__2\nb__2\n")
    videos = _read(tmp_path / "features", lists=(tmp_path / "list.csv",)).videos
    assert {name: (video.shape, video.paths[0].name) for name, video in videos.items()} == {
        "a": ((4, 1, DIM), "a__2.npy"),
        "b": ((4, 1, DIM), "b__2.npy"),
    }


def test_xd_violence_is_read_as_it_is_published(tmp_path: Path) -> None:
    for folder in ("RGB", "RGBTest", "Flow", "FlowTest", "vggish"):
        _save(tmp_path / folder / f"{'b' if 'Test' in folder else 'a'}__0.npy", 4, DIM)
    videos = find_features(tmp_path).videos
    assert {name: video.folder_split for name, video in videos.items()} == {"a": "train", "b": "test"}
    assert videos["a"].paths[0].parent.name == "RGB"
    assert find_features(tmp_path / "Flow").videos.keys() == {"a"}


def test_a_features_folder_that_is_a_link_out_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "elsewhere" / "a.npy", 4, DIM)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "features").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="features: a link out of"):
        features_home(tmp_path / "set")
    assert features_home(tmp_path / "set", follow_links=True) == tmp_path / "set" / "features"
