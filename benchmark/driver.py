"""Doing the jobs of a call: what is stored is left alone, the rest goes to an executor, each outcome is passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmark.display import run_display
from benchmark.executors import Executor
from benchmark.jobs import Job, Outcome, is_complete
from benchmark.runs import RunStore


def run_jobs(
    jobs: Sequence[Job],
    test_hashes: Mapping[Path, str],
    executor: Executor,
    console: Console,
    finished: Callable[[Outcome], None],
) -> list[Outcome]:
    """Do the jobs that are not stored yet.

    Parameters
    ----------
    test_hashes
        Hash of the test part of every dataset that the jobs name.
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
    stored = [job for job in jobs if job.cached != "refresh" and is_complete(job, test_hashes)]
    outcomes = [Outcome(job, "ok") for job in stored]
    for outcome in outcomes:
        finished(outcome)
    done = {job.spec.key for job in stored}
    to_do = [job for job in jobs if job.spec.key not in done and job.cached != "only"]
    if not to_do:
        return outcomes
    RunStore(to_do[0].runs).prepare()
    with run_display(len(jobs), len(stored), console) as display:
        for outcome in executor.run(to_do, display):
            display.finished(outcome)
            outcomes.append(outcome)
            finished(outcome)
    return outcomes
