"""The calls and runs on disk, as they stand in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import event_metrics
from benchmark.runs.records import Evaluation, RunRecord
from benchmark.runs.results_folder import Invocation, Results
from benchmark.tracking.connection import connect
from benchmark.tracking.content import (
    BATCH,
    LONGEST_NAME,
    LONGEST_TAG,
    NOTE,
    PARAMS_BATCH,
    class_wise,
    curves,
    cut,
    metrics,
    milliseconds,
    names,
    note,
    params,
    run_name,
    run_params,
    run_tags,
    trained_on,
)
from benchmark.tracking.experiment import INVOCATION, PARENT, RUN_KEY, Experiment
from benchmark.tracking.means import means

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run

EVALUATIONS, FORM = "wvad.evaluations", "wvad.form"
PRESENT = "2"
"""The form in which runs are logged. Those of an earlier one get its name and what they lack, once; MLflow lets nobody
change a parameter or remove a metric, so what else they have stays."""


class MlflowTracker:
    """Logs one call: an experiment per table, a parent run per call, a child run per run of the store.

    A run that an earlier call has logged in the same experiment is brought up to date, not logged again.

    Parameters
    ----------
    results
        Where the run store is, and by default MLflow's database.
    invocation
        The call.
    experiment
        That of the call's table.
    """

    def __init__(self, results: Results, invocation: Invocation, experiment: Experiment) -> None:
        self._store = results.store
        self._reports = results.reports
        self._invocation = invocation
        self._experiment, self._client = experiment, experiment.client
        rows = reversed(invocation.plan.all_rows())
        self._rows = {key: row for row in rows for keys in row.runs.values() for key in keys}
        self._call = experiment.entry(INVOCATION, invocation.id) or self._create_parent()
        self._parent: str = self._call.info.run_id
        self._log_params(self._call, self._call_params())

    def run_finished(self, key: str) -> None:
        """Log a run with its parameters, tags, loss curves, metrics and record."""
        from mlflow import MlflowException

        record = self._store.record(key)
        if record is None:
            return
        current = {dataset.test_hash for dataset in self._invocation.plan.datasets}
        evaluations = [e for e in self._store.evaluations(key) if e.test_hash in current]
        child = self._experiment.entry(RUN_KEY, key)
        if child is None:
            child = self._create_child(record)
        else:
            self._experiment.adopt(child, self._parent)
        try:
            self._bring_up_to_date(child, record, evaluations)
        except MlflowException:
            settled = self._experiment.settle(RUN_KEY, key)
            if settled is None or settled.info.run_id == child.info.run_id:
                raise
            self._bring_up_to_date(settled, record, evaluations)  # another tracker's entry has taken its place

    def table_finished(self, artifacts: Sequence[Path]) -> None:
        """Log the table's means and files with the call's parent run."""
        self._experiment.show(self._invocation.plan)
        self._log_metrics(self._parent, means(self._invocation.plan, self._store))
        for path in artifacts:
            self._client.log_artifact(self._parent, str(path), self._artifact_folder(path))
            if path.name == f"{self._invocation.plan.table}.md":
                self._experiment.tag(self._call, NOTE, note(path.read_text(encoding="utf-8")))
        records = [self._store.record(key) for key in self._invocation.plan.run_keys()]
        end = max([self._invocation.started, *(record.finished for record in records if record)], key=milliseconds)
        self._client.set_terminated(self._parent, "FINISHED" if all(records) else "FAILED", milliseconds(end))

    def _bring_up_to_date(self, child: Run, record: RunRecord, evaluations: Sequence[Evaluation]) -> None:
        """Log what is missing; the marks that say what is there come last, then the run is finished.

        A run that was trained again keeps its parameters, which MLflow never changes, and its curves, which are equal.
        """
        run_id, finished = child.info.run_id, child.info.status == "FINISHED"
        present = child.data.tags.get(FORM) == PRESENT
        trained, *marks = (child.data.tags.get(EVALUATIONS, "").split() if finished else []) or [""]
        there = dict(mark.split("@") for mark in marks)
        states = {e.key: self._state(e) for e in evaluations}
        missing = [e for e in evaluations if there.get(e.key) != states[e.key]]
        if trained == record.finished and not missing and present:
            return
        self._log_params(child, run_params(record))
        self._log_metrics(run_id, metrics(record, missing, {e.key: self._measures(e) for e in missing}))
        folder = self._store.folder(record.key)
        losses: list[Metric] = []
        if not finished and not record.spec.imported:
            losses = curves(folder / "losses.csv", milliseconds(record.finished))
            self._log_dataset(run_id, record)
        self._client.log_artifact(run_id, str(folder / "record.json"))
        if by_class := class_wise(record, evaluations):
            self._client.log_text(run_id, by_class, "class-wise.csv")
        there |= {e.key: states[e.key] for e in missing}
        mark = " ".join([record.finished, *(f"{key}@{time}" for key, time in there.items())])
        self._log_metrics(run_id, losses)
        self._experiment.tag(child, EVALUATIONS, mark)
        if not present:
            self._client.update_run(run_id, name=run_name(self._rows.get(record.key), record))
            self._experiment.tag(child, FORM, PRESENT)
        if not finished:
            self._client.set_terminated(run_id, "FINISHED", milliseconds(record.finished))

    def _state(self, evaluation: Evaluation) -> str:
        """Return what a mark says of an evaluation: when it was made, and the frame rate of its measures of events."""
        events = self._store.events(evaluation.test_hash)
        return evaluation.finished if events is None else f"{evaluation.finished},{events.fps:g}"

    def _measures(self, evaluation: Evaluation) -> dict[str, float | None]:
        """Return the measures of events of an evaluation; none where its scores or its events are not stored."""
        events = self._store.events(evaluation.test_hash)
        scored = events and self._store.read_scores(evaluation.run_key, evaluation.key)
        return event_metrics(Alarms.find(scored, events.intervals, events.fps)) if events and scored else {}

    def _log_params(self, run: Run, several: Sequence[Param]) -> None:
        """Log the parameters that a run lacks; a server refuses the later one of two that log them at once."""
        from mlflow.exceptions import MlflowException

        run_id, lacking = run.info.run_id, [param for param in several if param.key not in run.data.params]
        for start in range(0, len(lacking), PARAMS_BATCH):
            batch = lacking[start : start + PARAMS_BATCH]
            try:
                self._client.log_batch(run_id, params=batch)
            except MlflowException:
                if {param.key for param in batch} - self._client.get_run(run_id).data.params.keys():
                    raise

    def _log_metrics(self, run_id: str, several: Sequence[Metric]) -> None:
        for start in range(0, len(several), BATCH):
            self._client.log_batch(run_id, several[start : start + BATCH])

    def _log_dataset(self, run_id: str, record: RunRecord) -> None:
        """Name the training dataset of a run; a server refuses the later one of two that say so at once."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.log_inputs(run_id, [trained_on(record)])
        except MlflowException:
            inputs = self._client.get_run(run_id).inputs
            if inputs is None or not inputs.dataset_inputs:
                raise

    def _artifact_folder(self, path: Path) -> str | None:
        """Return the folder of an artifact: that of figures as on disk, none for tables and reports."""
        return str(path.parent.relative_to(self._reports)) if self._reports in path.parent.parents else None

    def _create_parent(self) -> Run:
        call, plan = self._invocation, self._invocation.plan
        tags = {"profile": plan.profile, "datasets": cut(names(d.name for d in plan.datasets), LONGEST_TAG)}
        when = call.started[:16].replace("T", " ")
        name = f"{cut(plan.folder, LONGEST_NAME - len(when) - 1)} {when}"
        return self._experiment.create(INVOCATION, call.id, name, tags, milliseconds(call.started))

    def _call_params(self) -> list[Param]:
        plan = self._invocation.plan
        asked = {"dataset": names(d.name for d in plan.datasets), "profile": plan.profile, "seeds": plan.seeds}
        return params(asked | {"holdout": plan.holdout, "command": plan.command})

    def _create_child(self, record: RunRecord) -> Run:
        row = self._rows.get(record.key)
        tags = {PARENT: self._parent, FORM: PRESENT, **run_tags(row.label if row else record.spec.title, record)}
        start = milliseconds(record.finished) - int(1000 * record.seconds)
        return self._experiment.create(RUN_KEY, record.key, run_name(row, record), tags, start)


def follow(results: Results, invocation: Invocation) -> MlflowTracker:
    """Return a tracker of one call."""
    return MlflowTracker(results, invocation, Experiment(connect(results), invocation.plan, results))


def sync(results: Results) -> int:
    """Log every call on disk to MLflow, whatever of it is there already; return the number of calls."""
    client = connect(results)
    experiments: dict[str, Experiment] = {}
    count = 0
    for invocation in results.invocations():
        table = invocation.plan.table
        if table not in experiments:
            experiments[table] = Experiment(client, invocation.plan, results)
        tracker = MlflowTracker(results, invocation, experiments[table])
        for key in invocation.plan.run_keys():
            tracker.run_finished(key)
        tracker.table_finished([*results.table_files(invocation.plan), *results.report_files(invocation.plan)])
        count += 1
    return count
