from pathlib import Path

import pytest

from benchmark.datasets.catalog import data_root, list_datasets, open_dataset
from benchmark.datasets.manifest import MANIFEST_VERSION
from benchmark.importing.importer import import_dataset
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError
from tests.unit.importing.small_packs import write_pack


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_pack(tmp_path / "pack")
    for name in ("a", "b"):
        import_dataset(ImportRequest(name, tmp_path / "pack" / "features", tmp_path / "pack"), tmp_path / "data")
    return tmp_path / "data"


def test_the_data_root_is_the_option_else_the_environment_else_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WVAD_DATA", raising=False)
    assert data_root(None) == Path("data")
    monkeypatch.setenv("WVAD_DATA", "/elsewhere")
    assert data_root(None) == Path("/elsewhere")
    assert data_root(Path("mine")) == Path("mine")


def test_datasets_are_listed_and_a_broken_one_with_its_reason(root: Path) -> None:
    (root / "b" / "features.npy").write_bytes(b"")
    (root / ".c.importing-1").mkdir()
    (root / "raw").mkdir()
    a, b = list_datasets(root)
    assert (a.name, a.problem) == ("a", "")
    assert a.manifest is not None
    assert b.name == "b"
    assert b.manifest is None
    assert "features.npy: not a readable .npy file" in b.problem
    assert list_datasets(root / "absent") == []


def test_a_dataset_is_opened_by_name(root: Path) -> None:
    assert open_dataset("a", root).name == "a"


@pytest.mark.parametrize(
    ("name", "hint"), [("ucf", "wvad data import ucf --features"), ("scenes-avenue", "wvad data scenes")]
)
def test_an_unknown_dataset_lists_the_known_ones_and_the_command(root: Path, name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        open_dataset(name, root)
    assert f"{name}: no such dataset" in str(caught.value)
    assert "known: a, b" in str(caught.value)
    assert hint in str(caught.value)
    with pytest.raises(InputError, match="not a name for a dataset"):
        open_dataset("../a", root)
    with pytest.raises(InputError, match=r"A: no such dataset in .* \(known: a, b\); did you mean a\?$"):
        open_dataset("A", root)


def test_a_manifest_of_a_newer_version_is_refused(root: Path) -> None:
    path = root / "a" / "manifest.json"
    path.write_text(path.read_text().replace(f'"version": {MANIFEST_VERSION}', '"version": 99'))
    with pytest.raises(InputError, match="manifest version 99 is newer"):
        open_dataset("a", root)
