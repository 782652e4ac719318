"""What a run store holds for nothing, and its removal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from benchmark.runs.claims import holder_of, living_drivers
from benchmark.runs.results_folder import Results
from benchmark.runs.sealed_files import json_files
from benchmark.runs.store import Derived, EvaluationId, RunStore
from benchmark.runs.trained_on import FOLDER
from benchmark.runs.verify import check_run, run_folders
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError
from benchmark.system.files import entries, is_abandoned


@dataclass(frozen=True)
class Waste:
    """Files and folders that nothing asks for, or that cannot be used, and why."""

    why: str
    paths: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes that would be free without it."""
        files = (file for path in self.paths for file in (path, *path.rglob("*")))
        return sum(file.lstat().st_size for file in files if not file.is_dir())


@dataclass(frozen=True)
class Found:
    """What a look through a store gave: what is of no use, and what could not be looked at and is left alone."""

    waste: tuple[Waste, ...]
    unread: tuple[str, ...]


def find_waste(results: Results, progress: Progress) -> Found:
    """Find what no plan and no call asks for, what is damaged, what dead processes left, and what is derived of these.

    Parameters
    ----------
    progress
        Called with the runs that were looked through, and all.

    Raises
    ------
    InputError
        If a plan or a call cannot be used: what it asks for is not known.
    """
    store, wanted = results.store, results.wanted_keys()
    waste = [Waste("left by a process that is no more", (path,)) for path in sorted(_left_behind(store.root))]
    waste += [
        Waste("a failure of a run that no plan asks for", (path,))
        for path in entries(store.root / "failed")
        if path.match("[!.]*.json") and path.stem not in wanted
    ]
    keys, gone, unread = run_folders(store), set[EvaluationId](), list[str]()
    for done, key in enumerate(keys, start=1):
        problems = list(check_run(store, key))
        if skipped := [str(problem) for problem in problems if problem.unread]:
            unread += skipped
        elif key not in wanted or any(problem.evaluation is None for problem in problems):
            why = "a damaged run" if key in wanted else "a run that no plan asks for"
            waste.append(Waste(why, (store.folder(key),)))
            gone |= {(key, evaluation.key) for evaluation in store.evaluations(key)}
        else:
            for problem in problems:
                found = sorted((store.folder(key) / "evaluations").glob(f"{problem.evaluation}.*"))  # then the scores
                waste.append(Waste(f"an evaluation that does not count: {problem.text}", tuple(found)))
                gone.add((key, problem.evaluation or ""))
        progress(done, len(keys))
    waste += [
        Waste("what a run that is not stored was trained on", (path,))
        for path in json_files(store.root / FOLDER)
        if path.stem not in keys
    ]
    for one in _outdated(store, gone):
        if isinstance(one, Waste):
            waste.append(one)
        else:
            unread.append(one)
    return Found(tuple(waste), tuple(unread))


def remove(waste: Iterable[Waste], store: RunStore) -> None:
    """Remove what was found: each path steps aside first, so that nothing is ever half there.

    Raises
    ------
    InputError
        If a call may be at work on the store.
    """
    for driver in living_drivers(store.root):
        raise InputError(f"{driver}: a call is at work on this store; if it died on another machine, remove that file")
    with store.scratch("gc") as scratch:
        for number, path in enumerate(path for one in waste for path in one.paths):
            path.rename(scratch / str(number))


def _left_behind(root: Path) -> Iterator[Path]:
    """Find what processes that are no more were making, and what they had claimed."""
    for pattern in ("*/*@*", "*/evaluations/.*@*"):
        yield from (path for path in root.glob(pattern) if is_abandoned(path))
    living = {path.name for path in living_drivers(root)}
    yield from (path for path in entries(root / "claims") if holder_of(path) not in living)


def _outdated(store: RunStore, gone: set[EvaluationId]) -> Iterator[Waste | str]:
    """Find what was derived from evaluations that are not stored, or not any more; say what cannot be read."""
    for kind in get_args(Derived):
        for path in (path for path in entries(store.root / kind) if path.match("[!.]*.json")):
            try:
                sources = store.derived_from(kind, path.stem)
                lost = sources is None or any(pair in gone or store.evaluation(*pair) is None for pair in sources)
            except InputError as error:
                yield str(error)
                continue
            if lost:
                yield Waste(f"{kind} of evaluations that are gone", (path,))
