"""What a results folder keeps, and whether it is what was written: what is wrong with it, in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from benchmark.metrics.frame import ScoredVideos, test_metrics
from benchmark.runs.checksums import FILE, read_checksums
from benchmark.runs.records import AnnotatedEvents, Controls, Evaluation, RunRecord, evaluation_key
from benchmark.runs.results_folder import Invocation, Results
from benchmark.runs.score_files import chance_level
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.runs.trained_on import FOLDER, TrainedOn
from benchmark.system.files import NotAFileError, UnreadableError, entries, is_there, read_regular, unreadable
from benchmark.system.frozen import first_error
from benchmark.system.hashing import is_sealed, sum_of, unseal

_KEY = r"[0-9a-f]{16}"
_NAME = r"[^/\\.\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*"
"""What a table or a folder of tables can be called: neither hidden, nor a way out of the results folder."""
_PLAN = rf"(tables/{_NAME}/{_NAME}\.plan\.json)"
_RUN_FILE = rf"(?:record|spec|checksums)\.json|losses\.csv|weights/[0-9]+\.safetensors|evaluations/{_KEY}\.(?:json|npz)"
_CLOSE = 1e-9
"""What another machine's arithmetic may change of a metric."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a run, or with one evaluation of it.

    Attributes
    ----------
    unread
        Whether it could not be looked at: it may be sound, and is not to be deleted.
    """

    run_key: str
    evaluation: str | None
    text: str
    unread: bool = False

    def __str__(self) -> str:
        """Say it in a line."""
        return f"run {self.run_key}: {f'evaluation {self.evaluation}: ' if self.evaluation else ''}{self.text}"


def part_of(name: str) -> str | None:
    """Return what a file is checked and moved with, by paths below a results folder: its run's folder, or itself.

    None if no such file is kept there; a path that leads out of the folder never is.
    """
    matches = (re.fullmatch(form, name) for form in _KEPT)
    return next((match[1] for match in matches if match), None)


def check_part(root: Path, part: str, sum_at: Callable[[Path], str] = sum_of) -> str | None:
    """Say in a line what is wrong with a part of a results folder, None if nothing is.

    Parameters
    ----------
    sum_at
        Gives the sum of a file: whoever has just read all of it need not read it again.
    """
    path = root / part
    if path.is_dir():
        return next(map(str, check_run(RunStore(path.parent), path.name, sum_at)), None)
    try:
        content = read_regular(path)
        sound = any(says(content) == part for form, says in _KEPT.items() if says and re.fullmatch(form, part))
        reason = "its content belongs to another place"
    except OSError as error:
        return str(unreadable(path, error))
    except ValidationError as error:
        sound, reason = False, first_error(error)
    except ValueError as error:
        sound, reason = False, str(error)
    return None if sound else f"{part} is damaged ({reason})"


def check_run(store: RunStore, key: str, sum_at: Callable[[Path], str] = sum_of) -> Iterator[Problem]:
    """Look for damage in a run's folder: each file against its sum, each record against what it is about.

    A run without any weights is sound: it came from an archive without them.
    """
    try:
        yield from _check_run(store, key, sum_at)
    except UnreadableError as error:
        yield Problem(key, None, str(error), unread=True)
    except OSError as error:
        yield Problem(key, None, str(unreadable(error.filename or store.folder(key), error)), unread=True)


def _check_run(store: RunStore, key: str, sum_at: Callable[[Path], str]) -> Iterator[Problem]:
    folder = store.folder(key)
    record = store.stated_record(key)
    if record is None:
        yield Problem(key, None, "its record is missing or damaged")
        return
    if not key == record.key == record.spec.key:
        yield Problem(key, None, "its key is not that of its specification")
        return
    for text in _check_files(folder, record, sum_at):
        yield Problem(key, None, text)
    for name in evaluation_keys(store, key):
        if damage := _check_evaluation(store, record, name):
            yield Problem(key, name, damage)


def evaluation_keys(store: RunStore, key: str) -> list[str]:
    """Return the keys of all evaluations of a run, also of those whose metrics or scores are gone."""
    paths = entries(store.folder(key) / "evaluations")
    return sorted({path.stem for path in paths if not path.name.startswith(".")})


def run_folders(store: RunStore) -> list[str]:
    """Return the keys of all runs, also of those whose record is gone."""
    return [path.name for path in entries(store.root) if re.fullmatch(_KEY, path.name) and path.is_dir()]


def files_of_run(store: RunStore, key: str, weights: bool = True) -> dict[str, Path]:
    """Return the files that make up a stored run: path in its folder -> path on disk."""
    folder = store.folder(key)
    evaluated = {evaluation.key for evaluation in store.evaluations(key)}
    return {
        name: folder / name
        for name in _files_below(folder)
        if is_run_file(name)
        and (weights or not name.startswith("weights/"))
        and (Path(name).stem in evaluated or not name.startswith("evaluations/"))  # others' metrics are still to come
    }


def is_run_file(name: str) -> bool:
    """Return whether a run's folder can hold a file of this path; one that leads out of it is none."""
    return re.fullmatch(_RUN_FILE, name) is not None


