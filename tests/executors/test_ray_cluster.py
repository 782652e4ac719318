"""A Ray cluster of several nodes, all on this machine: what is lost on the way is done again."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmark.execution.driver import run_jobs
from benchmark.execution.executors import Resources, errands
from benchmark.execution.executors import ray as module
from benchmark.execution.executors.ray import RayExecutor, _import_ray
from benchmark.execution.executors.serial import SerialExecutor
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.training.jobs import Job, Outcome
from tests.executors.small_jobs import Notes, contents, jobs_in

LOOPBACK = "127.0.0.2"
"""Ray takes 127.0.0.1 for a mistake, and the machine's address in its place."""

SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 2}
"""When a node is taken for dead."""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that does no jobs, and three nodes with a CPU each."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ray = _import_ray()
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "node_ip_address": LOOPBACK, "include_dashboard": False, "_system_config": SOON}
    started = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(3):
        started.add_node(num_cpus=1, node_ip_address=LOOPBACK)
    yield started
    ray.shutdown()
    started.shutdown()


def workers_at(keys: set[str]) -> dict[int, str]:
    """Return the processes that are at one of these runs, and the run."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes().rstrip(b"\0").decode()
        except OSError:  # it has just ended
            continue
        if title.startswith("ray::wvad ") and title.split()[-1] in keys:
            found[int(path.parent.name)] = title.split()[-1]
    return found


@pytest.mark.slow
def test_a_table_is_complete_although_a_worker_and_a_node_are_killed(
    cluster: Any, tmp_path: Path, tiny_scenes: Path
) -> None:
    def jobs(runs: Path) -> list[Job]:
        return jobs_in(runs, tiny_scenes, 9, "spoil=linger")

    runs, kills = tmp_path / "runs", []
    keys = {job.spec.key for job in jobs(runs)}
    nodes = list(cluster.worker_nodes)

    def disturb(outcome: Outcome) -> None:
        """Kill a worker when the first run is there, and a node when the third is."""
        kills.append(outcome.job.spec.key)
        if len(kills) == 1:
            victim, key = next(iter(workers_at(keys - set(kills)).items()))
            os.kill(victim, signal.SIGKILL)
            assert key not in kills
        elif len(kills) == 3:
            cluster.remove_node(nodes[0], allow_graceful=False)

    executor = RayExecutor(Resources(address=cluster.address))
    outcomes = run_jobs(jobs(runs), executor, Console(file=StringIO()), disturb)
    assert [outcome.status for outcome in outcomes] == ["ok"] * 9
    assert {outcome.job.spec.key for outcome in outcomes} == keys
    assert list(SerialExecutor().run(jobs_in(tmp_path / "serial", tiny_scenes, 9, "spoil=linger"), Notes()))
    assert contents(runs) == contents(tmp_path / "serial")


def test_without_an_address_ray_is_started_and_ended_with_the_call(tmp_path: Path, tiny_scenes: Path) -> None:
    usual = signal.getsignal(signal.SIGTERM)
    (outcome,) = RayExecutor(Resources(workers=1)).run(jobs_in(tmp_path / "runs", tiny_scenes, 1), Notes())
    assert outcome.status == "ok"
    assert not _import_ray().is_initialized()
    assert signal.getsignal(signal.SIGTERM) is usual


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_an_address_where_no_cluster_is_is_refused_at_once(address: str) -> None:
    begun = time.monotonic()
    with pytest.raises(InputError, match=f"--address {address}: no Ray cluster there"):
        list(RayExecutor(Resources(address=address)).run([], Notes()))
    assert time.monotonic() - begun < 5


def test_a_cluster_that_asks_for_a_token_is_refused_with_how_to_give_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = _import_ray()

    def refuse(**options: object) -> None:
        raise ray.exceptions.AuthenticationError("no authentication token was found")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(InputError, match=r"--address auto: no .* token was found.*; .* RAY_AUTH_MODE=token"):
        list(RayExecutor(Resources(address="auto")).run([], Notes()))


def test_gpus_that_the_cluster_does_not_have_are_refused(ray_here: None, tmp_path: Path, tiny_scenes: Path) -> None:
    with pytest.raises(InputError, match="no GPU in the Ray cluster"):
        list(RayExecutor(Resources(device="cuda")).run(jobs_in(tmp_path, tiny_scenes, 1), Notes()))


def test_a_run_that_no_node_has_room_for_is_refused(ray_here: None, tmp_path: Path, tiny_scenes: Path) -> None:
    (job,) = jobs_in(tmp_path, tiny_scenes, 1)
    executor, notes = RayExecutor(Resources()), Notes()
    with pytest.raises(InputError, match=r"--memory: a run asks for 1048576.0 GiB, .* has more than \d+\.\d GiB;"):
        list(executor.run([replace(job, memory=1 << 50)], notes))
    with pytest.raises(InputError, match=r"no node of the Ray cluster has a CPU and 1 GPUs \(--gpus-per-run\)"):
        list(executor.run([replace(job, device="cuda")], notes))
    assert notes.begun == []


def test_a_run_that_hangs_where_no_alarm_reaches_it_ends_once_as_too_long(
    ray_here: None, tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "GRACE", 4.0)
    sent = count_sent(monkeypatch)
    (job,) = jobs_in(tmp_path / "runs", tiny_scenes, 1, "spoil=hang")
    begun = time.monotonic()
    (outcome,) = RayExecutor(Resources()).run([replace(job, timeout=1.0)], Notes())
    assert time.monotonic() - begun >= 5.0  # no alarm ended it
    assert outcome.status == "timeout"
    assert outcome.reason == "took longer than 1 s (--timeout)"
    assert [failure.status for failure in RunStore(tmp_path / "runs").failures()] == ["timeout"]
    assert sent == [1]


def test_a_run_with_a_limit_of_time_is_the_last_of_its_process(
    ray_here: None, tmp_path: Path, tiny_scenes: Path
) -> None:
    """An alarm may leave anything half-done: an import, for one."""
    jobs = jobs_in(tmp_path / "runs", tiny_scenes, 3, "spoil=alone")
    outcomes = RayExecutor(Resources(workers=1)).run([replace(job, timeout=600.0) for job in jobs], Notes())
    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [("ok", "")] * 3


def test_a_run_whose_worker_dies_before_its_time_is_up_is_sent_again_a_few_times(
    ray_here: None, tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = count_sent(monkeypatch)
    (job,) = jobs_in(tmp_path / "runs", tiny_scenes, 1, "spoil=die")
    (outcome,) = RayExecutor(Resources()).run([replace(job, timeout=600.0)], Notes())
    assert outcome.reason == "its worker process or its node was lost, 4 times: ended by itself, or killed?"
    assert sent == [1, 2, 3, 4]


def test_runs_are_none_the_worse_if_what_they_report_is_lost(
    ray_here: None, tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    class Lost(module._Board):
        def __init__(self, ray: Any) -> None:
            super().__init__(ray)
            ray.kill(self.actor)
            opened.append(self.actor)

    monkeypatch.setattr(module, "_Board", Lost)
    jobs = jobs_in(tmp_path / "runs", tiny_scenes, 2, "spoil=linger", "steps=8")
    outcomes = list(RayExecutor(Resources()).run(jobs, Notes()))
    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [("ok", "")] * 2
    assert len(opened) == 1


def count_sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the attempt is added whenever a job is sent."""
    sent: list[int] = []
    send = RayExecutor._send

    def note(self: RayExecutor, job: Any, *others: Any) -> None:
        sent.append(job.attempt)
        send(self, job, *others)

    monkeypatch.setattr(RayExecutor, "_send", note)
    return sent
