"""An experiment of MLflow in which each thing is logged once, however many are logging."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmark.runs.results_folder import Results
from benchmark.runs.table_plan import TablePlan
from benchmark.system.files import real_path
from benchmark.tracking.connection import is_local
from benchmark.tracking.content import NOTE
from benchmark.tracking.views import experiment_tags, is_ours

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN_KEY, INVOCATION, CREATED = "wvad.run_key", "wvad.invocation", "wvad.created"
PARENT = "mlflow.parentRunId"
PAGE = 1000


class Experiment:
    """The experiment of a table, with the entries that it has.

    It is read once and then kept up to date with what is done here. MLflow has no lock and no unique names, so others
    may make an entry at the same moment: whoever has made one looks again, and all choose the same one to stay.

    Parameters
    ----------
    client
        A connection to MLflow.
    plan
        The table, as it is planned now.
    results
        Where artifacts go if MLflow's records go there.
    """

    def __init__(self, client: MlflowClient, plan: TablePlan, results: Results) -> None:
        self.client = client
        self.id = self._find(plan.table) or self._create(plan, results)
        self._tags: dict[str, str] = client.get_experiment(self.id).tags
        self._entries: dict[tuple[str, str], list[Run]] = {}
        for run in self._search():
            for mark in (RUN_KEY, INVOCATION):
                if mark in run.data.tags:
                    self._entries.setdefault((mark, run.data.tags[mark]), []).append(run)
        self._run_ids = {run.info.run_id for runs in self._entries.values() for run in runs}

    def entry(self, mark: str, value: str) -> Run | None:
        """Return the entry whose mark has a value, as it was when it was looked up; the first, if there are several."""
        found = self._entries.get((mark, value), [])
        return found[0] if len(found) == 1 else self.settle(mark, value) if found else None

    def create(self, mark: str, value: str, name: str, tags: dict[str, str], start: int) -> Run:
        """Make an entry, unless another has made it meanwhile; return the one that stays."""
        tags = {mark: value, CREATED: str(time.time_ns()), **tags}
        self.client.create_run(self.id, start_time=start, tags=tags, run_name=name)
        settled = self.settle(mark, value)
        if settled is None:
            raise LookupError(f"{name} was deleted while it was logged")
        return settled

    def settle(self, mark: str, value: str) -> Run | None:
        """Look an entry up again, and delete all but the first, which is the same for everybody who looks."""
        found = sorted(self._search(f"tags.`{mark}` = '{value}'"), key=_age)
        for other in found[1:]:
            self.client.delete_run(other.info.run_id)
        self._entries[mark, value] = found[:1]
        self._run_ids |= {run.info.run_id for run in found[:1]}
        return found[0] if found else None

    def adopt(self, child: Run, parent: str) -> None:
        """Give a child whose parent has been deleted another one, else nobody would see it."""
        if child.data.tags.get(PARENT) not in self._run_ids:
            self.tag(child, PARENT, parent)

    def show(self, plan: TablePlan) -> None:
        """Have MLflow show the table as it is planned; a description that somebody has written stays."""
        wanted = experiment_tags(plan, self.id)
        if not is_ours(self._tags.get(NOTE, ""), plan):
            del wanted[NOTE]
        for key, value in wanted.items():
            if self._tags.get(key) != value:
                self.client.set_experiment_tag(self.id, key, value)
        self._tags |= wanted

    def tag(self, run: Run, key: str, value: str) -> None:
        """Set a tag; of two that set a new one at once, a server refuses one, whose second try finds it there."""
        from mlflow import MlflowException

        try:
            self.client.set_tag(run.info.run_id, key, value)
        except MlflowException:
            self.client.set_tag(run.info.run_id, key, value)

    def _find(self, name: str) -> str | None:
        existing = self.client.get_experiment_by_name(name)
        return str(existing.experiment_id) if existing is not None else None

    def _create(self, plan: TablePlan, results: Results) -> str:
        from mlflow import MlflowException

        location = real_path(results.root / "mlflow-artifacts" / plan.table).as_uri() if is_local() else None
        try:
            return str(self.client.create_experiment(plan.table, location))
        except MlflowException:
            existing = self._find(plan.table)  # another was faster
            if existing is None:
                raise
            return existing

    def _search(self, condition: str = "") -> list[Run]:
        found: list[Run] = []
        token = None
        while True:
            page = self.client.search_runs([self.id], condition, max_results=PAGE, page_token=token)
            found += page
            token = page.token
            if not token:
                return found


def _age(run: Run) -> tuple[int, str]:
    return int(run.data.tags.get(CREATED, 0)), run.info.run_id
