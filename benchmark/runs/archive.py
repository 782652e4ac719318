"""A run store moved between machines as one archive: an uncompressed ZIP file with the sum of everything in it."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader, FileIO
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from pydantic import ValidationError

from benchmark.runs.records import StoredFile
from benchmark.runs.results_folder import Results
from benchmark.runs.sealed_files import json_files
from benchmark.runs.store import RunStore
from benchmark.runs.trained_on import path_of
from benchmark.runs.verify import check_part, files_of_run, part_of, run_folders
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.system.files import is_there, leaving_nothing, open_regular, replacing, unreadable, writing_to
from benchmark.system.frozen import FrozenModel, first_error
from benchmark.system.hashing import seal, sum_of, unseal

CONTENTS = "contents.json"
"""What an archive holds, the last file in it: sums are known when everything is written."""
VERSION = 1

_BLOCK = 1 << 20
_MALFORMED = (EOFError, ValueError, NotImplementedError, RuntimeError)
"""What `zipfile` raises, beside its own exception, for files that somebody has made up."""


class Contents(FrozenModel):
    """What an archive holds: path below the results folder -> size and sum."""

    archive_version: int
    files: dict[str, StoredFile]


class Moved(NamedTuple):
    """What was put into an archive, or taken out of one: runs, those that were there already, evaluations and plans."""

    runs: int
    kept: int
    evaluations: int
    plans: int


def export_archive(results: Results, path: Path, tables: Iterable[str], weights: bool, progress: Progress) -> Moved:
    """Write stored runs into one file, with the plans and calls that ask for them.

    Parameters
    ----------
    tables
        Whose runs; all that are stored if none is named.
    weights
        Whether to take along the weights; without them runs can be shown, and not tested on other datasets.
    progress
        Called with the bytes that are written, and with all.

    Raises
    ------
    InputError
        If a table is not planned, a run is damaged, or the file cannot be written.
    """
    store, names = results.store, set(tables)
    plans = [plan for plan in results.plans(None) if not names or plan.table in names]
    if unknown := names - {plan.table for plan in plans}:
        raise InputError(f"{results.root}: no {min(unknown)} planned there; `wvad status` lists the tables")
    wanted = {key for plan in plans for key in plan.run_keys()}
    keys = [key for key in run_folders(store) if not names or key in wanted]
    if not keys:
        raise InputError(f"{store.root}: no run to export there; name another folder with --results")
    calls = [call for call in results.latest_calls() if call.plan in plans] if names else results.invocations()
    asking = [results.plan_path(plan) for plan in plans] + [results.call_path(call.id) for call in calls]
    beside = [file for name in ("controls", "events") for file in json_files(store.root / name)]
    return _export(results, path, keys, beside, asking, weights, progress)._replace(plans=len(plans))


def export_run(results: Results, path: Path, key: str, progress: Progress) -> Moved:
    """Write one stored run into a file, with what its numbers and new videos need: small enough to be mailed.

    Raises
    ------
    InputError
        If the run is damaged, or the file cannot be written.
    """
    store = results.store
    tested = sorted({evaluation.test_hash[:16] for evaluation in store.evaluations(key)})
    beside = [store.root / folder / f"{name}.json" for folder in ("controls", "events") for name in tested]
    return _export(results, path, [key], beside, [], True, progress)


def _export(
    results: Results,
    path: Path,
    keys: Sequence[str],
    beside: Sequence[Path],
    asking: Sequence[Path],
    weights: bool,
    progress: Progress,
) -> Moved:
    """Write runs, what they were trained on, and what lies beside them if it is sound; and what asks for them."""
    store, root = results.store, results.root
    there = [file for file in (*beside, *(path_of(store, key) for key in keys)) if is_there(file)]
    names = [file.relative_to(root).as_posix() for file in there]
    parts = {name: [root / name] for name in names if check_part(root, name) is None}
    parts |= {f"runs/{key}": list(files_of_run(store, key, weights).values()) for key in keys}
    parts |= {source.relative_to(root).as_posix(): [source] for source in asking}
    evaluations = sum(source.match("runs/*/evaluations/*.json") for source in chain(*parts.values()))
    with writing_to(path, "another FILE"), replacing(path) as file:
        _write(file, root, parts, progress)
    return Moved(len(keys), 0, evaluations, 0)


def import_archive(results: Results, path: Path, progress: Progress) -> Moved:
    """Take runs, plans and calls out of an archive. Everything is checked before anything appears.

    A run, an evaluation, a plan or a call that is there already stays as it is.

    Raises
    ------
    InputError
        If the archive is not whole, holds anything but what an export writes, or the results cannot be written.
    """
    store = results.store
    with _opened(path) as archive:
        contents = _read_contents(archive, path)
    with leaving_nothing(store.staging), writing_to(results.root, "--results"), _scratch_of(store) as scratch:
        _extract(path, contents, scratch, progress)
        parts = sorted({part for name in contents.files if (part := part_of(name))})
        sums = {scratch / name: file.sha256 for name, file in contents.files.items()}
        for part in parts:
            if problem := check_part(scratch, part, sums.__getitem__):
                raise _refusal(path, problem)
        added = [store.adopt(scratch / part) for part in parts if (scratch / part).is_dir()]
        files = [part for part in parts if (scratch / part).is_file()]
        placed = [file for file in files if _place(scratch / file, results.root / file)]
    new, plans = sum(one.run for one in added), sum(file.endswith(".plan.json") for file in placed)
    return Moved(new, len(added) - new, sum(one.evaluations for one in added), plans)


@contextmanager
def _scratch_of(store: RunStore) -> Iterator[Path]:
    store.prepare()
    with store.scratch("import") as scratch:
        yield scratch


def _write(file: BinaryIO, root: Path, parts: Mapping[str, list[Path]], progress: Progress) -> None:
    """Write an archive of the files of parts; they always have the same time: equal runs give equal archives."""
    done, total = 0, sum(source.stat().st_size for source in chain(*parts.values()))
    copied: dict[Path, StoredFile] = {}

    def sum_at(path: Path) -> str:
        return copied[path].sha256 if path in copied else sum_of(path)  # weights may stay behind

    with zipfile.ZipFile(file, "w") as archive:
        for part, sources in parts.items():
            for source in sources:
                entry = zipfile.ZipInfo(source.relative_to(root).as_posix())
                with _opened_part(source) as content, archive.open(entry, "w", force_zip64=True) as copy:
                    copied[source] = _copy(content, copy)
                done += copied[source].size
                progress(done, total)
            if problem := check_part(root, part, sum_at):  # at the other end, the whole archive would be refused
                raise InputError(f"{root}: {problem}; `wvad store verify` says all, and what to do")
        files = {source.relative_to(root).as_posix(): stored for source, stored in copied.items()}
        contents = Contents(archive_version=VERSION, files=files)
        archive.writestr(zipfile.ZipInfo(CONTENTS), seal(contents.model_dump_json(indent=1).encode()))


def _opened_part(path: Path) -> FileIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise unreadable(path, error) from None


def _copy(source: IO[bytes], target: IO[bytes]) -> StoredFile:
    """Copy a file in blocks, and return the size and the sum of what was copied."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        target.write(block)
        digest.update(block)
        size += len(block)
    return StoredFile(size=size, sha256=digest.hexdigest())


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; whatever is wrong with its form, now or later, is one line."""
    try:
        file = BufferedReader(open_regular(path))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); choose another FILE") from None
    with file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, *_MALFORMED) as error:
            raise _refusal(path, f"is no archive ({error})") from None
        try:
            with archive:
                yield archive
        except (zipfile.BadZipFile, *_MALFORMED) as error:
            raise _refusal(path, f"is damaged ({error})") from None


def _read_contents(archive: zipfile.ZipFile, path: Path) -> Contents:
    """Read what an archive says that it holds, and compare it with what it holds."""
    entries = archive.infolist()
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or kind not in (0, stat.S_IFREG):
            raise _refusal(path, f"{entry.filename[:200]} is compressed, locked or a link")
    sizes = {entry.filename: entry.file_size for entry in entries}
    if len(sizes) != len(entries) or sum(sizes.values()) > path.stat().st_size:
        raise _refusal(path, "its files overlap or are larger than all of it")
    if CONTENTS not in sizes:
        raise _refusal(path, f"has no {CONTENTS}")
    try:
        contents = Contents.model_validate_json(unseal(archive.read(CONTENTS)))
    except ValidationError as error:
        raise _refusal(path, f"{CONTENTS} is damaged ({first_error(error)})") from None
    if contents.archive_version != VERSION:
        raise InputError(f"{path}: an archive of version {contents.archive_version}; bring wvad-bench up to date")
    del sizes[CONTENTS]
    if sizes != {name: file.size for name, file in contents.files.items()}:
        raise _refusal(path, f"does not hold what its {CONTENTS} says")
    for name in sizes:
        if part_of(name) is None:
            raise _refusal(path, f"{name[:200]} does not belong into a run store")
    return contents


def _extract(path: Path, contents: Contents, folder: Path, progress: Progress) -> None:
    """Take all files out of an archive, and compare each with its sum."""
    done, total = 0, sum(file.size for file in contents.files.values())
    with _opened(path) as archive:
        for name, expected in contents.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as entry, target.open("wb") as file:
                if _copy(entry, file) != expected:
                    raise _refusal(path, f"{name} has another sum")
            done += expected.size
            progress(done, total)


def _place(file: Path, target: Path) -> bool:
    """Put a file where it belongs, unless there is one."""
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as copy:
        copy.write(file.read_bytes())
    return True


def _refusal(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: {reason}; get an intact archive of `wvad store export`")
