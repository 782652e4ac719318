"""One call: planned tables, from their first run to their last. The command line and notebooks share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from benchmark.execution.driver import run_jobs
from benchmark.execution.executors.choice import choose_executor
from benchmark.runs.results_folder import Results
from benchmark.runs.table_plan import TablePlan
from benchmark.tracking import NoTracker, Tracker, choose_tracker, follow_again, saying_once
from benchmark.training.annotated_events import keep_events
from benchmark.training.choices import HERE, Choices
from benchmark.training.controls import measure_missing_controls
from benchmark.training.jobs import Job, Outcome, distinct_jobs
from benchmark.training.numerics import check_numerics
from benchmark.training.speeds import measure_missing_speeds
from benchmark.training.thresholds import choose_missing_thresholds

Planned = tuple[TablePlan, Sequence[Job]]
Finish = Callable[[TablePlan], None]
"""What is done with a table whose runs are done, before its files are logged: whoever calls fills and writes it."""


def do_tables(planned: Sequence[Planned], choices: Choices, console: Console, finish: Finish) -> list[Outcome]:
    """Do the distinct runs of planned tables, then finish and log one table after another.

    Parameters
    ----------
    console
        Where progress and troubles of MLflow are said.

    Returns
    -------
    The outcomes of the runs.

    Raises
    ------
    InputError
        If the executor or the arithmetic cannot be used, or the results folder cannot be written; nothing has changed
        then.
    """
    results, executor = Results(choices.results), choose_executor(choices)
    jobs = distinct_jobs(job for _, own in planned for job in own)
    if choices.executor in HERE:
        place = choices.place
        for job in jobs:
            stored = results.store.record(job.spec.key) is not None
            if {"use": not stored, "refresh": True, "only": False}[choices.cached]:
                check_numerics(job.spec.training.numerics, place)
    invocations = [results.write_invocation(plan) for plan, _ in planned]
    # One tracker at a time: those of several tables would wait for each other, and follow after the runs.
    warn = saying_once(lambda line: console.print(line, style="yellow"))
    live = choose_tracker(results, invocations[0], choices.tracking, warn) if len(planned) == 1 else NoTracker()
    keep_events((path for job in jobs for path in job.evaluate_on), results.store)
    outcomes = run_jobs(jobs, executor, console, lambda outcome: live.run_finished(outcome.job.spec.key))
    for (plan, own), invocation in zip(planned, invocations, strict=True):
        tracker = live if len(planned) == 1 else follow_again(results, invocation, choices.tracking, warn)
        if plan.shuffled is not None:
            measure_missing_controls(own, results.store)
        if "thresholds" in plan.measures:
            for line in choose_missing_thresholds(own, plan.join, results.store):
                console.print(line, style="yellow")
        if "cost" in plan.measures:
            for line in measure_missing_speeds(own, results.store):
                console.print(line, style="yellow")
        finish_table(plan, results, tracker, finish)
    return outcomes


def finish_table(plan: TablePlan, results: Results, tracker: Tracker, finish: Finish) -> None:
    """Finish a table, and log its files."""
    finish(plan)
    tracker.table_finished(results.table_files(plan))
