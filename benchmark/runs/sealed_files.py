"""Records as files of a store: sealed JSON, read with care for what is damaged, and what lies in a folder of them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from benchmark.system.files import ABSENT, NotAFileError, entries, read_regular, replacing, unreadable
from benchmark.system.hashing import seal, unseal

_Model = TypeVar("_Model", bound=BaseModel)


def read_model(path: str | Path, model: type[_Model]) -> _Model | None:
    """Return what a file holds, or None if nothing is there or it is damaged.

    Raises
    ------
    UnreadableError
        If something is there that cannot be read.
    """
    content = read_content(path)
    return None if content is None else _parse(content, model)


def write_model(path: str | Path, content: BaseModel) -> None:
    """Write a record with its sum, so that nobody sees half of it."""
    with replacing(Path(path)) as file:
        file.write(seal(content.model_dump_json(indent=1).encode()))


def read_content(path: str | Path) -> bytes | None:
    """Return the content of a file; None where there is none, or something else than a file."""
    try:
        return read_regular(path)
    except (*ABSENT, NotAFileError):
        return None
    except OSError as error:
        raise unreadable(path, error) from None


def size_of(path: str | Path) -> int | None:
    """Return how many bytes a file has; None where there is none, or something else than a file."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- as text: a store has thousands
        return found.st_size if stat.S_ISREG(found.st_mode) else None
    except ABSENT:
        return None
    except OSError as error:
        raise unreadable(path, error) from None


def json_files(folder: Path) -> list[Path]:
    """Return the finished JSON files of a folder, by name."""
    return [path for path in entries(folder) if path.suffix == ".json" and not path.name.startswith(".")]


class ModelReader:
    """Reads files as `read_model` does, each once: what it was at that moment is kept."""

    def __init__(self) -> None:
        self._found: dict[str, BaseModel | None] = {}

    def read(self, path: str, model: type[_Model]) -> _Model | None:
        """Return what a file holds, or None if nothing is there or it is damaged; a path is always read as one model.

        Raises
        ------
        UnreadableError
            If something is there that cannot be read.
        """
        if path not in self._found:
            self._found[path] = read_model(path, model)
        found = self._found[path]
        assert found is None or isinstance(found, model)
        return found


def _parse(content: bytes, model: type[_Model]) -> _Model | None:
    try:
        return model.model_validate_json(unseal(content))
    except ValueError:  # not whole: then it is not there
        return None
