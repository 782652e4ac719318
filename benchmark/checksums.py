"""SHA-256 sums of what the run store holds, so that damage is never read as a number."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmark.frozen import FrozenModel

FILE = "checksums.json"
"""The sums of a run's files, in its folder."""

_BEFORE, _AFTER = b',\n "sha256": "', b'"\n}\n'
_DIGITS = 64
_SEAL = len(_BEFORE) + _DIGITS + len(_AFTER)


class Checksums(FrozenModel):
    """The sums of a run's files as they were when the run was finished: path in the folder -> hexadecimal digits."""

    files: dict[str, str]


def sum_of(path: Path) -> str:
    """Return the SHA-256 sum of a file, which is read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(content: bytes) -> bytes:
    """Add the sum of a JSON object to it as its last field; a sealed one stays as it is."""
    if is_sealed(content):
        return content
    body = content.rstrip().removesuffix(b"}").rstrip()
    return body + _BEFORE + hashlib.sha256(body).hexdigest().encode() + _AFTER


def is_sealed(content: bytes) -> bool:
    """Return whether a JSON object ends with its sum, right or wrong."""
    tail = content[-_SEAL:]
    return tail.startswith(_BEFORE) and tail.endswith(_AFTER)


def unseal(content: bytes) -> bytes:
    """Return a JSON object without its sum; one from before there were sums is returned as it is.

    Raises
    ------
    ValueError
        If the sum is another.
    """
    if not is_sealed(content):
        return content
    body = content[:-_SEAL]
    if hashlib.sha256(body).hexdigest().encode() != content[-len(_AFTER) - _DIGITS : -len(_AFTER)]:
        raise ValueError("the content is not what was written")
    return body + b"}"


def write_checksums(folder: Path) -> None:
    """Seal the record of a finished run, and write the sums of its files beside it."""
    record = folder / "record.json"
    record.write_bytes(seal(record.read_bytes()))
    sums = {path.relative_to(folder).as_posix(): sum_of(path) for path in _summed(folder)}
    (folder / FILE).write_bytes(seal(Checksums(files=sums).model_dump_json(indent=1).encode()))


def read_checksums(folder: Path) -> Checksums | None:
    """Return the sums of a run's files, or None where there are none that can be read."""
    try:
        return Checksums.model_validate_json(unseal((folder / FILE).read_bytes()))
    except (OSError, ValueError):
        return None


def is_intact(folder: Path, name: str) -> bool:
    """Return whether a file of a finished run is there and what was written, as far as there is a sum of it."""
    sums = read_checksums(folder)
    expected = sums.files.get(name) if sums is not None else None
    try:
        return (folder / name).is_file() if expected is None else sum_of(folder / name) == expected
    except OSError:
        return False


def _summed(folder: Path) -> list[Path]:
    """Return the files that stay as they are once a run is finished; evaluations come later and have their own sums."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path.relative_to(folder).parts[0] not in (FILE, "evaluations"))
