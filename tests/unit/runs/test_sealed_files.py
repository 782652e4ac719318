"""Records as files: written with their sum, and read again only when they have changed."""

from pathlib import Path

import pytest

from benchmark.runs import sealed_files
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
    assert read_model(path, Controls) is read(str(path), Controls) is None


def test_a_file_is_parsed_again_only_when_it_has_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, parsed = ModelReader(), []
    monkeypatch.setattr(sealed_files, "unseal", lambda content: parsed.append(content) or content)
    path.write_text(controls(0.5).model_dump_json())
    assert reader.read(str(path), Controls) is reader.read(str(path), Controls)
    assert len(parsed) == 1
    path.write_text(controls(0.25).model_dump_json())
    assert reader.read(str(path), Controls) == controls(0.25)
    path.unlink()
    assert reader.read(str(path), Controls) is None
    assert len(parsed) == 2
