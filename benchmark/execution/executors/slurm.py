"""Jobs in the queue of a Slurm cluster, as job arrays, through submitit. The run store is on a disk that all share."""

from __future__ import annotations

import math
import shutil
import signal
import time
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from benchmark.execution.executors import Resources, Watcher
from benchmark.execution.executors.places import count_places
from benchmark.runs.claims import holder_of
from benchmark.system.errors import InputError
from benchmark.system.files import write_atomically
from benchmark.system.libraries import load_extra
from benchmark.system.process import one_thread
from benchmark.system.stopping import interrupts_put_off
from benchmark.terms import Trouble
from benchmark.training.jobs import Job, Outcome, perform, record_failure

CLUSTERS = {"slurm": 2.0, "local": 0.1, "debug": 0.0}
"""What submitit submits to -> seconds between two looks at what has finished."""

LONGEST_ARRAY = 256
"""How many jobs are in the queue unless told: the cluster decides how many of them run."""

WORD = 2.0
"""Seconds between two times that a job says how far it is, at least."""

DAY = 24 * 60.0
LIBRARIES = 2 << 30
"""Bytes that Python and its libraries take beside a run."""

ATTEMPTS = 4
"""How often a job is submitted that Slurm ended for reasons of its own."""

_AGAIN = ("PREEMPTED", "NODE_FAIL", "BOOT_FAIL")
_TROUBLES: dict[str, Trouble] = {"TIMEOUT": "timeout", "OUT_OF_MEMORY": "out-of-memory"}


@dataclass(frozen=True)
class _Submitted:
    job: Job
    entry: Any  # a submitit.Job
    attempt: int


