"""Whether a run's folder holds what was written: what is wrong with it, in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.metrics.frame import ScoredVideos, test_metrics
from benchmark.runs.checksums import FILE, read_checksums
from benchmark.runs.records import Evaluation, RunRecord, evaluation_key
from benchmark.runs.store import RunStore
from benchmark.system.hashing import is_sealed, sum_of

KEY = re.compile(r"[0-9a-f]{16}")
RUN_FILE = re.compile(
    r"(record|spec|checksums)\.json|losses\.csv|weights/[0-9]+\.safetensors|evaluations/[0-9a-f]{16}\.(json|npz)"
)
"""Every file that a run's folder can hold."""

_CLOSE = 1e-9
"""What another machine's arithmetic may change of a metric."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a run, or with one evaluation of it."""

    run_key: str
    evaluation: str | None
    text: str


def check_run(store: RunStore, key: str) -> Iterator[Problem]:
    """Look for damage in a run's folder: each file against its sum, each record against what it is about.

    A run without any weights is sound: it came from an archive without them.
    """
    folder = store.folder(key)
    record = store.record(key)
    if record is None:
        yield Problem(key, None, "its record is missing or damaged")
        return
    if not key == record.key == record.spec.key:
        yield Problem(key, None, "its key is not that of its specification")
    for text in _check_files(folder, record):
        yield Problem(key, None, text)
    for name in sorted({path.stem for path in (folder / "evaluations").glob("[!.]*")}):
        problem = _check_evaluation(store, record, name)
        if problem is not None:
            yield Problem(key, name, problem)


def run_folders(store: RunStore) -> list[str]:
    """Return the keys of all runs, also of those whose record is gone."""
    return sorted(path.name for path in store.root.glob("*") if KEY.fullmatch(path.name) and path.is_dir())


def has_weights(folder: Path) -> bool:
    """Return whether a run's folder has weights at all."""
    return (folder / "weights").is_dir()


def has_sums(folder: Path) -> bool:
    """Return whether a run's folder has sums of its files."""
    return (folder / FILE).is_file()


def _check_files(folder: Path, record: RunRecord) -> Iterator[str]:
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(present):
        if not RUN_FILE.fullmatch(name) and not Path(name).name.startswith("."):
            yield f"{name} is no file of a run"
    sums = read_checksums(folder)
    if sums is None:
        if FILE in present or is_sealed((folder / "record.json").read_bytes()):
            yield f"{FILE} is missing or damaged"
        return
    for name, expected in sums.files.items():
        if name in present:
            if sum_of(folder / name) != expected:
                yield f"{name} is damaged"
        elif not name.startswith("weights/") or has_weights(folder):
            yield f"{name} is missing"
    for name in sorted(present - set(sums.files) - {FILE}):
        if RUN_FILE.fullmatch(name) and not name.startswith("evaluations/"):
            yield f"{name} has no sum"


def _check_evaluation(store: RunStore, record: RunRecord, name: str) -> str | None:
    """Return what is wrong with an evaluation, None if nothing is."""
    evaluation = store.evaluation(record.key, name)
    if evaluation is None:
        return "its metrics or its scores are missing or damaged"
    expected = evaluation_key(record.key, evaluation.selection, evaluation.test_hash)
    if (evaluation.key, evaluation.run_key) != (name, record.key) or name != expected:
        return "it belongs to another run"
    if record.selected.get(evaluation.selection) != evaluation.step:
        return "it is of weights that the run did not select"
    scored = store.read_scores(record.key, name)
    if scored is None:
        return None if evaluation.scores is None else "its scores are damaged"
    return None if _same_metrics(evaluation, scored) else "its metrics are not those of its scores"


def _same_metrics(evaluation: Evaluation, scored: ScoredVideos) -> bool:
    """Compare the metrics that both know: later versions may compute more."""
    found = test_metrics(scored)
    pairs = [(value, found[name]) for name, value in evaluation.metrics.items() if name in found]
    return all(_close(stored, computed) for stored, computed in pairs)


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
