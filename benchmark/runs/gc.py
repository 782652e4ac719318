"""What a run store holds for nothing, and its removal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from benchmark.runs.claims import holder_of, living_drivers
from benchmark.runs.results_folder import Results
from benchmark.runs.store import Derived, EvaluationId, RunStore
from benchmark.runs.verify import check_run, run_folders
from benchmark.system.errors import InputError
from benchmark.system.files import is_abandoned
from benchmark.system.progress import Progress


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


def find_waste(results: Results, progress: Progress) -> list[Waste]:
    """Find what no plan and no call asks for, what is damaged, what dead processes left, and what is derived of these.

    Parameters
    ----------
    progress
        Called with the runs that were looked through, and all.

    Raises
    ------
    InputError
        If a plan or a call cannot be read: what it asks for is not known.
    """
    store = results.store
    plans = [*results.plans(None), *(call.plan for call in results.invocations())]
    wanted = {key for plan in plans for key in plan.run_keys()}
    found = [Waste("left by a process that is no more", (path,)) for path in sorted(_left_behind(store.root))]
    found += [
        Waste("a failure of a run that no plan asks for", (path,))
        for path in sorted((store.root / "failed").glob("[!.]*.json"))
        if path.stem not in wanted
    ]
    keys, gone = run_folders(store), set[EvaluationId]()
    for done, key in enumerate(keys, start=1):
        problems = list(check_run(store, key)) if key in wanted else []
        if key not in wanted or any(problem.evaluation is None for problem in problems):
            why = "a damaged run" if key in wanted else "a run that no plan asks for"
            found.append(Waste(why, (store.folder(key),)))
            gone |= {(key, evaluation.key) for evaluation in store.evaluations(key)}
        else:
            for name in (problem.evaluation or "" for problem in problems):
                files = sorted((store.folder(key) / "evaluations").glob(f"{name}.*"))  # the metrics, then the scores
                found.append(Waste("a damaged evaluation", tuple(files)))
                gone.add((key, name))
        progress(done, len(keys))
    return found + list(_outdated(store, gone))


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
    yield from (path for path in (root / "claims").glob("*") if holder_of(path) not in living)


def _outdated(store: RunStore, gone: set[EvaluationId]) -> Iterator[Waste]:
    """Find what was derived from evaluations that are not stored, or not any more."""
    for kind in get_args(Derived):
        for path in sorted((store.root / kind).glob("[!.]*.json")):
            sources = store.derived_from(kind, path.stem)
            if sources is None or any(pair in gone or store.evaluation(*pair) is None for pair in sources):
                yield Waste(f"{kind} of evaluations that are gone", (path,))
