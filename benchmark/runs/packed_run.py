"""A run packed into files in memory, and unpacked into another store once it is found sound."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmark.runs.store import RunStore
from benchmark.runs.verify import RUN_FILE, check_run
from benchmark.system.errors import InputError


class Added(NamedTuple):
    """What came of unpacking a run: whether it is new here, and how many evaluations are."""

    run: bool
    evaluations: int


def files_of_run(store: RunStore, key: str, weights: bool = True) -> dict[str, Path]:
    """Return the files that make up a stored run: path in its folder -> path on disk."""
    folder = store.folder(key)
    evaluated = {evaluation.key for evaluation in store.evaluations(key)}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not RUN_FILE.fullmatch(name) or (name.startswith("weights/") and not weights):
            continue
        if name.startswith("evaluations/") and path.stem not in evaluated:
            continue  # scores whose metrics are still to come
        found[name] = path
    return found


def pack_run(store: RunStore, key: str) -> dict[str, bytes]:
    """Return the content of the files that make up a stored run, by path in its folder."""
    return {name: path.read_bytes() for name, path in files_of_run(store, key).items()}


def unpack_run(store: RunStore, key: str, files: Mapping[str, bytes], replace: bool = False) -> Added:
    """Put a packed run into a store; one that is there already stays and gets the evaluations that it lacks.

    Parameters
    ----------
    replace
        Whether the packed run takes the place of one that is there already.

    Raises
    ------
    InputError
        If the files are not those of a sound run with this key. Nothing has changed then.
    """
    with store.scratch(key) as scratch:
        for name, content in files.items():
            check_name(name, key)
            path = scratch / key / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        check_unpacked(scratch, key)
        return adopt_run(store, scratch / key, replace)


def check_name(name: str, where: object) -> None:
    """Refuse whatever is not the path of a file of a run, so that nothing is ever written outside of its folder.

    Raises
    ------
    InputError
        If it is not.
    """
    if not RUN_FILE.fullmatch(name):
        raise InputError(f"{where}: {name[:200]} is no file of a run; get an intact copy")


def check_unpacked(scratch: Path, key: str) -> None:
    """Refuse a run that is not sound.

    Parameters
    ----------
    scratch
        The folder that the run's folder is in.

    Raises
    ------
    InputError
        If it is not.
    """
    problem = next(check_run(RunStore(scratch), key), None)
    if problem is not None:
        where = f"evaluation {problem.evaluation}: " if problem.evaluation else ""
        raise InputError(f"run {key}: {where}{problem.text}; get an intact copy")


def adopt_run(store: RunStore, folder: Path, replace: bool = False) -> Added:
    """Move a checked folder, named by the run's key, into a store, or what the run in the store lacks of it."""
    key = folder.name
    new = [evaluation.key for evaluation in RunStore(folder.parent).evaluations(key)]
    if store.place(folder, key, replace):
        return Added(True, len(new))
    lacking = [name for name in new if store.evaluation(key, name) is None]
    target = store.folder(key) / "evaluations"
    target.mkdir(exist_ok=True)
    for name in lacking:
        for file in (f"{name}.npz", f"{name}.json"):  # the scores first, as they were written
            if (folder / "evaluations" / file).is_file():
                shutil.move(folder / "evaluations" / file, target / file)
    return Added(False, len(lacking))
