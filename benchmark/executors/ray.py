"""Jobs on the machines of a Ray cluster. No disk is shared: what a run needs is sent, what it makes comes back."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from benchmark.errors import InputError
from benchmark.executors import Resources, Watcher
from benchmark.executors.errands import Delivery, Errand, carry_out, prepare, receive
from benchmark.executors.places import count_places
from benchmark.jobs import Job, Outcome, record_failure

ATTEMPTS = 4
"""How often a job is begun whose worker process or node is lost."""


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

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        """Do the jobs, sending the next one when there is room in the cluster."""
        coming = iter(jobs)
        running: dict[Any, Job] = {}
        with _connection(self._ray, self._resources):
            task = self._ray.remote(_carry_out)
            try:
                while True:
                    while len(running) < self._places() and (job := next(coming, None)) is not None:
                        running[task.options(**self._needs(job)).remote(prepare(job))] = job
                        watcher.started(job)
                    if not running:
                        return
                    finished, _ = self._ray.wait(list(running))
                    for reference in finished:
                        yield self._outcome(reference, running.pop(reference))
            finally:
                for reference in running:
                    self._ray.cancel(reference, force=True)

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
            "max_retries": ATTEMPTS - 1,
        }

    def _outcome(self, reference: Any, job: Job) -> Outcome:
        errors = self._ray.exceptions
        try:
            delivery: Delivery = self._ray.get(reference)
        except errors.OutOfMemoryError:
            return record_failure(job, "Ray ended it for want of memory on its node", status="out-of-memory")
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError):
            reason = f"its worker process or its node was lost, {ATTEMPTS} times: ended by itself, or killed?"
            return record_failure(job, reason)
        except errors.RayError as error:
            return record_failure(job, f"Ray: {str(error).strip().splitlines()[-1]}", str(error))
        return receive(delivery)


def _carry_out(errand: Errand) -> Delivery:
    return carry_out(errand, lambda step, loss: None)


def _import_ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read while it is imported
    try:
        import ray
    except ImportError:
        raise InputError("--executor ray: Ray is not installed; pip install 'wvad-bench[ray]'") from None
    return ray  # type: ignore[no-any-return]


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
    except (ConnectionError, ValueError, RuntimeError) as error:  # ValueError: Ray Client is not installed
        raise InputError(f"--address {address}: {str(error).splitlines()[0]}") from None


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
