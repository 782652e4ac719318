"""How long work shows itself: progress bars on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from benchmark.system.amounts import count, duration

if TYPE_CHECKING:  # they import PyTorch, which counting does without
    from benchmark.execution.pace import Pace
    from benchmark.training.jobs import Job, Outcome

PLAIN_SECONDS = 30.0
LOOK = 1.0
"""Seconds between two forecasts of a progress bar."""

Unit = Literal["", "bytes"]


class RunDisplay(Protocol):
    """Shows how the jobs of a call get on; entered for as long as they run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def started(self, job: Job) -> None:
        """A job has begun."""

    def stepped(self, job: Job, step: int, loss: float) -> None:
        """A job's training has reached a step."""

    def finished(self, outcome: Outcome) -> None:
        """A job has ended, or needs no work."""

    def postponed(self, outcome: Outcome) -> None:
        """A job was out of memory, and is going to be tried again alone."""

    def say(self, text: str) -> None:
        """There is something else to tell."""


def run_display(total: int, stored: int, console: Console, pace: Pace) -> RunDisplay:
    """Return the display that fits the console.

    Parameters
    ----------
    total, stored
        Number of runs in all, and of those that need no work.
    pace
        What forecasts the rest; the display tells it of the runs.
    """
    kind = BarDisplay if console.is_terminal else LineDisplay
    return kind(total, stored, console, pace)


def describe(job: Job) -> str:
    """Name a job for people."""
    return f"{job.spec.name} on {job.spec.dataset}, {job.spec.instance}"


def postponement(outcome: Outcome) -> str:
    """Say that a job is going to be tried again."""
    return f"{outcome.status}: {describe(outcome.job)}: {outcome.reason}; to be tried again alone"


def _seconds(outcome: Outcome) -> float | None:
    """Return what a run took, if it says how long others take."""
    return outcome.seconds if outcome.status == "ok" and outcome.trained else None


class _Left(TimeRemainingColumn):
    """The time left: as it is forecast where it is, else by the speed of the bar."""

    def render(self, task: Task) -> Text:
        """Return the time left of a task."""
        left = task.fields.get("left")
        if left is None:
            return super().render(task)
        return Text(str(timedelta(seconds=round(left))), style="progress.remaining")


class BarDisplay:
    """Progress bars: one for all runs, and one with step and loss for each that is running."""

    def __init__(self, total: int, stored: int, console: Console, pace: Pace) -> None:
        self._pace, self._looked = pace, time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}", markup=False),
            TimeElapsedColumn(),
            _Left(),
            console=console,
            transient=False,
        )
        self._all = self._progress.add_task(
            "runs", total=total, completed=stored, loss=f"{stored} stored" if stored else ""
        )
        self._tasks: dict[str, TaskID] = {}
        self._done = stored

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            self._progress.remove_task(task)
        self._progress.stop()

    def started(self, job: Job) -> None:
        """Add a bar for the job."""
        self._pace.started()
        self._tasks[job.spec.key] = self._progress.add_task(describe(job), total=job.spec.training.steps, loss="")

    def stepped(self, job: Job, step: int, loss: float) -> None:
        """Move the job's bar."""
        self._pace.stepped(job.spec.key, step / job.spec.training.steps)
        self._progress.update(self._tasks[job.spec.key], completed=step, loss=f"loss {loss:.4g}")
        self._show_total()
        if time.monotonic() - self._looked > LOOK:
            self._forecast()

    def finished(self, outcome: Outcome) -> None:
        """Remove the job's bar; a failure leaves a line."""
        self._remove(outcome.job)
        self._done += 1
        self._pace.ended(outcome.job.spec.key, _seconds(outcome))
        self._show_total()
        self._forecast()
        if outcome.status != "ok":
            self.say(f"{outcome.status}: {describe(outcome.job)}: {outcome.reason}")

    def postponed(self, outcome: Outcome) -> None:
        """Remove the job's bar for now."""
        self._remove(outcome.job)
        self._pace.stopped(outcome.job.spec.key)
        self.say(postponement(outcome))

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, soft_wrap=True)

    def _remove(self, job: Job) -> None:
        if job.spec.key in self._tasks:
            self._progress.remove_task(self._tasks.pop(job.spec.key))

    def _show_total(self) -> None:
        """Count running jobs in part, so that the time left is known before the first one ends."""
        running = sum(task.percentage for task in self._progress.tasks if task.id in self._tasks.values()) / 100
        self._progress.update(self._all, completed=self._done + running)

    def _forecast(self) -> None:
        self._looked = time.monotonic()
        self._progress.update(self._all, left=self._pace.left())


class LineDisplay:
    """Plain lines: each run as it ends, and a sign of life every half minute."""

    def __init__(self, total: int, stored: int, console: Console, pace: Pace) -> None:
        self._total, self._stored, self._done = total, stored, stored
        self._console, self._pace = console, pace
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        self.say(f"{count(self._total, 'run')}, {self._stored} of them stored")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def started(self, job: Job) -> None:
        """Say nothing: the end of a run is news enough."""
        self._pace.started()

    def stepped(self, job: Job, step: int, loss: float) -> None:
        """Give a sign of life now and then."""
        self._pace.stepped(job.spec.key, step / job.spec.training.steps)
        if time.monotonic() - self._last > PLAIN_SECONDS:
            self.say(f"  {describe(job)}: step {step} of {job.spec.training.steps}, loss {loss:.4g}")

    def finished(self, outcome: Outcome) -> None:
        """Say how the run ended and how long the rest will take at this pace."""
        self._done += 1
        self._pace.ended(outcome.job.spec.key, _seconds(outcome))
        left = self._pace.left()
        how = duration(outcome.seconds) if outcome.trained else "trained before"
        if outcome.status != "ok":
            how = f"{outcome.status}: {outcome.reason}"
        rest = f"; about {duration(left)} left" if left and self._done < self._total else ""
        self.say(f"[{self._done}/{self._total}] {describe(outcome.job)}: {how}{rest}")

    def postponed(self, outcome: Outcome) -> None:
        """Say so."""
        self._pace.stopped(outcome.job.spec.key)
        self.say(postponement(outcome))

    def say(self, text: str) -> None:
        """Print a line."""
        self._last = time.monotonic()
        self._console.print(text, soft_wrap=True)


@contextmanager
def counting(description: str, console: Console, unit: Unit = "") -> Iterator[Callable[[int, int], None]]:
    """Show the progress of one long step; yields a callback of (done, total), with the rate where they are bytes."""
    if not console.is_terminal:
        yield _plain_counter(description, console, unit)
        return
    amounts = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *amounts, TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _plain_counter(description: str, console: Console, unit: Unit) -> Callable[[int, int], None]:
    """Return a callback that prints a line now and then."""
    started = last = time.monotonic()
    before: int | None = None

    def say(done: int, total: int) -> None:
        nonlocal last, before
        # What was there when the step began, such as what an earlier call had written, says nothing about the rate.
        before = done if before is None else before
        if time.monotonic() - last < PLAIN_SECONDS:
            return
        last = time.monotonic()
        rate = (done - before) / (last - started)
        left = f", about {duration((total - done) / rate)} left" if rate and done < total else ""
        if unit == "bytes":
            console.print(f"{description}: {done / 1e9:.1f} of {total / 1e9:.1f} GB, {rate / 1e6:.0f} MB/s{left}")
        else:
            console.print(f"{description}: {done} of {total}{left}")

    return say
