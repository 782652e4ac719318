"""The jobs of a call that are still to do: which one is next, and what the end of one means for others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from benchmark.runs.claims import Claims
from benchmark.runs.records import Failure
from benchmark.runs.store import RunStore
from benchmark.system.stopping import Stop
from benchmark.training.jobs import Job, Outcome, record_failure


class Worklist:
    """Gives jobs to an executor, one when there is room for it, and takes note of how they end.

    A job is claimed before it is given, so that no other call does it at the same time. What another call has claimed
    is left to it and looked at later. A run that was out of memory beside others is kept to be done alone. After a run
    that took too long, or was out of memory alone, the other seeds of the same are not begun.

    Parameters
    ----------
    is_done
        Whether a job needs no work, by what is stored at the moment.
    """

    def __init__(self, jobs: Iterable[Job], store: RunStore, claims: Claims, is_done: Callable[[Job], bool]) -> None:
        self._waiting = deque(jobs)
        self._alone: deque[Job] = deque()
        self._elsewhere: list[tuple[Job, Failure | None]] = []
        self._store, self._claims, self._is_done = store, claims, is_done
        self._tried: set[str] = set()
        self._given_up: dict[str, str] = {}
        self._without_work: list[Outcome] = []

    @property
    def waiting(self) -> int:
        """Number of jobs that can be given."""
        return len(self._waiting)

    @property
    def elsewhere(self) -> int:
        """Number of runs that other calls are doing."""
        return len(self._elsewhere)

    def side_by_side(self, stop: Stop) -> Iterator[Job]:
        """Give the jobs that wait, until a stop is requested."""
        return self._give(self._waiting, stop)

    def alone(self, stop: Stop) -> Iterator[Job]:
        """Give the jobs that were out of memory beside others; each is to be done by itself."""
        return self._give(self._alone, stop)

    def ended(self, outcome: Outcome) -> bool:
        """Take note of an outcome; return whether it is final, and not to be tried again alone."""
        key = outcome.job.spec.key
        if outcome.status == "out-of-memory" and key not in self._tried:
            self._tried.add(key)
            self._alone.append(replace(outcome.job, memory=None))
            return False
        if outcome.status in ("timeout", "out-of-memory"):
            self._given_up[_without_seed(outcome.job)] = f"{outcome.job.spec.instance}: {outcome.reason}"
        self._claims.release(key)
        return True

    def without_work(self) -> list[Outcome]:
        """Return the outcomes of jobs that were not given, since the last call."""
        found, self._without_work = self._without_work, []
        return found

    def look_elsewhere(self) -> None:
        """See what became of the runs that other calls were doing."""
        still = []
        for job, before in self._elsewhere:
            if not self._claims.take(job.spec.key):
                still.append((job, before))
                continue
            if self._is_left(job, self._failed_elsewhere(job, before) or self._outcome_without_work(job)):
                self._waiting.append(job)
        self._elsewhere = still

    def _give(self, jobs: deque[Job], stop: Stop) -> Iterator[Job]:
        while jobs and not stop.requested:
            job = jobs.popleft()
            key = job.spec.key
            before = self._store.failure(key)
            if not self._claims.take(key):
                self._elsewhere.append((job, before))
                continue
            if self._is_left(job, self._outcome_without_work(job)):
                yield job

    def _is_left(self, job: Job, outcome: Outcome | None) -> bool:
        """Return whether a claimed job is left to do; one that has an outcome without work is released."""
        if outcome is not None:
            self._claims.release(job.spec.key)
            self._without_work.append(outcome)
        return outcome is None

    def _outcome_without_work(self, job: Job) -> Outcome | None:
        """Return how a job ends that is not to be given: done by another call meanwhile, or given up."""
        if job.cached != "refresh" and self._is_done(job):
            return Outcome(job, "ok")
        reason = self._given_up.get(_without_seed(job)) if self._given_up else None
        return None if reason is None else record_failure(job, f"not begun after {reason}", status="skipped")

    def _failed_elsewhere(self, job: Job, before: Failure | None) -> Outcome | None:
        """Return how a job ended that another call has done since we saw it there, without success."""
        failure = self._store.failure(job.spec.key)
        return None if failure is None or failure == before else Outcome(job, failure.status, reason=failure.reason)


def _without_seed(job: Job) -> str:
    return job.spec.configuration
