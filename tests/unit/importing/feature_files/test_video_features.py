"""What the files of videos hold, read in blocks whatever axes of length one stand in them."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmark.importing.feature_files.video_features import read_axes
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import find_features


def _hdf5(path: Path, array: NDArray[np.float32]) -> None:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file[path.stem] = array


def _objects(path: Path, array: NDArray[np.float32]) -> None:
    np.save(path, array.astype(object), allow_pickle=True)


_WRITERS: dict[str, Callable[[Path, NDArray[np.float32]], None]] = {
    "npy": lambda path, array: np.save(path, array),
    "fortran": lambda path, array: np.save(path, np.asfortranarray(array)),
    "torch": lambda path, array: torch.save(torch.from_numpy(array), path.with_suffix(".pt")),
    "hdf5": _hdf5,
    "objects": _objects,
}


@pytest.mark.parametrize("writer", _WRITERS)
@pytest.mark.parametrize("axes", ["SCD", "1SCD", "S1CD", "1S1CD1", "SD", "1SD", "11SD", "S1D", "SD111"])
def test_values_keep_their_places_without_axes_of_length_one(tmp_path: Path, writer: str, axes: str) -> None:
    made = {}
    for i, rows in enumerate((5, 1, 9)):
        sizes = {"S": rows, "C": 3, "D": 4, "1": 1}
        shape = tuple(sizes[axis] for axis in axes)
        values = np.random.default_rng(i).random(shape, np.float32)
        _WRITERS[writer](tmp_path / f"v{i}.npy", values)
        made[f"v{i}"] = values.reshape(rows, 3 if "C" in axes else 1, 4)
    read = read_axes(find_features(tmp_path), {})
    for name, values in made.items():
        assert read.videos[name].shape == values.shape
        np.testing.assert_array_equal(np.concatenate(list(read.videos[name].blocks(2, np.float32))), values)
    said = [note for note in read.notes if "Axes of length one" in note]
    assert len(said) == (axes not in ("SCD", "SD", "S1D"))


def test_crops_in_files_of_their_own_may_have_such_axes(tmp_path: Path) -> None:
    for rows in (4, 5):
        for crop in range(2):
            np.save(tmp_path / f"v{rows}__{crop}.npy", np.full((1, rows, 6), crop, np.float32))
    videos = read_axes(find_features(tmp_path), {}).videos
    assert {name: video.shape for name, video in videos.items()} == {"v4": (4, 2, 6), "v5": (5, 2, 6)}
    assert next(videos["v4"].blocks(1, np.float16))[0, :, 0].tolist() == [0, 1]


def test_an_unusual_number_of_crops_is_said(tmp_path: Path) -> None:
    for rows in (4, 5):
        np.save(tmp_path / f"v{rows}.npy", np.zeros((rows, 16, 64), np.float32))
    assert any("WARNING: 16 crops are unusual" in note for note in read_axes(find_features(tmp_path), {}).notes)


def test_frame_counts_decide_where_all_videos_are_alike(tmp_path: Path) -> None:
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", np.zeros((1, 10, 64), np.float32))
    features = find_features(tmp_path)
    with pytest.raises(InputError, match="10 snippets or one snippet of as many crops; give the frame counts"):
        read_axes(features, {})
    assert read_axes(features, {"a": 16, "b": None}).videos["a"].shape == (1, 10, 64)
    assert read_axes(features, {"a": 165, "b": None}).videos["a"].shape == (10, 1, 64)
