"""Doing the jobs of a call: what is stored is left alone, the rest goes to an executor, each outcome is passed on."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing

from rich.console import Console

from benchmark.datasets.dataset import Dataset
from benchmark.execution.display import RunDisplay, run_display
from benchmark.execution.executors import Executor
from benchmark.execution.pace import Pace
from benchmark.execution.worklist import Worklist
from benchmark.runs.claims import Claims, clear_dead_drivers
from benchmark.runs.store import RunStore
from benchmark.system.amounts import count
from benchmark.system.stopping import Stop, stopping
from benchmark.training.jobs import Job, Outcome, Tested, is_complete

LOOK = 1.0
"""Seconds between two looks at what other calls are doing."""


def run_jobs(
    jobs: Sequence[Job], executor: Executor, console: Console, finished: Callable[[Outcome], None]
) -> list[Outcome]:
    """Do the jobs that are not stored yet.

    Other calls may do jobs of the same run store at the same time; no run is done by two of them.

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
    KeyboardInterrupt
        If the user has stopped the call: after the jobs under way, or at once; see `benchmark.system.stopping`.
    """
    paths = {path for job in jobs for path in (job.dataset, *job.evaluate_on)}
    tests = {path: Tested.of(Dataset(path).manifest) for path in paths}
    stored = [job for job in jobs if job.cached != "refresh" and is_complete(job, tests)]
    outcomes = [Outcome(job, "ok") for job in stored]
    for outcome in outcomes:
        finished(outcome)
    done = {job.spec.key for job in stored}
    to_do = [job for job in jobs if job.spec.key not in done and _allowed(job)]
    if not jobs:
        return outcomes
    store, total = RunStore(jobs[0].runs), len(stored) + len(to_do)
    store.forget_failures(done)
    if not to_do:
        store.clear_abandoned()
        clear_dead_drivers(store.root)
        return outcomes
    store.prepare()
    pace = Pace([job.spec for job in to_do], store.records())
    try:
        with (
            stopping() as stop,
            Claims(store.root) as claims,
            run_display(total, len(stored), console, pace) as display,
        ):
            work = Worklist(to_do, store, claims, lambda job: is_complete(job, tests))
            with closing(_do(work, executor, display, stop)) as coming:
                for outcome in coming:
                    display.finished(outcome)
                    outcomes.append(outcome)
                    finished(outcome)
        if stop.requested and len(outcomes) < total:
            raise KeyboardInterrupt
    finally:
        store.clear_abandoned()  # an interrupt ends the workers in the middle
    return outcomes


def _do(work: Worklist, executor: Executor, display: RunDisplay, stop: Stop) -> Generator[Outcome]:
    """Do what can be done now, then what has to be done alone, then what other calls leave undone."""
    while work.waiting and not stop.requested:
        yield from _round(work.side_by_side(stop), work, executor, display)
        for job in work.alone(stop):
            yield from _round([job], work, executor, display)
        yield from work.without_work()
        yield from _wait_for_others(work, display, stop)


def _round(jobs: Iterable[Job], work: Worklist, executor: Executor, display: RunDisplay) -> Iterator[Outcome]:
    with closing(executor.run(jobs, display)) as outcomes:
        for outcome in outcomes:
            if work.ended(outcome):
                yield outcome
            else:
                display.postponed(outcome)
            yield from work.without_work()


def _wait_for_others(work: Worklist, display: RunDisplay, stop: Stop) -> Iterator[Outcome]:
    """Wait until other calls have done, or left undone, what they have claimed."""
    said = False
    while work.elsewhere and not stop.requested:
        work.look_elsewhere()
        yield from work.without_work()
        if work.waiting or not work.elsewhere:
            return
        if not said:
            display.say(f"waiting for {count(work.elsewhere, 'run')} that another call is doing")
            said = True
        time.sleep(LOOK)


def _allowed(job: Job) -> bool:
    """Return whether a job may be done: `--cached only` evaluates a stored run where it is not yet, and trains none."""
    return job.cached != "only" or RunStore(job.runs).record(job.spec.key) is not None
