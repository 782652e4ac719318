"""A vector for each class of a dataset: read from a file, added, replaced, and found damaged."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.datasets.check import check_dataset
from benchmark.datasets.classes import class_names
from benchmark.datasets.dataset import VECTORS, Dataset
from benchmark.importing.amend import add_class_vectors, add_pseudo_labels
from benchmark.importing.class_vectors import read_class_vectors
from benchmark.importing.importer import import_dataset
from benchmark.importing.placing import unfinished
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import specs, write_pack

CLASSES = ("normal", "Fighting", "Road accident")
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)
BY_NAME = dict(zip(CLASSES, ROWS, strict=True))


def write(path: Path, vectors: Mapping[str, NDArray[np.float32]] = BY_NAME) -> Path:
    np.savez(path, **vectors)  # type: ignore[arg-type]
    return path


def test_vectors_are_found_by_the_names_of_their_classes_in_any_capitals_and_order(tmp_path: Path) -> None:
    shouted = {name.upper(): vector for name, vector in reversed(BY_NAME.items())}
    path = write(tmp_path / "v.npz", {**shouted, "not a class": ROWS[0, :2], "stride": np.float32(16)})
    np.testing.assert_array_equal(read_class_vectors(path, CLASSES), ROWS)


def test_a_vector_may_have_axes_of_length_one(tmp_path: Path) -> None:
    path = write(tmp_path / "v.npz", {name: vector[None] for name, vector in BY_NAME.items()})
    np.testing.assert_array_equal(read_class_vectors(path, CLASSES), ROWS)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_one_array_has_a_row_for_each_class_in_their_order(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    if suffix == ".npy":
        np.save(path, ROWS.astype(np.float64))
    else:
        np.savez(path, text=ROWS)
    found = read_class_vectors(path, CLASSES)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ROWS)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (
            {k: v for k, v in BY_NAME.items() if k != "Fighting"},
            "has no vector for Fighting; it has those of normal, r",
        ),
        ({**BY_NAME, "normal": ROWS[0, :3]}, "vectors have sizes 3, 4; make them alike"),
        ({**BY_NAME, "Fighting": np.array([1, np.nan, 0, 0], np.float32)}, "the vector of Fighting is not finite"),
        ({**BY_NAME, "Fighting": np.zeros(0, np.float32)}, "Fighting holds no vector, but shape "),
        ({**BY_NAME, "Fighting": np.float32(1)}, "Fighting holds no vector, but shape "),
    ],
    ids=["missing", "sizes", "not finite", "empty", "a number"],
)
def test_what_is_no_vector_for_each_class_is_refused_by_the_class(
    tmp_path: Path, vectors: dict[str, NDArray[np.float32]], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_class_vectors(write(tmp_path / "v.npz", vectors), CLASSES)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ROWS[:2], "has 2 rows for 3 classes; give one for each of normal, Fighting, Road accident"),
        (np.zeros((4, 4)), "has 4 rows for 3 classes"),
        (np.full((3, 4), np.inf), "the vector of normal is not finite"),
        (np.array(["a", "b"]), "save it again as an array of numbers"),
        (np.array([{}, {}], object), "pickle"),
    ],
    ids=["fewer", "more", "not finite", "text", "objects"],
)
def test_rows_that_are_not_those_of_the_classes_are_refused(
    tmp_path: Path, content: NDArray[np.float64], message: str
) -> None:
    np.save(tmp_path / "v.npy", content, allow_pickle=True)
    with pytest.raises(InputError, match=message) as caught:
        read_class_vectors(tmp_path / "v.npy", CLASSES)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_none_of_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.pdf").write_bytes(b"%PDF-1.4")
    for name in ("absent.npz", "v.pdf"):
        with pytest.raises(InputError, match=name):
            read_class_vectors(tmp_path / name, CLASSES)


SMALL = ("normal", "Fighting")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small dataset with one abnormal class."""
    write_pack(tmp_path / "pack")
    import_dataset(ImportRequest("small", tmp_path / "pack" / "features", tmp_path / "pack"), tmp_path / "data")
    found = tmp_path / "data" / "small"
    assert class_names(Dataset(found).manifest) == SMALL
    return found


def vectors(path: Path, seed: int = 0) -> Path:
    drawn = np.random.default_rng(seed).normal(size=(2, 5)).astype(np.float32)
    return write(path, dict(zip(SMALL, drawn, strict=True)))


