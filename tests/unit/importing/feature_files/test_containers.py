"""Containers of features, what lies beside features, and files that are something else than they say."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.importing.feature_files.formats import open_arrays
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError

ROWS = {"a": 12, "b": 13, "c": 14, "d": 1}
VALUES = {
    name: np.random.default_rng(rows).random((rows, 16)).round(3).astype(np.float32) for name, rows in ROWS.items()
}


def _each(write: Callable[[Path, Any], None]) -> Callable[[Path], None]:
    def write_all(folder: Path) -> None:
        for name, values in VALUES.items():
            write(folder / name, values)

    return write_all


def _hdf5(form: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with h5py.File(folder / "all.h5", "w") as file:
            for name, values in VALUES.items():
                file[form.format(name)] = values
                if "/" in form:
                    file[f"{name}/fps"] = 25.0

    return write


_CONTAINERS: dict[str, Callable[[Path], None]] = {
    "npz": _each(lambda path, x: np.savez(path.with_suffix(".npz"), features=x, fps=25.0)),
    "npz, packed": _each(lambda path, x: np.savez_compressed(path.with_suffix(".npz"), features=x, timestamps=x[:, 0])),
    "npz of all": lambda folder: np.savez(folder / "all.npz", **VALUES),  # type: ignore[arg-type]
    "npz of one": _each(lambda path, x: np.savez(path.with_suffix(".npz"), **{path.name: x})),
    "hdf5 of all": _hdf5("{}"),
    "hdf5 in groups": _hdf5("{}/features"),
    "dictionary": _each(lambda path, x: np.save(path, {"features": x, "fps": 25.0}, allow_pickle=True)),  # type: ignore[arg-type]
    "torch": _each(
        lambda path, x: torch.save(
            {"features": torch.from_numpy(x), "fps": torch.tensor(25.0)}, path.with_suffix(".pt")
        )
    ),
    "matlab": _each(lambda path, x: scipy.io.savemat(path.with_suffix(".mat"), {"feature": x, "fps": 25.0})),
    "matlab, packed": _each(
        lambda path, x: scipy.io.savemat(
            path.with_suffix(".mat"), {"t": np.arange(len(x)), "x": x, "name": path.name}, do_compression=True
        )
    ),
    "matlab, side files": _each(
        lambda path, x: [
            scipy.io.savemat(path.with_suffix(".mat"), {"x": x}),
            scipy.io.savemat(f"{path}_fps.mat", {"fps": 25.0}),
            scipy.io.savemat(f"{path}_timestamps_ms.mat", {"t": 640.0 * np.arange(len(x) + 20)}),
        ]
    ),
    "csv": _each(
        lambda path, x: np.savetxt(
            path.with_suffix(".csv"), x, delimiter=",", header=",".join(f"f{k}" for k in range(16)), comments=""
        )
    ),
    "csv without header": _each(lambda path, x: np.savetxt(path.with_suffix(".csv"), x, delimiter=",")),
    "text with a mark of its encoding": _each(
        lambda path, x: path.with_suffix(".txt").write_text(
            "\n".join(" ".join(map(str, row)) for row in x), encoding="utf-8-sig"
        )
    ),
    "side files": _each(
        lambda path, x: [
            np.save(path, x),
            np.save(f"{path}_fps", 25.0),
            np.save(f"{path}_timestamps_ms", 640.0 * np.arange(len(x) + 20)),
        ]
    ),
}


_WITH_MORE = ("npz", "npz, packed", "hdf5 in groups", "dictionary", "side files")


def _annotate(folder: Path) -> Path:
    videos: list[dict[str, object]] = []
    for i, (name, rows) in enumerate(ROWS.items()):
        videos.append({"name": name, "split": "test" if i > 1 else "train", "label": i % 2, "frames": 16 * rows})
        if i == 3:
            videos[-1]["intervals"] = [[0, 8]]
    path = folder / "labels.json"
    path.write_text(json.dumps({"videos": videos}))
    return path


def _import(folder: Path, features: Path) -> Dataset:
    import_dataset(ImportRequest("set", features, _annotate(folder)), folder / "data")
    return Dataset(folder / "data" / "set")


@pytest.mark.parametrize("container", _CONTAINERS)
def test_a_container_is_read_and_what_lies_beside_is_said(tmp_path: Path, container: str) -> None:
    (tmp_path / "features").mkdir()
    _CONTAINERS[container](tmp_path / "features")
    dataset = _import(tmp_path, tmp_path / "features")
    for video in dataset.manifest.videos:
        np.testing.assert_array_equal(dataset.features(video)[:, 0], VALUES[video.name].astype(np.float16))
    said = [note for note in dataset.manifest.notes if note.startswith("Passed over, as they hold no rows")]
    assert len(said) == (container in _WITH_MORE or container.startswith("matlab"))


@pytest.mark.parametrize(("name", "container"), [("all.h5", "hdf5 of all"), ("all.npz", "npz of all")])
def test_a_file_of_all_videos_may_be_given_itself(tmp_path: Path, name: str, container: str) -> None:
    (tmp_path / "features").mkdir()
    _CONTAINERS[container](tmp_path / "features")
    assert len(_import(tmp_path, tmp_path / "features" / name).manifest.videos) == len(ROWS)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>quota</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"\x1f\x8b\x08" + bytes(99), "is a gzip archive, not features; unpack it"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "is a 7z archive"),
        (b"Rar!\x1a\x07\x00" + bytes(99), "is a rar archive"),
        (bytes(257) + b"ustar" + bytes(300), "is a tar archive"),
        (b"PK\x03\x04" + bytes(99), "is a zip archive"),
        ("1 2 3".encode("utf-16"), "is text in UTF-16"),
    ],
)
@pytest.mark.parametrize("ending", [".npy", ".h5", ".txt", ".npz", ".mat"])
def test_a_file_that_is_something_else_is_called_by_what_it_is(
    tmp_path: Path, content: bytes, what: str, ending: str
) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_arrays(path)
    assert what in str(caught.value) or (ending == ".npz" and b"PK" in content)
    assert str(path) in str(caught.value)


def test_two_modalities_of_the_same_videos_are_asked_for(tmp_path: Path) -> None:
    features = tmp_path / "features"
    features.mkdir()
    for name, values in VALUES.items():
        for kind in ("rgb", "flow"):
            np.save(features / f"{name}_{kind}.npy", values)
    with pytest.raises(InputError, match="holds 4 files of _flow and 4 files of _rgb of the same videos; choose one"):
        _import(tmp_path, features)
    for name in VALUES:
        (features / f"{name}_flow.npy").unlink()
    assert len(_import(tmp_path, features).manifest.videos) == 4


def test_several_videos_in_one_array_are_refused(tmp_path: Path) -> None:
    features = tmp_path / "features"
    features.mkdir()
    np.save(features / "concat.npy", np.concatenate(list(VALUES.values())))
    np.save(features / "nalist.npy", np.zeros((4, 2)))
    with pytest.raises(InputError, match=r"concat\.npy: 40 rows under no annotated name.*4 annotated videos in one"):
        _import(tmp_path, features)
    with h5py.File(features / "rows.h5", "w") as file:
        for k in range(3):
            file[f"a-{k:06d}"] = VALUES["a"][k]
    with pytest.raises(InputError, match="holds 3 single rows, such as a-000000"):
        open_arrays(features / "rows.h5")


def test_a_folder_without_features_says_what_is_there(tmp_path: Path) -> None:
    features = tmp_path / "features"
    features.mkdir()
    for k in range(3):
        (features / f"{k}.mp4").write_bytes(bytes(20))
    with zipfile.ZipFile(features / "all", "w") as archive:
        archive.writestr("a.npy", bytes(9))
    with pytest.raises(
        InputError, match=r"it holds 3 \.mp4, 1 without an ending; all is a zip archive; extract features from"
    ):
        _import(tmp_path, features)


@pytest.mark.parametrize("damage", ["cut", "longer", "objects", "text"])
def test_a_damaged_npz_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, features=VALUES["a"])
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "longer":
        with zipfile.ZipFile(path) as archive:
            content = archive.read("features.npy")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("features.npy", content + b"more")
    elif damage == "objects":
        np.savez(path, features=np.array([{}], dtype=object))
    else:
        np.savez(path, features=np.array(["x"]))
    with pytest.raises(InputError, match=r"a\.npz: ") as caught:
        open_arrays(path)
    assert "\n" not in str(caught.value)
