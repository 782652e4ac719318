"""Following a call without disturbing it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from benchmark.runs.results_folder import Invocation, Results
from benchmark.terms import Tracking
from benchmark.tracking.connection import shown_uri, trouble
from benchmark.tracking.projection import MlflowTracker, follow

PAUSE = 60.0
"""Seconds between a trouble and the next try."""
PATIENCE = 30.0
"""Seconds that the end of a call waits for what is not logged yet."""
LATER = "The runs are safe; `wvad mlflow sync` logs them later."

_Action = Callable[[MlflowTracker], None]


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


def choose_tracker(
    results: Results, invocation: Invocation, tracking: Tracking, warn: Callable[[str], None]
) -> Tracker:
    """Return who follows a call; see `GuardedTracker`."""
    return NoTracker() if tracking == "none" else GuardedTracker(results, invocation, warn)


def follow_again(results: Results, invocation: Invocation, tracking: Tracking, warn: Callable[[str], None]) -> Tracker:
    """Return who follows a call, told of all its runs already."""
    tracker = choose_tracker(results, invocation, tracking, warn)
    for key in invocation.plan.run_keys():
        tracker.run_finished(key)
    return tracker


def saying_once(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return a way to warn that says the same line once, for several trackers of one server."""
    return cache(say)


class GuardedTracker:
    """An MLflow tracker whose troubles harm no run and are said once.

    It logs in a thread of its own, so that no run waits for it; making a new database alone takes seconds. What could
    not be logged is tried again after a while and at the end. The thread ends with the process, whatever it waits for.

    Parameters
    ----------
    warn
        Called with one line if something goes wrong.
    """

    def __init__(self, results: Results, invocation: Invocation, warn: Callable[[str], None]) -> None:
        self._results, self._invocation, self._warn = results, invocation, warn
        self._tracker: MlflowTracker | None = None
        self._warned = self._given_up = False
        self._next_try = 0.0
        self._coming: SimpleQueue[tuple[_Action, bool]] = SimpleQueue()
        self._coming.put((lambda tracker: None, False))
        self._thread = Thread(target=self._log, name="mlflow", daemon=True)
        self._thread.start()

    def run_finished(self, key: str) -> None:
        """Log a run that is in the store."""
        self._coming.put((lambda tracker: tracker.run_finished(key), False))

    def table_finished(self, artifacts: Sequence[Path]) -> None:
        """Log the files of the table, and wait until everything is logged, but not for ever."""
        self._coming.put((lambda tracker: tracker.table_finished(artifacts), True))
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self._given_up = True
            self._say(f"MLflow at {shown_uri(self._results)}: not all is logged after {PATIENCE:.0f} seconds")

    def _log(self) -> None:
        pending: deque[_Action] = deque()
        last = False
        while not last and not self._given_up:
            action, last = self._coming.get()
            pending.append(action)
            if last or time.monotonic() >= self._next_try:
                self._attempt(pending)

    def _attempt(self, pending: deque[_Action]) -> None:
        """Do what is pending, in its order, up to the first trouble."""
        try:
            self._tracker = self._tracker or follow(self._results, self._invocation)
            while pending and not self._given_up:
                pending[0](self._tracker)
                pending.popleft()
        except Exception as error:
            self._tracker = None  # what it knows of MLflow may be wrong now
            self._next_try = time.monotonic() + PAUSE
            self._say(trouble(error, self._results))

    def _say(self, what: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"{what}. {LATER}")
