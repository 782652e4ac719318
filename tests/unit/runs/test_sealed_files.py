"""Records as files: written with their sum, and read once where a moment is looked at."""

from pathlib import Path

import pytest

from benchmark.runs.records import Controls
from benchmark.runs.sealed_files import ModelReader, read_model, size_of, write_model


def controls(value: float) -> Controls:
    return Controls(test_hash="a test part", metric="auc_frame", values={"constant score": value})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_model(tmp_path / "controls.json", controls(0.5))
    return tmp_path / "controls.json"


def test_what_is_not_there_or_damaged_is_none(path: Path, tmp_path: Path) -> None:
    read = ModelReader().read
    assert read_model(path, Controls) == read(str(path), Controls) == controls(0.5)
    for nothing in (tmp_path / "absent.json", tmp_path, path / "below.json"):
        assert read_model(nothing, Controls) is read(str(nothing), Controls) is size_of(nothing) is None
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    assert read_model(path, Controls) is ModelReader().read(str(path), Controls) is None


def test_a_reader_keeps_what_a_file_was_when_it_was_first_asked_for(path: Path, tmp_path: Path) -> None:
    read = ModelReader().read
    first = read(str(path), Controls)
    assert read(str(tmp_path / "later.json"), Controls) is None
    write_model(path, controls(0.25))
    write_model(tmp_path / "later.json", controls(0.25))
    assert read(str(path), Controls) is first
    assert read(str(tmp_path / "later.json"), Controls) is None
    assert read_model(path, Controls) == controls(0.25)
