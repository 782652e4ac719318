"""Jobs on the machines of a Ray cluster. No disk is shared: what a run needs is sent, what it makes comes back."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from benchmark.execution.executors import Resources, Watcher
from benchmark.execution.executors.errands import Delivery, Errand, carry_out, prepare, receive
from benchmark.execution.executors.places import count_places
from benchmark.system.errors import InputError
from benchmark.system.libraries import load_extra
from benchmark.training.jobs import Job, Outcome, record_failure, record_timeout

ATTEMPTS = 4
"""How often a job is begun whose worker process or node is lost."""

LOOK = 1.0
"""Seconds between two looks at how far the jobs are, at most."""


@dataclass(frozen=True)
class _Sent:
    """A job on its way.

    Attributes
    ----------
    since
        When it was sent, or when a worker was heard to be at it: it may wait in Ray's queue in between.
    """

    errand: Errand
    attempt: int
    since: float
    heard: bool = False

    def is_overdue(self) -> bool:
        limit = self.errand.job.timeout
        return limit is not None and time.monotonic() - self.since >= limit


class RayExecutor:
    """Does jobs on a Ray cluster, a CPU or a share of a GPU for each, and puts the runs into the driver's store.

    Parameters
    ----------
    resources
        How many jobs run at the same time, and where: ``address`` is ``auto`` for the cluster that this machine is
        part of, ``HOST:PORT`` or ``ray://HOST:PORT``; without one, Ray is started on this machine for the call.

    Raises
    ------
    InputError
        If Ray is not installed.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._ray = _import_ray()
        self._task, self._last_task = (self._ray.remote(max_calls=calls)(_carry_out) for calls in (0, 1))

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        """Do the jobs, sending the next one when there is room in the cluster."""
        coming = iter(jobs)
        running: dict[Any, _Sent] = {}
        with _connection(self._ray, self._resources):
            board = _Board(self._ray)
            try:
                while True:
                    while len(running) < self._places() and (job := next(coming, None)) is not None:
                        self._refuse_if_too_big(job)
                        self._send(_Sent(prepare(job), 1, time.monotonic()), running, board)
                        watcher.started(job)
                    if not running:
                        return
                    finished, _ = self._ray.wait(list(running), timeout=LOOK)
                    for reference in finished:
                        sent = running.pop(reference)
                        outcome = self._outcome(reference, sent)
                        if outcome is not None:
                            yield outcome
                        else:
                            self._send(_Sent(sent.errand, sent.attempt + 1, time.monotonic()), running, board)
                    _pass_on(board.take(), running, watcher)
            finally:
                for reference in running:
                    self._ray.cancel(reference, force=True)

    def _send(self, sent: _Sent, running: dict[Any, _Sent], board: _Board) -> None:
        job = sent.errand.job
        # Its process ends: a GPU's memory is free again, and an import that an alarm broke off harms no other run.
        last = job.device == "cuda" or job.timeout is not None
        task = (self._last_task if last else self._task).options(**self._needs(job))
        running[task.remote(sent.errand, board.actor)] = sent

    def _places(self) -> int:
        """Return how many jobs the cluster does side by side now: nodes come and go."""
        if self._resources.workers is not None:
            return self._resources.workers
        share, available = self._resources.gpus_per_run, self._ray.cluster_resources()
        if self._resources.device == "cpu":
            return max(1, int(available.get("CPU", 0)))
        gpus = int(available.get("GPU", 0))
        if not gpus:
            raise InputError("no GPU in the Ray cluster; add a node that has one, or use --device cpu")
        return max(1, gpus * int(1 / share + 1e-9) if share <= 1 else int(gpus / share))

    def _needs(self, job: Job) -> dict[str, object]:
        return {
            "name": f"wvad {job.spec.key}",
            "num_cpus": 1,
            "num_gpus": self._resources.gpus_per_run if job.device == "cuda" else 0,
            "memory": job.memory,
            "max_retries": 0,  # it would also begin again what was ended because its time was up
        }

    def _refuse_if_too_big(self, job: Job) -> None:
        """Refuse a job that no node has room for: Ray would wait for such a node for ever."""
        gpus = self._resources.gpus_per_run if job.device == "cuda" else 0
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        able = [node for node in nodes if node.get("CPU", 0) >= 1 and node.get("GPU", 0) >= gpus]
        if not able:
            wanted = f"a CPU and {gpus:g} GPUs (--gpus-per-run)" if gpus else "a CPU"
            raise InputError(f"no node of the Ray cluster has {wanted} for a run; start one that has, or ask for less")
        most = max(node.get("memory", 0) for node in able)
        if job.memory is not None and job.memory > most:
            raise InputError(
                f"--memory: a run asks for {job.memory / 2**30:.1f} GiB, and no node of the Ray cluster has more than "
                f"{most / 2**30:.1f} GiB; ask for less, or start a node that has more"
            )

    def _outcome(self, reference: Any, sent: _Sent) -> Outcome | None:
        """Return how a job ended, or None if it is to be sent again."""
        job, errors = sent.errand.job, self._ray.exceptions
        try:
            delivery: Delivery = self._ray.get(reference)
        except errors.OutOfMemoryError:
            return record_failure(job, "Ray ended it for want of memory on its node", status="out-of-memory")
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError) as error:
            if isinstance(error, errors.WorkerCrashedError) and sent.is_overdue():
                return record_timeout(job)  # it was ended because it hung
            if sent.attempt < ATTEMPTS:
                return None
            reason = f"its worker process or its node was lost, {ATTEMPTS} times: ended by itself, or killed?"
            return record_failure(job, reason)
        except errors.RayError as error:
            return record_failure(job, f"Ray: {str(error).strip().splitlines()[-1]}", str(error))
        return receive(sent.errand, delivery)


