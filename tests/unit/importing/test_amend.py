"""Pseudo-labels that are added to an imported dataset."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest
from benchmark.importing.amend import add_pseudo_labels, state_rate
from benchmark.importing.importer import import_dataset
from benchmark.importing.placing import unfinished
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import specs, write_pack


def _labels(folder: Path, seed: int = 0) -> dict[str, Path]:
    rng = np.random.default_rng(seed)
    for what, columns in (("motion", ()), ("objects", (5,))):
        (folder / what).mkdir(parents=True, exist_ok=True)
        for spec in specs("ucf"):
            np.save(folder / what / f"{spec.name}.npy", rng.uniform(size=(spec.rows, *columns)))
    return {what: folder / what for what in ("motion", "objects")}


def _import(pack: Path, root: Path, **options: object) -> Manifest:
    return import_dataset(ImportRequest("small", pack / "features", pack, **options), root)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [("motion", "objects"), ("objects", "motion"), ("both",)])
def test_a_dataset_with_labels_added_is_the_one_imported_with_them(tmp_path: Path, order: tuple[str, ...]) -> None:
    pack = tmp_path / "pack"
    write_pack(pack)
    folders = _labels(tmp_path / "labels")
    _import(pack, tmp_path / "data")
    for what in order:
        some = folders if what == "both" else {what: folders[what]}
        added = add_pseudo_labels(Dataset(tmp_path / "data" / "small"), some)  # type: ignore[arg-type]
    whole = _import(pack, tmp_path / "whole", **folders)
    assert added.model_copy(update={"notes": ()}) == whole.model_copy(update={"notes": ()})
    assert (added.train_hash(), added.test_hash()) == (whole.train_hash(), whole.test_hash())
    for name in ("features", "motion", "objects"):
        paths = [tmp_path / root / "small" / f"{name}.npy" for root in ("data", "whole")]
        assert paths[0].read_bytes() == paths[1].read_bytes()
    assert Dataset(tmp_path / "data" / "small").manifest == added
    assert any(note.startswith("Motion added from") for note in added.notes)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["small"]


def test_labels_are_replaced_only_when_asked(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    _import(tmp_path / "pack", tmp_path / "data", **_labels(tmp_path / "labels"))
    folders = _labels(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="small: this dataset has motion already"):
        add_pseudo_labels(Dataset(tmp_path / "data" / "small"), {"motion": folders["motion"]})
    before = np.load(tmp_path / "data" / "small" / "objects.npy")
    added = add_pseudo_labels(Dataset(tmp_path / "data" / "small"), {"motion": folders["motion"]}, replace=True)
    dataset = Dataset(tmp_path / "data" / "small")
    for video in added.videos:
        np.testing.assert_array_equal(
            dataset.motion(video), np.load(folders["motion"] / f"{video.name}.npy").astype(np.float32)
        )
    np.testing.assert_array_equal(np.load(tmp_path / "data" / "small" / "objects.npy"), before)


def test_labels_per_snippet_are_averaged_where_training_videos_are_segments(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    write_pack(pack)
    folders = _labels(tmp_path / "labels")
    _import(pack, tmp_path / "data", train_segments=2)
    added = add_pseudo_labels(Dataset(tmp_path / "data" / "small"), folders)  # type: ignore[arg-type]
    whole = _import(pack, tmp_path / "whole", train_segments=2, **folders)
    assert added.train_hash() == whole.train_hash()


@pytest.mark.parametrize("fault", ["shape", "negative", "absent", "damaged"])
def test_an_error_leaves_the_dataset_as_it_was(tmp_path: Path, fault: str) -> None:
    write_pack(tmp_path / "pack")
    manifest = _import(tmp_path / "pack", tmp_path / "data")
    folder = tmp_path / "data" / "small"
    motion = _labels(tmp_path / "labels")["motion"]
    path = motion / f"{specs('ucf')[3].name}.npy"
    if fault == "shape":
        np.save(path, np.zeros(7))
    elif fault == "negative":
        np.save(path, np.full(4, -1.0))
    elif fault == "absent":
        path.unlink()
    else:
        with (folder / "features.npy").open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"\x01")
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError) as caught:
        add_pseudo_labels(Dataset(folder), {"motion": motion})
    assert (manifest.name if fault == "damaged" else specs("ucf")[3].name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == content
    assert not unfinished(folder, "amending").exists()


def test_a_dataset_that_is_replaced_meanwhile_is_left_as_it_is_now(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    _import(tmp_path / "pack", tmp_path / "data")
    dataset = Dataset(tmp_path / "data" / "small")

    def replace(done: int, total: int) -> None:
        if done == total:
            _import(tmp_path / "pack", tmp_path / "data", replace=True, feature_set="other")

    with pytest.raises(InputError, match="small: the dataset has been changed meanwhile"):
        add_pseudo_labels(dataset, {"motion": _labels(tmp_path / "labels")["motion"]}, progress=replace)
    assert Dataset(tmp_path / "data" / "small").manifest.feature_set == "other"


def test_a_rate_that_is_stated_later_changes_nothing_else(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack")
    before = _import(tmp_path / "pack", tmp_path / "data")
    after = state_rate(Dataset(tmp_path / "data" / "small"), 12.5)
    assert Dataset(tmp_path / "data" / "small").manifest == after
    assert after.model_copy(update={"fps": before.fps, "notes": before.notes}) == before
    assert (after.train_hash(), after.test_hash()) == (before.train_hash(), before.test_hash())
    assert after.fps == 12.5
    assert after.notes[-1] == "Frame rate stated: 12.5 per second."
