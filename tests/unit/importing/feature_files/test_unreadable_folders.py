"""A sub-folder that cannot be read is no folder without features."""

import errno
import os
from pathlib import Path

import pytest

from benchmark.importing.feature_files.search import files_below
from benchmark.system.errors import InputError


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.npy").touch()
    (tmp_path / "locked").mkdir()
    original = os.scandir

    def guarded(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path)

    assert [path.name for path in files_below(tmp_path, (".npy",))] == ["a.npy"]
    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(InputError, match=r"locked: cannot be read \(Permission denied\)"):
        list(files_below(tmp_path, (".npy",)))