class _Board:
    """Where workers post how far they are: the last word of each run, until it is taken. What is lost is not missed."""

    def __init__(self, ray: ModuleType) -> None:
        class Board:  # sent by value, so that its process imports nothing that takes long
            def __init__(self) -> None:
                self._news: dict[str, tuple[int, float]] = {}

            def post(self, key: str, step: int, loss: float) -> None:
                self._news[key] = (step, loss)

            def take(self) -> dict[str, tuple[int, float]]:
                news, self._news = self._news, {}
                return news

        self._ray = ray
        self.actor = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote()
        self._asked = self.actor.take.remote()

    def take(self) -> dict[str, tuple[int, float]]:
        """Return the last step and loss of each run that has posted something since the last time; never wait."""
        news: dict[str, tuple[int, float]] = {}
        if self._ray.wait([self._asked], timeout=0)[0]:
            with suppress(self._ray.exceptions.RayError):  # its node is lost: it is being started on another one
                news = self._ray.get(self._asked)
            self._asked = self.actor.take.remote()
        return news


def _pass_on(news: Mapping[str, tuple[int, float]], running: dict[Any, _Sent], watcher: Watcher) -> None:
    for reference, sent in running.items():
        job = sent.errand.job
        if job.spec.key not in news:
            continue
        if not sent.heard:
            running[reference] = replace(sent, since=time.monotonic(), heard=True)
        step, loss = news[job.spec.key]
        if step > 0:
            watcher.stepped(job, step, loss)


def _carry_out(errand: Errand, board: Any) -> Delivery:
    def report(step: int, loss: float) -> None:
        board.post.remote(errand.job.spec.key, step, loss)

    report(0, 0.0)  # it has begun
    return carry_out(errand, report)


def _import_ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read while it is imported
    return load_extra("ray", "--executor ray: Ray is not installed; pip install 'wvad-bench[ray]'")


@contextmanager
def _connection(ray: ModuleType, resources: Resources) -> Iterator[None]:
    """Connect to the cluster for the block; a connection that is there already is used and left."""
    if ray.is_initialized():
        yield
        return
    with _signals_kept():
        _connect(ray, resources)
    try:
        yield
    finally:
        with _signals_kept():
            ray.shutdown()


def _connect(ray: ModuleType, resources: Resources) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = resources.address
    if address is None:
        ray.init(address="local", num_cpus=count_places(resources), include_dashboard=False, **quiet)
        return
    if address != "auto":
        _check_reachable(address)
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:  # ValueError: no Ray Client
        hint = "if the cluster asks for a token, set RAY_AUTH_MODE=token and have it in ~/.ray/auth_token"
        raise InputError(f"--address {address}: {str(error).splitlines()[0]}; {hint}") from None


def _check_reachable(address: str) -> None:
    """Refuse an address where nobody listens: Ray would go on trying for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(
            f"--address {address}: no Ray cluster there ({error}); give auto, HOST:PORT or ray://HOST:PORT"
        ) from None


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep what this process does on SIGTERM: Ray puts a handler of its own there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
