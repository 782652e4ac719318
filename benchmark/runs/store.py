"""The run store: a folder per run, each complete or absent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, JsonValue, ValidationError

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.checksums import write_checksums
from benchmark.runs.records import AnnotatedEvents, Controls, Evaluation, Failure, RunRecord, StoredFile
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.score_files import RememberedScores, parse_scores, write_scores
from benchmark.runs.sealed_files import ModelReader, json_files, read_content, read_model, size_of, write_model
from benchmark.system.errors import InputError
from benchmark.system.files import (
    entries,
    is_there,
    remove_abandoned,
    replacing,
    scratch_name,
    write_atomically,
    writing_to,
)
from benchmark.system.frozen import FrozenModel

Derived = Literal[
    "class-wise", "comparisons", "contrasts", "event-measures", "projections", "rankings", "speeds", "thresholds"
]
"""What takes a while to derive from evaluations; the folder that it is kept in."""

MOST_REMEMBERED = 32_000_000
"""Numbers of scores, and of what is counted of them, that a store of one moment keeps in memory: 256 MB."""

EvaluationId = tuple[str, str]
"""The keys of a run and of an evaluation of it."""

_Model = TypeVar("_Model", bound=BaseModel)


class Added(NamedTuple):
    """What came of adopting a run: whether it is new in the store, and how many evaluations are."""

    run: bool
    evaluations: int


class _Kept(FrozenModel):
    """What was derived, with the evaluations that it is of: without them it is never asked for again."""

    evaluations: tuple[EvaluationId, ...]
    content: JsonValue


class RunStore:
    """Runs on disk, below ``results/runs``.

    What is damaged is not there. What cannot be read is an `InputError` wherever it is asked for: a run of somebody
    else's is neither trained anew nor taken for waste.

    A run is prepared in a staging folder and renamed into place when its record is written, so a run that died leaves
    no mark. Evaluations are added to a finished run: first the raw scores, then the record of the metrics.

    Parameters
    ----------
    root
        The folder of the runs; it is created when the first run is staged.
    remember
        Whether the store is taken as it is at one moment: each record, evaluation and failure is read once and kept for
        when it is asked for again, some kilobytes each, and so are scores while there is room.
    """

    def __init__(self, root: Path, remember: bool = False) -> None:
        self.root = root
        self._read = ModelReader().read if remember else read_model
        self._remembered = RememberedScores(MOST_REMEMBERED if remember else 0)

    @property
    def staging(self) -> Path:
        """Folder of what is in the making."""
        return self.root / "staging"

    def folder(self, key: str) -> Path:
        """Return the folder of a run."""
        return self.root / key

    def keys(self) -> list[str]:
        """Return the keys of all finished runs."""
        return [path.name for path in entries(self.root) if is_there(path / "record.json")]

    def record(self, key: str) -> RunRecord | None:
        """Return the record of a finished run, or None if there is none that can be read, or it is of another run."""
        found = self.stated_record(key)
        return found if found is not None and found.key == key else None

    def stated_record(self, key: str) -> RunRecord | None:
        """Return what a run's folder has as its record, or None, whatever run it is of: for those who check it."""
        return self._read(f"{self.root}/{key}/record.json", RunRecord)

    def records(self) -> Iterator[RunRecord]:
        """Iterate over the records of all finished runs."""
        return (record for key in self.keys() if (record := self.record(key)) is not None)

    def failure(self, key: str) -> Failure | None:
        """Return why a run failed the last time, or None."""
        return self._read(str(self._failure_path(key)), Failure)

    def failures(self) -> Iterator[Failure]:
        """Iterate over the runs that failed and were not repeated with success."""
        paths = json_files(self.root / "failed")
        return (failure for path in paths if (failure := read_model(path, Failure)) is not None)

    def prepare(self) -> None:
        """Make the store ready for writing, and clear what drivers that died on this machine left half-done.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        with writing_to(self.root, "--results"):
            self.staging.mkdir(parents=True, exist_ok=True)
            write_atomically(self.staging / ".probe", "")
            (self.staging / ".probe").unlink(missing_ok=True)
        self.clear_abandoned()

    def clear_abandoned(self) -> None:
        """Remove what processes of this machine that are no more left half-done."""
        for name in ("staging", "failed", "controls", "events", *get_args(Derived)):
            remove_abandoned(self.root / name)

    @contextmanager
    def stage(self, spec: RunSpec, replace: bool = False) -> Iterator[Path]:
        """Prepare a run's folder; it is moved into place when the block ends with a record in it, else removed.

        Parameters
        ----------
        replace
            Whether to replace a run that is there already; else the one that was there first stays.
        """
        with self.scratch(spec.key) as staging:
            (staging / "spec.json").write_text(spec.model_dump_json(indent=1) + "\n", encoding="utf-8")
            yield staging
            if (staging / "record.json").is_file():
                write_checksums(staging)
                self.place(staging, spec.key, replace)

    @contextmanager
    def scratch(self, stem: str) -> Iterator[Path]:
        """Give an empty folder on the store's disk, which is removed at the end and is no part of the store."""
        folder = self.staging / scratch_name(stem)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def place(self, folder: Path, key: str, replace: bool = False) -> bool:
        """Move the folder of a finished run into place, unless the run is there already and is not to be replaced.

        Returns
        -------
        Whether it was moved.
        """
        target = self.folder(key)
        if not replace and self.record(key) is not None:
            return False
        if target.exists():  # it cannot be replaced in one step: it steps aside, and dying here costs a repetition
            aside = folder.with_name(f"old-{folder.name}")
            target.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        try:
            folder.rename(target)
        except OSError:
            if self.record(key) is None:
                raise
            return False  # another driver was first with the same run
        return True

    def adopt(self, folder: Path, replace: bool = False) -> Added:
        """Take over the folder of a run from elsewhere, named by its key and found sound.

        A run that is there already stays, unless it is to be replaced, and gets the evaluations that it lacks.
        """
        key = folder.name
        new = [evaluation.key for evaluation in RunStore(folder.parent).evaluations(key)]
        if self.place(folder, key, replace):
            return Added(True, len(new))
        lacking = [name for name in new if self.evaluation(key, name) is None]
        target = self.folder(key) / "evaluations"
        target.mkdir(exist_ok=True)
        for name in lacking:
            for file in (f"{name}.npz", f"{name}.json"):  # the scores first, as they were written
                if (folder / "evaluations" / file).is_file():
                    shutil.move(folder / "evaluations" / file, target / file)
        return Added(False, len(lacking))

    def write_failure(self, failure: Failure) -> None:
        """Record that a run failed."""
        self._failure_path(failure.key).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._failure_path(failure.key), failure.model_dump_json(indent=1) + "\n")

    def clear_failure(self, key: str) -> None:
        """Forget an earlier failure of a run that has succeeded now."""
        self._failure_path(key).unlink(missing_ok=True)

    def forget_failures(self, keys: Collection[str]) -> None:
        """Forget failures of runs that are stored all the same: a process can die between its work and its report."""
        for path in json_files(self.root / "failed"):
            if path.stem in keys:
                with suppress(OSError):
                    path.unlink()

    def evaluation(self, run_key: str, key: str) -> Evaluation | None:
        """Return a stored evaluation, or None; one whose scores are gone or cut is none: nothing shows its numbers."""
        evaluation = self.stated_evaluation(run_key, key)
        if evaluation is None or (evaluation.run_key, evaluation.key) != (run_key, key):
            return None
        size = size_of(self._scores_path(run_key, key))
        expected = size if evaluation.scores is None else evaluation.scores.size
        return evaluation if size is not None and size == expected else None

    def stated_evaluation(self, run_key: str, key: str) -> Evaluation | None:
        """Return what is stated of an evaluation, or None, without a look at its scores: for those who check it."""
        return self._read(self._evaluation_path(run_key, key), Evaluation)

    def evaluations(self, run_key: str) -> Iterator[Evaluation]:
        """Iterate over the evaluations of a run."""
        paths = json_files(self.folder(run_key) / "evaluations")
        return (found for path in paths if (found := self.evaluation(run_key, path.stem)) is not None)

    def write_scores(self, run_key: str, key: str, scored: ScoredVideos) -> None:
        """Store raw snippet scores with the labels that they are judged by, before any metric is computed from them."""
        folder = self.folder(run_key) / "evaluations"
        folder.mkdir(exist_ok=True)
        remove_abandoned(folder)
        Path(self._evaluation_path(run_key, key)).unlink(missing_ok=True)  # it states the sum of other scores
        with replacing(Path(self._scores_path(run_key, key))) as file:
            write_scores(file, scored)

    def read_scores(self, run_key: str, key: str) -> ScoredVideos | None:
        """Return the stored scores of an evaluation with their labels; None where they are absent or damaged."""
        return self._scores_of(run_key, key, self.stated_evaluation(run_key, key))

    def scores_of(self, evaluation: Evaluation) -> ScoredVideos | None:
        """Return the stored scores of an evaluation that was read, as `read_scores` does."""
        return self._scores_of(evaluation.run_key, evaluation.key, evaluation)

    def _scores_of(self, run_key: str, key: str, evaluation: Evaluation | None) -> ScoredVideos | None:
        path = self._scores_path(run_key, key)
        if (kept := self._remembered.find(path)) is not None:
            return kept
        content = read_content(path)
        if content is None:
            return None
        if evaluation is not None and evaluation.scores is not None and not evaluation.scores.fits(content):
            return None
        scored = parse_scores(content)
        if scored is not None:
            self._remembered.keep(path, scored)
        return scored

    def controls(self, test_hash: str) -> Controls | None:
        """Return the controls of a test part, or None."""
        found = read_model(self._controls_path(test_hash), Controls)
        return found if found is not None and found.test_hash == test_hash else None

    def write_controls(self, controls: Controls) -> None:
        """Store the controls of a test part."""
        self._controls_path(controls.test_hash).parent.mkdir(parents=True, exist_ok=True)
        write_model(self._controls_path(controls.test_hash), controls)

    def events(self, test_hash: str) -> AnnotatedEvents | None:
        """Return the events of a test part, or None."""
        found = read_model(self._events_path(test_hash), AnnotatedEvents)
        return found if found is not None and found.test_hash == test_hash else None

    def write_events(self, events: AnnotatedEvents) -> None:
        """Store the events of a test part."""
        self._events_path(events.test_hash).parent.mkdir(parents=True, exist_ok=True)
        write_model(self._events_path(events.test_hash), events)

    def derived(self, kind: Derived, name: str, model: type[_Model]) -> _Model | None:
        """Return what was derived from evaluations before, or None."""
        try:
            kept = read_model(self._derived_path(kind, name), _Kept)
            return model.model_validate_json(json.dumps(kept.content)) if kept is not None else None
        except (InputError, ValidationError):  # it is made again
            return None

    def write_derived(self, kind: Derived, name: str, content: BaseModel, evaluations: Iterable[EvaluationId]) -> None:
        """Store what was derived from evaluations, where the store can be written; it can be made again at any time."""
        kept = _Kept(evaluations=tuple(evaluations), content=content.model_dump(mode="json"))
        with suppress(OSError):
            self._derived_path(kind, name).parent.mkdir(parents=True, exist_ok=True)
            write_model(self._derived_path(kind, name), kept)

    def derived_from(self, kind: Derived, name: str) -> tuple[EvaluationId, ...] | None:
        """Return the evaluations that something was derived from, or None where that cannot be read."""
        kept = read_model(self._derived_path(kind, name), _Kept)
        return None if kept is None else kept.evaluations

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Add an evaluation to its run, with the sum of its scores where they are stored."""
        content = read_content(self._scores_path(evaluation.run_key, evaluation.key))
        if content is not None:
            evaluation = evaluation.model_copy(update={"scores": StoredFile.of(content)})
        write_model(self._evaluation_path(evaluation.run_key, evaluation.key), evaluation)

    def _evaluation_path(self, run_key: str, key: str) -> str:
        return f"{self.root}/{run_key}/evaluations/{key}.json"  # as text: status asks for thousands

    def _scores_path(self, run_key: str, key: str) -> str:
        return f"{self.root}/{run_key}/evaluations/{key}.npz"

    def _controls_path(self, test_hash: str) -> Path:
        return self.root / "controls" / f"{test_hash[:16]}.json"

    def _events_path(self, test_hash: str) -> Path:
        return self.root / "events" / f"{test_hash[:16]}.json"

    def _derived_path(self, kind: Derived, name: str) -> Path:
        return self.root / kind / f"{name}.json"

    def _failure_path(self, key: str) -> Path:
        return self.root / "failed" / f"{key}.json"
