"""SHA-256 sums of what the run store holds, so that damage is never read as a number."""

from __future__ import annotations

from pathlib import Path

from benchmark.system.files import ABSENT, NotAFileError, read_regular, unreadable
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import seal, sum_of, unseal

FILE = "checksums.json"
"""The sums of a run's files, in its folder."""


class Checksums(FrozenModel):
    """The sums of a run's files as they were when the run was finished: path in the folder -> hexadecimal digits."""

    files: dict[str, str]


def write_checksums(folder: Path) -> None:
    """Seal the record of a finished run, and write the sums of its files beside it."""
    record = folder / "record.json"
    record.write_bytes(seal(record.read_bytes()))
    sums = {path.relative_to(folder).as_posix(): sum_of(path) for path in _summed(folder)}
    (folder / FILE).write_bytes(seal(Checksums(files=sums).model_dump_json(indent=1).encode()))


def read_checksums(folder: Path) -> Checksums | None:
    """Return the sums of a run's files, or None where there are none, or damaged ones."""
    try:
        return Checksums.model_validate_json(unseal(read_regular(folder / FILE)))
    except (*ABSENT, NotAFileError, ValueError):
        return None
    except OSError as error:
        raise unreadable(folder / FILE, error) from None


def is_intact(folder: Path, name: str) -> bool:
    """Return whether a file of a finished run is there and what was written, as far as there is a sum of it."""
    sums = read_checksums(folder)
    expected = sums.files.get(name) if sums is not None else None
    try:
        return (folder / name).is_file() if expected is None else sum_of(folder / name) == expected
    except (*ABSENT, NotAFileError):
        return False
    except OSError as error:
        raise unreadable(folder / name, error) from None


def _summed(folder: Path) -> list[Path]:
    """Return the files that stay as they are once a run is finished; evaluations come later and have their own sums."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path.relative_to(folder).parts[0] not in (FILE, "evaluations"))