def test_added_vectors_lie_in_the_dataset_and_leave_all_else_as_it_was(folder: Path, tmp_path: Path) -> None:
    before, inode = Dataset(folder).manifest, (folder / "features.npy").stat().st_ino
    added = add_class_vectors(Dataset(folder), vectors(tmp_path / "v.npz"))
    dataset = Dataset(folder)
    assert dataset.manifest == added
    assert added.class_vectors == SMALL
    with np.load(tmp_path / "v.npz") as given:
        np.testing.assert_array_equal(dataset.class_vectors(), [given[name] for name in SMALL])
    assert (folder / "features.npy").stat().st_ino == inode  # a link: nothing was copied
    assert (added.videos, added.content, added.test_hash()) == (before.videos, before.content, before.test_hash())
    assert added.train_hash() == before.train_hash()
    assert added.notes == (*before.notes, f"Class vectors added from {tmp_path / 'v.npz'}.")
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_vectors_are_replaced_only_when_asked(folder: Path, tmp_path: Path) -> None:
    first = add_class_vectors(Dataset(folder), vectors(tmp_path / "v.npz"))
    with pytest.raises(InputError, match="small: this dataset has class vectors already; replace them with --replace"):
        add_class_vectors(Dataset(folder), vectors(tmp_path / "w.npz", seed=1))
    assert Dataset(folder).manifest == first
    second = add_class_vectors(Dataset(folder), vectors(tmp_path / "w.npz", seed=1), replace=True)
    assert second.class_vectors_sha256 != first.class_vectors_sha256
    with np.load(tmp_path / "w.npz") as given:
        np.testing.assert_array_equal(Dataset(folder).class_vectors(), [given[name] for name in SMALL])


def test_vectors_stay_when_pseudo_labels_are_added(folder: Path, tmp_path: Path) -> None:
    first = add_class_vectors(Dataset(folder), vectors(tmp_path / "v.npz"))
    (tmp_path / "motion").mkdir()
    for spec in specs("ucf"):
        np.save(tmp_path / "motion" / f"{spec.name}.npy", np.ones(spec.rows))
    added = add_pseudo_labels(Dataset(folder), {"motion": tmp_path / "motion"})
    assert (added.class_vectors, added.class_vectors_sha256) == (first.class_vectors, first.class_vectors_sha256)
    assert Dataset(folder).class_vectors().shape == (2, 5)


@pytest.mark.parametrize("fault", ["changed", "cut", "gone"])
def test_vectors_that_are_not_as_they_were_added_are_never_used(folder: Path, tmp_path: Path, fault: str) -> None:
    add_class_vectors(Dataset(folder), vectors(tmp_path / "v.npz"))
    path = folder / VECTORS
    assert check_dataset(Dataset(folder)).sound
    if fault == "gone":
        path.unlink()
    else:
        np.save(path, np.load(path)[:1] if fault == "cut" else np.load(path) + 1)
    with pytest.raises(InputError, match=VECTORS) as caught:
        Dataset(folder).class_vectors()
    assert fault == "gone" or "add the class vectors again with --replace" in str(caught.value)
    report = check_dataset(Dataset(folder))
    assert (report.sound, report.damaged) == (False, (VECTORS,))
    add_class_vectors(Dataset(folder), vectors(tmp_path / "v.npz"), replace=True)
    assert check_dataset(Dataset(folder)).sound


def test_an_error_leaves_the_dataset_as_it_was(folder: Path, tmp_path: Path) -> None:
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="has no vector for Fighting"):
        add_class_vectors(Dataset(folder), write(tmp_path / "v.npz", {"normal": ROWS[0], "riot": ROWS[1]}))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == content
    assert not unfinished(folder, "amending").exists()


def test_a_dataset_whose_classes_are_not_known_takes_no_vectors(folder: Path, tmp_path: Path) -> None:
    dataset = Dataset(folder)
    unknown = tuple(video.model_copy(update={"classes": ()}) for video in dataset.manifest.videos)
    dataset.manifest = dataset.manifest.model_copy(update={"videos": unknown})
    with pytest.raises(InputError, match="small: no class of its training videos is known"):
        add_class_vectors(dataset, vectors(tmp_path / "v.npz"))


def test_a_copy_of_the_dataset_has_the_vectors(folder: Path, tmp_path: Path) -> None:
    add_class_vectors(Dataset(folder), vectors(tmp_path / "v.npz"))
    copy = Dataset(shutil.copytree(folder, tmp_path / "copy"))
    np.testing.assert_array_equal(copy.class_vectors(), Dataset(folder).class_vectors())
