"""Several videos side by side, each worker a process of its own: one that dies takes a single video with it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmark.extraction.extra import load_opencv
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.one_video import Outcome, extract_video
from benchmark.extraction.settings import ExtractionRequest
from benchmark.extraction.workers.forecast import Survey, survey
from benchmark.system.errors import InputError

_Task = tuple[str, Path]
_Survey = list[_Task]
"""What the first worker is given first: all videos, to see how much there is to do."""
_Advance = tuple[str, int]
"""A video, and the number of its snippets that were measured since the last one."""


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: _Task | _Survey

    def give(self, task: _Task | _Survey) -> None:
        """Give it something to do; that it has died shows when its answer is awaited."""
        self.task = task
        with suppress(OSError):
            self.pipe.send(task)

    def end(self) -> None:
        """Let it end: there is nothing more for it to do, or it is gone."""
        self.pipe.close()
        self.process.join()

    def loss(self) -> Outcome | None:
        """Return the outcome of the video that it died of; None of a survey, as the video's turn will come."""
        if isinstance(self.task, list):
            return None
        code = self.process.exitcode
        return Outcome(self.task[0], reason=f"the process that extracted it ended with code {code}; out of memory?")


def extract_videos(
    videos: Mapping[str, Path],
    request: ExtractionRequest,
    out: Path,
    workers: int,
    *,
    surveyed: Callable[[Survey], None] = lambda found: None,
    advanced: Callable[[str, int], None] = lambda name, snippets: None,
) -> Iterator[Outcome]:
    """Extract videos, and yield how each ended, as they end.

    Every worker computes on one thread, so that results do not depend on the number of workers.

    Parameters
    ----------
    out
        Folder of the results, with a folder for each instrument.
    surveyed
        Called with what the first worker finds about all videos before it begins with its first.
    advanced
        Called with a video and the number of its snippets that were measured since it was called before.
    """
    tasks = list(videos.items())
    waiting: list[_Task | _Survey] = [*reversed(tasks), *([tasks] if tasks else [])]
    running: dict[Connection, _Worker] = {}
    workers = min(workers, len(tasks))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                worker = _start(waiting.pop(), request, out)
                running[worker.pipe] = worker
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                worker = running[pipe]
                answer = _receive(worker)
                if isinstance(answer, tuple):
                    advanced(*answer)
                    continue
                if answer is not None and waiting:
                    worker.give(waiting.pop())
                else:
                    running.pop(pipe).end()
                if isinstance(answer, Survey):
                    surveyed(answer)
                elif outcome := answer or worker.loss():
                    yield outcome
    finally:
        for worker in running.values():
            worker.process.kill()
            worker.process.join()


def _start(task: _Task | _Survey, request: ExtractionRequest, out: Path) -> _Worker:
    # Neither OpenCV nor a GPU may be inherited by a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(request, out, theirs), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    worker = _Worker(process, ours, task)
    worker.give(task)
    return worker


def _receive(worker: _Worker) -> Outcome | Survey | _Advance | None:
    """Return what it says: how its video ended, what it found, how many snippets it measured; None if it died."""
    try:
        answer = worker.pipe.recv()
    except (EOFError, OSError):
        return None
    assert isinstance(answer, Outcome | Survey | tuple)
    return answer


def _work(request: ExtractionRequest, out: Path, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    load_opencv().setNumThreads(1)
    if request.architecture or request.recipe:
        import torch

        from benchmark.system.process import keep_freed_memory

        torch.set_num_threads(1)
        keep_freed_memory()
    instruments: Instruments | InputError
    try:
        instruments = Instruments.of(request)
    except InputError as error:  # a model that was there when the driver looked
        instruments = error
    while True:
        try:
            task = pipe.recv()
            pipe.send(_answer(task, instruments, out, pipe))
        except (EOFError, OSError):  # nothing more to do, or the driver is gone
            return


def _answer(
    task: _Task | _Survey, instruments: Instruments | InputError, out: Path, pipe: Connection
) -> Outcome | Survey:
    if isinstance(task, list):
        return Survey({}, None, 0, False) if isinstance(instruments, InputError) else survey(task, instruments)
    name, path = task
    if isinstance(instruments, InputError):
        return Outcome(name, reason=str(instruments))
    return extract_video(name, path, instruments, out, lambda snippets: pipe.send((name, snippets)))
