"""MLflow as a projection of the run store: whatever it shows can be rebuilt from the files."""

from __future__ import annotations

import csv
import datetime
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmark.invocations import Invocation, Results
from benchmark.records import Evaluation, RunRecord
from benchmark.runs import RunStore

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

BATCH = 1000
"""What MLflow takes in one call."""

MLFLOW_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # The first use of a new database would log every migration.
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # A server that is away is noticed in seconds; the default keeps trying for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}

RUN_KEY, INVOCATION, EVALUATIONS = "wvad.run_key", "wvad.invocation", "wvad.evaluations"


class Tracker(Protocol):
    """Whoever follows a call: told of each finished run, and of the table in the end."""

    def run_finished(self, key: str) -> None:
        """Log a run that is in the store."""

    def table_finished(self, artifacts: Sequence[Path]) -> None:
        """Log the files of the table."""


class NoTracker:
    """Tracking is off."""

    def run_finished(self, key: str) -> None:
        """Do nothing."""

    def table_finished(self, artifacts: Sequence[Path]) -> None:
        """Do nothing."""


class MlflowTracker:
    """Logs one call: an experiment per table, a parent run per call, a child run per run of the store.

    A run that an earlier call has logged in the same experiment is brought up to date, not logged again.

    Parameters
    ----------
    results
        Where the run store is, and by default MLflow's database.
    invocation
        The call.
    """

    def __init__(self, results: Results, invocation: Invocation) -> None:
        self._store = RunStore(results.runs)
        self._reports = results.reports
        self._invocation = invocation
        self._client = connect(results)
        self._experiment = _experiment(self._client, invocation.plan.table, results)
        self._parent = self._find_parent() or self._create_parent()

    def run_finished(self, key: str) -> None:
        """Log a run with its parameters, tags, loss curves, metrics and record."""
        record = self._store.record(key)
        if record is None:
            return
        current = {dataset.test_hash for dataset in self._invocation.plan.datasets}
        evaluations = [e for e in self._store.evaluations(key) if e.test_hash in current]
        digest = " ".join([record.finished, *(f"{e.key}@{e.finished}" for e in evaluations)])
        child = self._child(key)
        if child is not None and child.info.status == "FINISHED" and child.data.tags.get(EVALUATIONS) == digest:
            return
        run_id = child.info.run_id if child is not None else self._create_child(record)
        self._client.log_batch(run_id, metrics=_metrics(evaluations))
        folder = self._store.folder(key)
        if child is None or child.info.status != "FINISHED":
            if not record.spec.imported:
                self._client.log_batch(run_id, metrics=_curves(folder / "losses.csv", _milliseconds(record.finished)))
            self._client.log_artifact(run_id, str(folder / "record.json"))
        self._client.set_tag(run_id, EVALUATIONS, digest)
        self._client.set_terminated(run_id, "FINISHED")

    def table_finished(self, artifacts: Sequence[Path]) -> None:
        """Log the table's files with the call's parent run."""
        for path in artifacts:
            self._client.log_artifact(self._parent, str(path), self._artifact_folder(path))
        complete = all(self._store.record(key) for key in self._invocation.plan.run_keys())
        self._client.set_terminated(self._parent, "FINISHED" if complete else "FAILED")

    def _artifact_folder(self, path: Path) -> str | None:
        """Return the folder of an artifact: that of figures as on disk, none for the files of the table."""
        return str(path.parent.relative_to(self._reports)) if path.is_relative_to(self._reports) else None

    def _child(self, key: str) -> Run | None:
        """Look a run up at the last moment: another call may have logged it meanwhile."""
        found = _search(self._client, self._experiment, f"tags.`{RUN_KEY}` = '{key}'")
        return found[0] if found else None

    def _find_parent(self) -> str | None:
        found = _search(self._client, self._experiment, f"tags.`{INVOCATION}` = '{self._invocation.id}'")
        return next((run.info.run_id for run in found if RUN_KEY not in run.data.tags), None)

    def _create_parent(self) -> str:
        from mlflow.entities import Param

        plan = self._invocation.plan
        name = f"{plan.folder} {self._invocation.started}"
        tags = {
            INVOCATION: self._invocation.id,
            "profile": plan.profile,
            "datasets": _names(d.name for d in plan.datasets),
        }
        run = self._client.create_run(self._experiment, tags=tags, run_name=name)
        values = {
            "profile": plan.profile,
            "seeds": plan.seeds,
            "holdout": plan.holdout,
            "command": plan.command,
        }
        self._client.log_batch(run.info.run_id, params=[Param(k, str(v)) for k, v in values.items()])
        return str(run.info.run_id)

    def _create_child(self, record: RunRecord) -> str:
        from mlflow.entities import Param

        spec = record.spec
        tags = {
            "mlflow.parentRunId": self._parent,
            RUN_KEY: record.key,
            "method": spec.method,
            "add_ons": _names(add_on.name for add_on in spec.add_ons),
            "shuffled_labels": str(spec.shuffled_labels).lower(),
            "imported": str(spec.imported).lower(),
            "dataset": spec.dataset,
            "seed": str(spec.seed),
            "feature_set": spec.feature_set,
            "profile": spec.profile,
            "deviations": _names(record.deviations),
        }
        run = self._client.create_run(
            self._experiment, tags=tags, run_name=f"{spec.title} {spec.dataset} seed {spec.seed}"
        )
        sections = {
            "config": spec.config,
            "training": {} if spec.imported else spec.training.model_dump(),
            "inputs": spec.inputs,
            **{add_on.name: add_on.config for add_on in spec.add_ons},
        }
        settings = [(f"{name}.{key}", v) for name, section in sections.items() for key, v in section.items()]
        params = [Param(_clean(name), str(value)) for name, value in settings]
        facts = {"holdout": spec.holdout, "parameters": record.parameters, "seconds": record.seconds}
        params += [Param(k, str(v)) for k, v in facts.items()]
        self._client.log_batch(run.info.run_id, params=params)
        return str(run.info.run_id)