class SlurmExecutor:
    """Does jobs as Slurm's, a CPU and no or whole GPUs for each.

    Parameters
    ----------
    resources
        How many jobs are in the queue at the same time. ``address`` is ``slurm`` unless given; ``local`` starts a
        process for each job on this machine, and ``debug`` does them in this one.

    Raises
    ------
    InputError
        If submitit is not installed, the address is none of these, or a job is to take a part of a GPU.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._cluster = resources.address or "slurm"
        self._submitit = load_extra(
            "submitit", "--executor slurm: submitit is not installed; pip install 'wvad-bench[slurm]'"
        )
        if self._cluster not in CLUSTERS:
            raise InputError(f"--address {self._cluster}: --executor slurm knows {', '.join(CLUSTERS)}")
        if resources.device == "cuda" and not float(resources.gpus_per_run).is_integer():
            raise InputError("--executor slurm: a job of Slurm takes whole GPUs; give --gpus-per-run 1")
        if self._cluster == "slurm" and shutil.which("sbatch") is None:
            raise InputError("--executor slurm: there is no sbatch here; call it where Slurm's commands are installed")

    def run(self, jobs: Iterable[Job], watcher: Watcher) -> Generator[Outcome]:
        """Do the jobs, submitting as many at once as there is room for."""
        coming = iter(jobs)
        running: list[_Submitted] = []
        try:
            while True:
                new = list(islice(coming, self._places() - len(running)))
                self._submit(new, 1, running)
                for job in new:
                    watcher.started(job)
                if not running:
                    return
                finished = [submitted for submitted in running if submitted.entry.done()]
                for submitted in finished:
                    running.remove(submitted)
                    outcome = self._outcome(submitted)
                    if outcome is None:
                        self._submit([submitted.job], submitted.attempt + 1, running)
                    else:
                        yield outcome
                for submitted in running:
                    _pass_on(submitted.job, watcher)
                if not finished:
                    time.sleep(CLUSTERS[self._cluster])
        finally:
            with interrupts_put_off():
                for submitted in running:
                    submitted.entry.cancel(check=False)
                    _forget_step(submitted.job)

    def _places(self) -> int:
        if self._cluster == "debug":
            return 1  # done when they are looked at, one after another
        if self._cluster == "local":
            return count_places(self._resources)
        return self._resources.workers or LONGEST_ARRAY

    def _submit(self, jobs: list[Job], attempt: int, running: list[_Submitted]) -> None:
        """Submit jobs, those with the same limits as one array.

        Raises
        ------
        InputError
            If Slurm refuses them.
        """
        for (timeout, memory), group in groupby(jobs, key=lambda job: (job.timeout, job.memory)):
            alike = list(group)
            for job in alike:
                _forget_step(job)
            executor = self._executor(alike[0], timeout, memory)
            try:
                with interrupts_put_off():  # what is submitted without being known would outlive the call
                    entries = executor.map_array(_work, alike, [holder_of(_claim(job)) for job in alike])
                    running += [_Submitted(job, entry, attempt) for job, entry in zip(alike, entries, strict=True)]
            except self._submitit.core.utils.FailedJobError as error:
                raise InputError(f"--executor slurm: sbatch refused a job: {' '.join(str(error).split())}") from None

    def _executor(self, job: Job, timeout: float | None, memory: int | None) -> Any:
        # submitit pickles the call and its result for itself: files that we write and read in a folder of our own.
        executor = self._submitit.AutoExecutor(folder=_folder(job) / "%j", cluster=self._cluster)
        minutes = DAY if timeout is None else timeout / 60 + 3  # a job ends itself; Slurm warns 90 s before its limit
        executor.update_parameters(
            name="wvad",
            timeout_min=math.ceil(minutes),
            cpus_per_task=1,
            slurm_array_parallelism=self._places(),
            slurm_stderr_to_stdout=True,
        )
        if memory is not None:
            executor.update_parameters(mem_gb=math.ceil((memory + LIBRARIES) / 2**30))
        if job.device == "cuda":
            executor.update_parameters(gpus_per_node=int(self._resources.gpus_per_run))
        return executor

    def _outcome(self, submitted: _Submitted) -> Outcome | None:
        """Return how a job ended, or None if it is to be submitted again."""
        job, entry = submitted.job, submitted.entry
        _forget_step(job)
        errors = (self._submitit.core.utils.UncompletedJobError, self._submitit.core.utils.FailedJobError)
        try:
            outcome: Outcome = entry.result()
        except errors as error:
            state = str(entry.state).split()[0]
            if state in _AGAIN and submitted.attempt < ATTEMPTS:
                return None
            reason = f"job {entry.job_id} ended as {state} without a result; its log is {entry.paths.stdout}"
            return record_failure(job, reason, str(error), _TROUBLES.get(state, "failed"))
        shutil.rmtree(entry.paths.folder, ignore_errors=True)
        return outcome


def _work(job: Job, driver: str | None) -> Outcome:
    """Do a job for as long as its run is claimed by the driver that submitted it: a killed one cancels nothing."""
    with suppress(ValueError):  # in no main thread: with the address `debug` alone
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # submitit would submit the job again, or end it as failed
    file, last = _step_file(job), -math.inf

    def check() -> None:
        if holder_of(_claim(job)) != driver:
            raise KeyboardInterrupt("the call that submitted this job is gone")

    def report(step: int, loss: float) -> None:
        nonlocal last
        if time.monotonic() - last > WORD:
            last = time.monotonic()
            check()
            with suppress(OSError):  # nobody misses it
                write_atomically(file, f"{step} {loss}")

    check()
    with one_thread():
        return perform(job, report)


def _claim(job: Job) -> Path:
    return job.runs / "claims" / job.spec.key


def _step_file(job: Job) -> Path:
    """Return the file in which a job says how far it is, on the disk that all share."""
    return _folder(job) / f"{job.spec.key}.step"


def _pass_on(job: Job, watcher: Watcher) -> None:
    with suppress(OSError, ValueError):
        step, loss = _step_file(job).read_text(encoding="ascii").split()
        watcher.stepped(job, int(step), float(loss))


def _forget_step(job: Job) -> None:
    with suppress(OSError):
        _step_file(job).unlink()


def _folder(job: Job) -> Path:
    return job.runs.parent / "slurm"
