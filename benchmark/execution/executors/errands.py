"""A job done on another machine: what is sent there, what is done there, and what comes back."""

from __future__ import annotations

import faulthandler
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from benchmark.datasets.dataset import Dataset
from benchmark.execution.executors.node_data import find_on_node, fingerprint
from benchmark.plugins.pipelines import Pipeline
from benchmark.runs.store import Added, RunStore
from benchmark.runs.verify import check_run, files_of_run, is_run_file
from benchmark.system.entry_points import Plugin
from benchmark.system.errors import InputError
from benchmark.system.hashing import digest, hash_package
from benchmark.system.libraries import installed_version
from benchmark.system.process import one_thread
from benchmark.training.jobs import Job, Outcome, perform, record_failure, stored_run

GRACE = 60.0
"""Seconds after its time is up in which a job may end itself before its process is ended."""

_Plugin = TypeVar("_Plugin", bound=Plugin)


@dataclass(frozen=True)
class Errand:
    """A job with all that another machine may lack; no disk is shared.

    Attributes
    ----------
    code
        Hash of the code that the job needs, and the version of PyTorch: other ones may give other numbers.
    features
        Each dataset's folder on the driver's machine -> its fingerprint. The features themselves stay where they are.
    sources
        Each plug-in that is a file -> its content.
    stored
        Files of the run, by name, where it is stored already and lacks evaluations.
    replace
        Whether the run takes the place of one that is stored: a damaged one, or one to be refreshed.
    grace
        Seconds after its time is up in which the job may end itself.
    """

    job: Job
    code: str
    features: dict[Path, str]
    sources: dict[str, bytes] = field(repr=False)
    stored: dict[str, bytes] = field(repr=False)
    replace: bool
    grace: float


@dataclass(frozen=True)
class Delivery:
    """How an errand ended, and the files of the run that did not come with it."""

    outcome: Outcome
    traceback: str
    files: dict[str, bytes] = field(repr=False)


def prepare(job: Job) -> Errand:
    """Put together what another machine needs to do a job."""
    store = RunStore(job.runs)
    stored = pack_run(store, job.spec.key) if stored_run(job) is not None else {}
    plugins = (job.pipeline.method, *job.pipeline.add_ons)
    return Errand(
        job=job,
        code=_code_of(job.pipeline),
        features={path: _fingerprint_of(path) for path in (job.dataset, *job.evaluate_on)},
        sources={plugin.module: Path(plugin.module).read_bytes() for plugin in plugins if plugin.is_file},
        stored=stored,
        replace=not stored and store.record(job.spec.key) is not None,
        grace=GRACE,
    )


def carry_out(errand: Errand, report: Callable[[int, float], None]) -> Delivery:
    """Do a job on this machine, in a run store of its own."""
    with tempfile.TemporaryDirectory(prefix="wvad-run-") as folder:
        job = replace(errand.job, runs=Path(folder))
        store, key = RunStore(job.runs), job.spec.key
        try:
            job = _settle(errand, job)
            if errand.stored:
                unpack_run(store, key, errand.stored)
        except InputError as error:
            outcome = record_failure(job, str(error))
        else:
            with one_thread(), _ended_if_stuck(errand):
                outcome = perform(job, report)
        failure = store.failure(key)
        files = pack_run(store, key) if store.record(key) is not None else {}
        new = {name: content for name, content in files.items() if errand.stored.get(name) != content}
        return Delivery(replace(outcome, job=errand.job), failure.traceback if failure else "", new)


def receive(errand: Errand, delivery: Delivery) -> Outcome:
    """Put what came back into the driver's run store, checked together with what had been sent there."""
    outcome = delivery.outcome
    job, store = outcome.job, RunStore(outcome.job.runs)
    try:
        if delivery.files:
            unpack_run(store, job.spec.key, errand.stored | delivery.files, replace=errand.replace)
    except (OSError, InputError) as error:
        return record_failure(job, f"the run came back and cannot be stored: {error}")
    if outcome.status != "ok":
        return record_failure(job, outcome.reason, delivery.traceback, outcome.status)
    store.clear_failure(job.spec.key)
    return outcome


def pack_run(store: RunStore, key: str) -> dict[str, bytes]:
    """Return the content of the files that make up a stored run, by path in its folder."""
    return {name: path.read_bytes() for name, path in files_of_run(store, key).items()}


def unpack_run(store: RunStore, key: str, files: Mapping[str, bytes], replace: bool = False) -> Added:
    """Put a packed run into a store; one that is there already stays and gets the evaluations that it lacks.

    Parameters
    ----------
    replace
        Whether the packed run takes the place of one that is there already.

    Raises
    ------
    InputError
        If the files are not those of a sound run with this key. Nothing has changed then.
    """
    with store.scratch(key) as scratch:
        for name, content in files.items():
            if not is_run_file(name):
                raise InputError(f"run {key}: {name[:200]} is no file of a run; get an intact copy")
            path = scratch / key / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for problem in check_run(RunStore(scratch), key):
            raise InputError(f"{problem}; get an intact copy")
        return store.adopt(scratch / key, replace)


def _settle(errand: Errand, job: Job) -> Job:
    """Return the job with the folders and files of this machine.

    Raises
    ------
    InputError
        If this machine has other code or features than the driver's, or none.
    """
    if _code_of(job.pipeline) != errand.code:
        raise InputError(
            f"node {socket.gethostname()} has another wvad-bench, other methods or another PyTorch than the driver; "
            "install the same versions there"
        )
    found = {path: find_on_node(path, expected) for path, expected in errand.features.items()}
    return replace(
        job,
        dataset=found[job.dataset],
        evaluate_on=tuple(found[path] for path in job.evaluate_on),
        pipeline=replace(
            job.pipeline,
            method=_with_source(job.pipeline.method, errand.sources),
            add_ons=tuple(_with_source(add_on, errand.sources) for add_on in job.pipeline.add_ons),
        ),
    )


def _with_source(plugin: _Plugin, sources: Mapping[str, bytes]) -> _Plugin:
    """Return a plug-in that is found on this machine, with a copy of its file where there is not the same one."""
    content = sources.get(plugin.module)
    path = Path(plugin.module)
    if content is None or (path.is_file() and path.read_bytes() == content):
        return plugin
    copy = Path(_sources_folder().name) / digest([plugin.module, content.hex()]) / path.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(content)
    return replace(plugin, module=str(copy))


@cache
def _sources_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that is there as long as this process: tracebacks show lines of what lies in it."""
    return tempfile.TemporaryDirectory(prefix="wvad-plugins-")


def _code_of(pipeline: Pipeline) -> str:
    plugins = (pipeline.method, *pipeline.add_ons)
    packages = {"benchmark", *(plugin.module.partition(".")[0] for plugin in plugins if not plugin.is_file)}
    return digest([installed_version("torch"), *(hash_package(package) for package in sorted(packages))])


def _fingerprint_of(path: Path) -> str:
    return _fingerprint_at(path, (path / "manifest.json").stat().st_mtime_ns)


@cache
def _fingerprint_at(path: Path, changed: int) -> str:
    return fingerprint(Dataset(path))


@contextmanager
def _ended_if_stuck(errand: Errand) -> Iterator[None]:
    """End this process some time after a job should have ended itself: it may hang where no alarm reaches it."""
    if errand.job.timeout is None:
        yield
        return
    faulthandler.dump_traceback_later(errand.job.timeout + errand.grace, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
