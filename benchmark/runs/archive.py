"""A run store moved between machines as one archive: an uncompressed ZIP file with the sum of everything in it."""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydantic import ValidationError

from benchmark.runs.packed_run import adopt_run, check_unpacked, files_of_run
from benchmark.runs.records import Controls, StoredFile
from benchmark.runs.results_folder import Invocation, Results
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.runs.verify import KEY, RUN_FILE, check_run, run_folders
from benchmark.system.errors import InputError
from benchmark.system.files import replacing, writing_to
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import seal, unseal

CONTENTS = "contents.json"
"""What an archive holds, the last file in it: sums are known when everything is written."""
VERSION = 1

_BLOCK = 1 << 20
_MALFORMED = (EOFError, ValueError, NotImplementedError, RuntimeError)
"""What `zipfile` raises, beside its own exception, for files that somebody has made up."""
_PART = r"[^/\\.\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*"
_RUN = re.compile(rf"runs/({KEY.pattern})/(.+)")
_PLAN = re.compile(rf"tables/({_PART})/({_PART})\.plan\.json")
_CALL = re.compile(r"invocations/([0-9T.-]+)\.json")
_CONTROLS = re.compile(r"runs/controls/([0-9a-zA-Z ]+)\.json")

Progress = Callable[[int, int], None]


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
    store, names = RunStore(results.runs), set(tables)
    plans = [plan for plan in results.plans(None) if not names or plan.table in names]
    if unknown := names - {plan.table for plan in plans}:
        raise InputError(f"{results.root}: no {min(unknown)} planned there; `wvad status` lists the tables")
    wanted = {key for plan in plans for key in plan.run_keys()}
    keys = [key for key in run_folders(store) if not names or key in wanted]
    if not keys:
        raise InputError(f"{store.root}: no run to export there; name another folder with --results")
    sources = sorted((results.runs / "controls").glob("[!.]*.json"))
    for key in keys:
        _check_stored(store, key)
        sources += files_of_run(store, key, weights).values()
    calls = [call for call in results.latest_calls() if call.plan in plans] if names else results.invocations()
    sources += [results.plan_path(plan) for plan in plans] + [results.call_path(call.id) for call in calls]
    evaluations = sum(source.suffix == ".json" and source.parent.name == "evaluations" for source in sources)
    with writing_to(path, "another FILE"), replacing(path) as file:
        _write(file, results.root, sources, progress)
    return Moved(len(keys), 0, evaluations, len(plans))


def import_archive(results: Results, path: Path, progress: Progress) -> Moved:
    """Take runs, plans and calls out of an archive. Everything is checked before anything appears.

    A run, an evaluation, a plan or a call that is there already stays as it is.

    Raises
    ------
    InputError
        If the archive is not whole, holds anything but what an export writes, or the results cannot be written.
    """
    store = RunStore(results.runs)
    with _opened(path) as archive:
        contents = _read_contents(archive, path)
    store.prepare()
    with writing_to(results.root, "--results"), store.scratch("import") as scratch:
        _extract(path, contents, scratch, progress)
        keys = sorted({match[1] for name in contents.files if (match := _RUN.fullmatch(name))})
        others = [name for name in contents.files if not _RUN.fullmatch(name)]
        for key in keys:
            check_unpacked(scratch / "runs", key)
        for name in others:
            _check_other(scratch / name, name, path)
        added = [adopt_run(store, scratch / "runs" / key) for key in keys]
        placed = [name for name in others if _place(scratch / name, results.root / name)]
    new = sum(one.run for one in added)
    plans = sum(_PLAN.fullmatch(name) is not None for name in placed)
    return Moved(new, len(keys) - new, sum(one.evaluations for one in added), plans)


def _check_stored(store: RunStore, key: str) -> None:
    """Refuse to export damage: at the other end, the whole archive would be refused."""
    problem = next(check_run(store, key), None)
    if problem is not None:
        raise InputError(f"{store.folder(key)}: {problem.text}; `wvad store verify` says all, and what to do")