def has_weights(folder: Path) -> bool:
    """Return whether a run's folder has weights at all."""
    return (folder / "weights").is_dir()


def has_sums(folder: Path) -> bool:
    """Return whether a run's folder has sums of its files."""
    return (folder / FILE).is_file()


def _files_below(folder: Path, where: str = "") -> Iterator[str]:
    """Iterate over all in a folder that is no folder, by their paths in it."""
    for path in entries(folder):
        if path.is_dir():
            yield from _files_below(path, f"{where}{path.name}/")
        else:
            yield f"{where}{path.name}"


def _check_files(folder: Path, record: RunRecord, sum_at: Callable[[Path], str]) -> Iterator[str]:
    present = set(_files_below(folder))
    for name in sorted(present):
        if not is_run_file(name) and not Path(name).name.startswith("."):
            yield f"{name} is no file of a run"
    sums = read_checksums(folder)
    if sums is None:
        if FILE in present or is_sealed(read_regular(folder / "record.json")):
            yield f"{FILE} is missing or damaged"
        return
    for name, expected in sums.files.items():
        if name in present:
            if not _has_sum(folder / name, expected, sum_at):
                yield f"{name} is damaged"
        elif not name.startswith("weights/") or has_weights(folder):
            yield f"{name} is missing"
    for name in sorted(present - set(sums.files) - {FILE}):
        if is_run_file(name) and not name.startswith("evaluations/"):
            yield f"{name} has no sum"


def _check_evaluation(store: RunStore, record: RunRecord, name: str) -> str | None:
    """Return what is wrong with an evaluation, None if nothing is."""
    evaluation = store.stated_evaluation(record.key, name)
    if evaluation is None:
        return "its metrics are missing or damaged"
    expected = evaluation_key(record.key, evaluation.selection, evaluation.test_hash)
    if (evaluation.key, evaluation.run_key) != (name, record.key) or name != expected:
        return "it belongs to another run"
    if record.selected.get(evaluation.selection) != evaluation.step:
        return "it is of weights that the run did not select"
    scored = store.scores_of(evaluation)
    if scored is None:
        gone = not is_there(store.folder(record.key) / f"evaluations/{name}.npz")
        return "unverified: it has no scores, so that its metrics do not count" if gone else "its scores are damaged"
    return None if _same_metrics(evaluation, scored) else "its metrics are not those of its scores"


def _has_sum(path: Path, expected: str, sum_at: Callable[[Path], str]) -> bool:
    try:
        return sum_at(path) == expected
    except NotAFileError:
        return False


def _same_metrics(evaluation: Evaluation, scored: ScoredVideos) -> bool:
    """Compare all stated metrics with those of the scores: one that no scores give is no number."""
    found = test_metrics(scored)
    if not evaluation.metrics.keys() <= found.keys() or not _close(
        evaluation.chance, chance_level(evaluation.metric, scored)
    ):
        return False
    return all(_close(value, found[name]) for name, value in evaluation.metrics.items())


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)


_HERE = Results(Path())


def _path_of_plan(plan: TablePlan) -> str:
    return _HERE.plan_path(plan).as_posix()


def _path_of_call(call: Invocation) -> str:
    if not re.fullmatch(_PLAN, _path_of_plan(call.plan)):  # files are called so
        raise ValueError("its table or folder is no name")
    return _HERE.call_path(call.id).as_posix()


_KEPT: dict[str, Callable[[bytes], str] | None] = {
    rf"(runs/{_KEY})/(?:{_RUN_FILE})": None,
    _PLAN: lambda content: _path_of_plan(TablePlan.model_validate_json(content)),
    r"(invocations/[0-9T.-]+\.json)": lambda content: _path_of_call(Invocation.model_validate_json(content)),
    r"(runs/controls/[0-9a-zA-Z ]+\.json)": lambda content: (
        f"runs/controls/{Controls.model_validate_json(unseal(content)).test_hash[:16]}.json"
    ),
    r"(runs/events/[0-9a-zA-Z ]+\.json)": lambda content: (
        f"runs/events/{AnnotatedEvents.model_validate_json(unseal(content)).test_hash[:16]}.json"
    ),
    rf"(runs/{FOLDER}/{_KEY}\.json)": lambda content: (
        f"runs/{FOLDER}/{TrainedOn.model_validate_json(unseal(content)).run_key}.json"
    ),
}
"""All that a results folder keeps: the form of a path, with its part -> the path that belongs to the content.

The files of a run are judged together, by `check_run`.
"""
