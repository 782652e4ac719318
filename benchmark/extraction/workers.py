"""Several videos side by side, each worker a process of its own: one that dies takes a single video with it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmark.extraction.extra import load_opencv
from benchmark.extraction.instruments import Instruments
from benchmark.extraction.one_video import Outcome, extract_video
from benchmark.extraction.settings import ExtractionRequest
from benchmark.system.errors import InputError

_Task = tuple[str, Path]


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: _Task

    def give(self, task: _Task) -> None:
        """Give it a video; that it has died shows when its answer is awaited."""
        self.task = task
        with suppress(OSError):
            self.pipe.send(task)

    def end(self) -> None:
        """Let it end: there is nothing more for it to do, or it is gone."""
        self.pipe.close()
        self.process.join()

    def loss(self) -> Outcome:
        """Return the outcome of the video that it died of."""
        code = self.process.exitcode
        return Outcome(self.task[0], reason=f"the process that extracted it ended with code {code}; out of memory?")


def extract_videos(
    videos: Mapping[str, Path], request: ExtractionRequest, out: Path, workers: int
) -> Iterator[Outcome]:
    """Extract videos, and yield how each ended, as they end.

    Every worker computes on one thread, so that results do not depend on the number of workers.

    Parameters
    ----------
    out
        Folder of the results, with a folder for each instrument.
    """
    waiting = list(reversed(list(videos.items())))
    running: dict[Connection, _Worker] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                worker = _start(waiting.pop(), request, out)
                running[worker.pipe] = worker
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                worker = running[pipe]
                outcome = _receive(worker)
                if outcome is not None and waiting:
                    worker.give(waiting.pop())
                else:
                    running.pop(pipe).end()
                yield outcome or worker.loss()
    finally:
        for worker in running.values():
            worker.process.kill()
            worker.process.join()


def _start(task: _Task, request: ExtractionRequest, out: Path) -> _Worker:
    # Neither OpenCV nor a GPU may be inherited by a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(request, out, theirs), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    worker = _Worker(process, ours, task)
    worker.give(task)
    return worker


def _receive(worker: _Worker) -> Outcome | None:
    """Return how its video ended; None if it died."""
    try:
        outcome = worker.pipe.recv()
    except (EOFError, OSError):
        return None
    assert isinstance(outcome, Outcome)
    return outcome


def _work(request: ExtractionRequest, out: Path, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    load_opencv().setNumThreads(1)
    if request.architecture or request.recipe:
        import torch

        torch.set_num_threads(1)
    instruments: Instruments | InputError
    try:
        instruments = Instruments.of(request)
    except InputError as error:  # a model that was there when the driver looked
        instruments = error
    while True:
        try:
            name, path = pipe.recv()
            if isinstance(instruments, InputError):
                pipe.send(Outcome(name, reason=str(instruments)))
            else:
                pipe.send(extract_video(name, path, instruments, out))
        except (EOFError, OSError):  # nothing more to do, or the driver is gone
            return
