"""Several jobs side by side on this machine, each in a process of its own."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.resource_tracker import ensure_running

import torch

from benchmark.execution.executors import Resources, Watcher
from benchmark.execution.executors.places import Gpu, count_places
from benchmark.system.process import count_memory_kills, limit_memory
from benchmark.system.stopping import SIGNALS, end_with_parent, interrupts_put_off
from benchmark.training.jobs import Job, Outcome, perform, record_failure, record_timeout

PRELOADED = ["benchmark.training.jobs", "torch._dynamo"]
"""What every run needs and is slow to import; the first optimiser of a process would import the second one."""

GRACE = 15.0
"""Seconds after its time is up in which a job may end itself, its start counted in, before its process is killed."""

LEAVE = 5.0
"""Seconds in which a process may end itself after its outcome: a plug-in may have left a thread that does not end."""

CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
"""How libraries end a process that gets no memory, where they do not raise; under a limit, that is what it means."""

STARTS = 3
"""How often a process is started before the call gives up."""


@dataclass(frozen=True)
class _Worker:
    job: Job
    slot: int
    process: BaseProcess
    messages: Connection
    deadline: float
    memory_kills: int


class LocalExecutor:
    """Does jobs in processes of their own, one thread each: a job that dies takes no other with it.

    Parameters
    ----------
    resources
        How many jobs run at the same time. On GPUs each process sees one of them, in turn.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._workers = count_places(resources)
        self._context = _context()

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        """Do the jobs, starting them in order."""
        coming = iter(jobs)
        running: dict[Connection, _Worker] = {}
        try:
            while True:
                self._fill(coming, running, watcher)
                if not running:
                    return
                for messages in wait(list(running), _time_left(running.values())):
                    assert isinstance(messages, Connection)
                    outcome = _listen(running[messages], watcher)
                    if outcome is not None:
                        worker = running.pop(messages)
                        worker.process.join(LEAVE)
                        _end(worker)
                        yield outcome
                for worker in [w for w in running.values() if w.deadline <= time.monotonic()]:
                    running.pop(worker.messages)
                    _end(worker)
                    yield record_timeout(worker.job)
        finally:
            with interrupts_put_off():  # one more signal must not leave processes behind
                for worker in running.values():
                    worker.process.kill()
                for worker in running.values():
                    _end(worker)

    def _fill(self, coming: Iterator[Job], running: dict[Connection, _Worker], watcher: Watcher) -> None:
        """Start as many jobs as there is room for."""
        while len(running) < self._workers and (job := next(coming, None)) is not None:
            taken = {worker.slot for worker in running.values()}
            slot = next(slot for slot in range(self._workers) if slot not in taken)
            with interrupts_put_off():  # a process that starts without being known would outlive the call
                worker = self._start_surely(job, slot)
                running[worker.messages] = worker
            watcher.started(job)

    def _start_surely(self, job: Job, slot: int) -> _Worker:
        """Start a process, anew if the fork server is killed meanwhile."""
        for _ in range(STARTS - 1):
            try:
                return self._start(job, slot)
            except (EOFError, ConnectionError):
                time.sleep(0.1)  # until the system knows that the fork server is dead
        return self._start(job, slot)

    def _start(self, job: Job, slot: int) -> _Worker:
        receiving, sending = self._context.Pipe(duplex=False)
        gpu = Gpu.of(slot, self._resources) if job.device == "cuda" else None
        process = self._context.Process(target=_work, args=(job, gpu, sending), daemon=True)  # type: ignore[attr-defined]
        try:
            with _signals_blocked():
                process.start()
        except (EOFError, ConnectionError):
            receiving.close()  # if it did start, it ends with its first message
            raise
        finally:
            sending.close()  # so that the end of the process is the end of the messages
        deadline = math.inf if job.timeout is None else time.monotonic() + job.timeout + GRACE
        return _Worker(job, slot, process, receiving, deadline, count_memory_kills())


def _context() -> BaseContext:
    """Return a way to start processes that is clean, and quick where the system allows it.

    A fork server imports the slow libraries once and starts each process as a copy of itself. It never touches the
    GPU, so that each process can.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Let what is started in the block be deaf to Ctrl-C and SIGTERM from its first moment on.

    All processes of a terminal or a Slurm step get them. The fork server would end if it were still importing, and a
    new process before it can ignore them.
    """
    ensure_running()  # multiprocessing starts this one first, and would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _time_left(workers: Iterable[_Worker]) -> float | None:
    """Return the seconds until the first worker's time is up; None if none has a limit."""
    first = min(worker.deadline for worker in workers)
    return None if first == math.inf else max(0.0, first - time.monotonic())


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.messages.close()


def _listen(worker: _Worker, watcher: Watcher) -> Outcome | None:
    """Take one message of a worker; return the outcome if it was the last."""
    try:
        message = worker.messages.recv()
    except EOFError:
        worker.process.join()
        return _record_death(worker)
    if isinstance(message, Outcome):
        return message
    watcher.stepped(worker.job, *message)
    return None


def _record_death(worker: _Worker) -> Outcome:
    code = worker.process.exitcode or 0
    if code == -signal.SIGKILL and count_memory_kills() > worker.memory_kills:
        reason = "the system killed its process for want of memory"
        return record_failure(worker.job, reason, status="out-of-memory")
    if -code in CRASHES and worker.job.memory is not None:
        reason = f"its process ended (signal {-code}) for want of memory; give more with --memory"
        return record_failure(worker.job, reason, status="out-of-memory")
    if code < 0:
        return record_failure(worker.job, f"its process was ended by signal {-code}")
    return record_failure(worker.job, f"its process ended with code {code}")


def _work(job: Job, gpu: Gpu | None, messages: Connection) -> None:
    for number in SIGNALS:  # the driver decides what they mean; all processes of a terminal or a Slurm step get them
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()  # another driver may be about to do the same run
    torch.set_num_threads(1)
    if gpu is not None:
        gpu.take()
    if job.memory is not None:
        limit_memory(job.memory)

    def send(message: Outcome | tuple[int, float]) -> None:
        try:
            messages.send(message)
        except OSError:  # the driver is gone: leave at once, without calling this a failure of the run
            os._exit(1)

    send(perform(job, lambda step, loss: send((step, loss))))
