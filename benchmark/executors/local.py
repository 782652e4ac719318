"""Several jobs side by side on this machine, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

import torch

from benchmark.executors import Watcher
from benchmark.jobs import Job, Outcome, perform, record_failure

PRELOADED = ["benchmark.jobs", "torch._dynamo"]
"""What every run needs and is slow to import; the first optimiser of a process would import the second one."""


@dataclass(frozen=True)
class _Worker:
    job: Job
    process: BaseProcess
    messages: Connection


class LocalExecutor:
    """Does jobs in processes of their own, one thread each: a job that dies takes no other with it.

    Parameters
    ----------
    workers
        How many jobs run at the same time.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._context = _context()

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> Iterator[Outcome]:
        """Do the jobs, starting them in order."""
        waiting = list(reversed(jobs))
        running: dict[Connection, _Worker] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self._workers:
                    with _interrupts_put_off():
                        worker = self._start(waiting.pop())
                        running[worker.messages] = worker
                    watcher.started(worker.job)
                for messages in wait(list(running)):
                    assert isinstance(messages, Connection)
                    outcome = _listen(running[messages], watcher)
                    if outcome is not None:
                        running.pop(messages).process.join()
                        messages.close()
                        yield outcome
        finally:
            for worker in running.values():
                worker.process.kill()
                worker.process.join()

    def _start(self, job: Job) -> _Worker:
        receiving, sending = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(job, sending), daemon=True)  # type: ignore[attr-defined]
        process.start()
        sending.close()  # so that the end of the process is the end of the messages
        return _Worker(job, process, receiving)


@contextmanager
def _interrupts_put_off() -> Iterator[None]:
    """Put off an interrupt to the end of the block: a process must not start without being known, and so outlive it."""
    if threading.current_thread() is not threading.main_thread():  # interrupts reach the main thread alone
        yield
        return
    held: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if held:
            signal.raise_signal(signal.SIGINT)


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


def _listen(worker: _Worker, watcher: Watcher) -> Outcome | None:
    """Take one message of a worker; return the outcome if it was the last."""
    try:
        message = worker.messages.recv()
    except EOFError:
        worker.process.join()
        code = worker.process.exitcode
        if code is not None and code < 0:
            return record_failure(worker.job, f"its process was ended by signal {-code}: killed, or out of memory?")
        return record_failure(worker.job, f"its process ended with code {code}")
    if isinstance(message, Outcome):
        return message
    watcher.stepped(worker.job, *message)
    return None


def _work(job: Job, messages: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    torch.set_num_threads(1)

    def send(message: Outcome | tuple[int, float]) -> None:
        try:
            messages.send(message)
        except OSError:  # the driver is gone: leave at once, without calling this a failure of the run
            os._exit(1)

    send(perform(job, lambda step, loss: send((step, loss))))