class GuardedTracker:
    """An MLflow tracker whose troubles harm no run: the first one is said, and ends the tracking of this call.

    It logs in a thread of its own, so that no run waits for it; making a new database alone takes seconds.

    Parameters
    ----------
    warn
        Called with one line if something goes wrong.
    """

    def __init__(self, results: Results, invocation: Invocation, warn: Callable[[str], None]) -> None:
        self._results, self._invocation, self._warn = results, invocation, warn
        self._tracker: MlflowTracker | None = None
        self._broken = False
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._thread.submit(self._attempt, lambda tracker: None)

    def run_finished(self, key: str) -> None:
        """Log a run that is in the store."""
        self._thread.submit(self._attempt, lambda tracker: tracker.run_finished(key))

    def table_finished(self, artifacts: Sequence[Path]) -> None:
        """Log the files of the table, and wait until everything is logged."""
        self._thread.submit(self._attempt, lambda tracker: tracker.table_finished(artifacts))
        self._thread.shutdown()

    def _attempt(self, action: Callable[[MlflowTracker], None]) -> None:
        if self._broken:
            return
        try:
            self._tracker = self._tracker or MlflowTracker(self._results, self._invocation)
            action(self._tracker)
        except Exception as error:
            self._broken = True
            reason = (str(error).splitlines() or [""])[0]
            self._warn(
                f"MLflow at {tracking_uri(self._results)}: {type(error).__name__}: {reason}. "
                "The runs are safe; `wvad mlflow sync` logs them later."
            )


def connect(results: Results) -> MlflowClient:
    """Connect to MLflow: at ``MLFLOW_TRACKING_URI`` if it is set, else in a SQLite file of the results folder."""
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri(results))


def tracking_uri(results: Results) -> str:
    """Return where MLflow's records go."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(results.root / 'mlflow.db').resolve()}"


def sync(results: Results) -> int:
    """Log every call on disk to MLflow, whatever of it is there already; return the number of calls."""
    count = 0
    for invocation in results.invocations():
        tracker = MlflowTracker(results, invocation)
        for key in invocation.plan.run_keys():
            tracker.run_finished(key)
        tracker.table_finished([*results.table_files(invocation.plan), *results.figure_files(invocation.plan)])
        count += 1
    return count


def _experiment(client: MlflowClient, name: str, results: Results) -> str:
    existing = client.get_experiment_by_name(name)
    if existing is not None:
        return str(existing.experiment_id)
    local = not os.environ.get("MLFLOW_TRACKING_URI")
    location = (results.root / "mlflow-artifacts" / name).resolve().as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=location))


def _search(client: MlflowClient, experiment: str, condition: str = "") -> list[Run]:
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment], condition, max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _metrics(evaluations: Sequence[Evaluation]) -> list[Metric]:
    """Return metrics with the time of their evaluation: logged again they add nothing, and the latest one counts."""
    from mlflow.entities import Metric

    return [
        Metric(_clean(f"{e.selection}/{name}/{e.dataset}"), value, _milliseconds(e.finished), e.step)
        for e in evaluations
        for name, value in e.metrics.items()
        if value is not None
    ]


def _curves(path: Path, timestamp: int) -> list[Metric]:
    """Return the loss terms over the steps, thinned so that they fit into one batch."""
    from mlflow.entities import Metric

    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    terms = [name for name in rows[0] if name != "step"]
    every = -(-len(rows) // (BATCH // len(terms)))
    return [
        Metric(_clean(f"train/{name}"), float(row[name]), timestamp, int(row["step"]))
        for row in rows[::every]
        for name in terms
    ]


def _milliseconds(time: str) -> int:
    return int(datetime.datetime.fromisoformat(time).timestamp() * 1000)


def _clean(name: str) -> str:
    return re.sub(r"[^\w\-. /]", "_", name)


def _names(names: Iterable[str]) -> str:
    return ",".join(names)