def _write(file: BinaryIO, root: Path, sources: list[Path], progress: Progress) -> None:
    """Write an archive; files are read in blocks, and always have the same time: equal runs give equal archives."""
    done, total = 0, sum(source.stat().st_size for source in sources)
    files: dict[str, StoredFile] = {}
    with zipfile.ZipFile(file, "w") as archive:
        for source in sources:
            name, digest, size = source.relative_to(root).as_posix(), hashlib.sha256(), 0
            with source.open("rb") as content, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                while block := content.read(_BLOCK):
                    entry.write(block)
                    digest.update(block)
                    size += len(block)
            files[name] = StoredFile(size=size, sha256=digest.hexdigest())
            done += size
            progress(done, total)
        contents = Contents(archive_version=VERSION, files=files)
        archive.writestr(zipfile.ZipInfo(CONTENTS), seal(contents.model_dump_json(indent=1).encode()))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; whatever is wrong with its form, now or later, is one line."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); choose another FILE") from None
    except (zipfile.BadZipFile, *_MALFORMED) as error:
        raise _refusal(path, f"is no archive ({error})") from None
    with archive:
        try:
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
    except ValidationError:
        raise _refusal(path, f"{CONTENTS} is damaged") from None
    if contents.archive_version != VERSION:
        raise InputError(f"{path}: an archive of version {contents.archive_version}; bring wvad-bench up to date")
    del sizes[CONTENTS]
    if sizes != {name: file.size for name, file in contents.files.items()}:
        raise _refusal(path, f"does not hold what its {CONTENTS} says")
    for name in sizes:
        match = _RUN.fullmatch(name)
        if not (RUN_FILE.fullmatch(match[2]) if match else any(form.fullmatch(name) for form in _OTHERS)):
            raise _refusal(path, f"{name[:200]} does not belong into a run store")
    return contents


def _extract(path: Path, contents: Contents, folder: Path, progress: Progress) -> None:
    """Take all files out of an archive, and compare each with its sum."""
    done, total = 0, sum(file.size for file in contents.files.values())
    with _opened(path) as archive:
        for name, expected in contents.files.items():
            target, digest = folder / name, hashlib.sha256()
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as entry, target.open("wb") as file:
                while block := entry.read(_BLOCK):
                    file.write(block)
                    digest.update(block)
            if digest.hexdigest() != expected.sha256:
                raise _refusal(path, f"{name} has another sum")
            done += expected.size
            progress(done, total)


def _of_plan(content: bytes) -> tuple[str, ...]:
    plan = TablePlan.model_validate_json(content)
    return plan.folder, plan.table


def _of_call(content: bytes) -> tuple[str, ...]:
    call = Invocation.model_validate_json(content)
    if not all(re.fullmatch(_PART, part) for part in (call.plan.folder, call.plan.table)):  # folders are named so
        raise ValueError("its table or folder is no name")
    return (call.id,)


def _of_controls(content: bytes) -> tuple[str, ...]:
    return (Controls.model_validate_json(unseal(content)).test_hash[:16],)


_OTHERS: dict[re.Pattern[str], Callable[[bytes], tuple[str, ...]]] = {
    _PLAN: _of_plan,
    _CALL: _of_call,
    _CONTROLS: _of_controls,
}
"""What an archive holds beside runs -> the parts of its name, as its content says."""


def _check_other(file: Path, name: str, path: Path) -> None:
    """Refuse a plan, a call or controls that cannot be read, or are of something else than their name says."""
    for form, names_of in _OTHERS.items():
        if match := form.fullmatch(name):
            try:
                agrees = names_of(file.read_bytes()) == match.groups()
            except ValueError:
                agrees = False
            if not agrees:
                raise _refusal(path, f"{name} is damaged")


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
