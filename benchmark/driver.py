"""Doing the jobs of a call: what is stored is left alone, the rest goes to an executor, each outcome is passed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from benchmark.datasets.store import Dataset
from benchmark.display import run_display
from benchmark.executors import Executor
from benchmark.jobs import Job, Outcome, is_complete
from benchmark.runs import RunStore


def run_jobs(
    jobs: Sequence[Job], executor: Executor, console: Console, finished: Callable[[Outcome], None]
) -> list[Outcome]:
    """Do the jobs that are not stored yet.

    Parameters
    ----------
    finished
        Called in this process with each outcome as it comes; stored jobs come first.

    Returns
    -------
    The outcomes, without the jobs that `--cached only` leaves out.

    Raises
    ------
    InputError
        If the run store cannot be written.
    """
    paths = {path for job in jobs for path in (job.dataset, *job.evaluate_on)}
    test_hashes = {path: Dataset(path).manifest.test_hash() for path in paths}
    stored = [job for job in jobs if job.cached != "refresh" and is_complete(job, test_hashes)]
    outcomes = [Outcome(job, "ok") for job in stored]
    for outcome in outcomes:
        finished(outcome)
    done = {job.spec.key for job in stored}
    to_do = [job for job in jobs if job.spec.key not in done and _allowed(job)]
    if not to_do:
        return outcomes
    store = RunStore(to_do[0].runs)
    store.prepare()
    try:
        with run_display(len(stored) + len(to_do), len(stored), console) as display:
            for outcome in executor.run(to_do, display):
                display.finished(outcome)
                outcomes.append(outcome)
                finished(outcome)
    finally:
        store.clear_abandoned()  # an interrupt ends the workers in the middle
    return outcomes


def _allowed(job: Job) -> bool:
    """Return whether a job may be done: `--cached only` evaluates a stored run where it is not yet, and trains none."""
    return job.cached != "only" or RunStore(job.runs).record(job.spec.key) is not None
