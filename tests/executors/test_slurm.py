import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.execution.executors import Resources
from benchmark.execution.executors import slurm as module
from benchmark.execution.executors.ray import RayExecutor
from benchmark.execution.executors.slurm import SlurmExecutor
from benchmark.runs.claims import Claims
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.training.jobs import Job, perform
from tests.executors.small_jobs import Notes, jobs_in


class Entry:
    """A job of Slurm's that is over as soon as it is looked at."""

    job_id = "7_0"

    def __init__(self, job: Job, state: str, folder: Path) -> None:
        self.job, self.state, self.paths = job, state, self
        self.folder, self.stdout = folder, folder / "log.out"

    def done(self) -> bool:
        return True

    def result(self) -> object:
        if self.state == "COMPLETED":
            return perform(self.job, lambda step, loss: None)
        from submitit.core.utils import UncompletedJobError

        raise UncompletedJobError("no result")


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A cluster that ends jobs in given states, one after another, and notes what was submitted."""
    noted: dict[str, Any] = {"states": [], "arrays": [], "parameters": {}}

    class AutoExecutor:
        def __init__(self, folder: Path, cluster: str) -> None:
            assert (folder, cluster) == (tmp_path / "slurm" / "%j", "slurm")

        def update_parameters(self, **parameters: object) -> None:
            noted["parameters"] |= parameters

        def map_array(self, work: object, jobs: list[Job], drivers: list[str | None]) -> list[Entry]:
            assert drivers == [None] * len(jobs)
            noted["arrays"].append(len(jobs))
            return [Entry(job, noted["states"].pop(0), tmp_path / "slurm" / "7_0") for job in jobs]

    monkeypatch.setattr("submitit.AutoExecutor", AutoExecutor)
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setitem(module.CLUSTERS, "slurm", 0.0)
    return noted


def test_jobs_are_submitted_as_arrays_of_as_many_as_there_is_room_for(
    queue: dict[str, Any], tmp_path: Path, tiny_scenes: Path
) -> None:
    queue["states"] = ["COMPLETED"] * 5
    outcomes = list(SlurmExecutor(Resources(workers=3)).run(jobs_in(tmp_path / "runs", tiny_scenes, 5), Notes()))
    assert [outcome.status for outcome in outcomes] == ["ok"] * 5
    assert queue["arrays"] == [3, 2]
    assert queue["parameters"]["timeout_min"] == 24 * 60
    assert "mem_gb" not in queue["parameters"]
    assert "gpus_per_node" not in queue["parameters"]


def test_the_state_of_a_job_without_a_result_is_how_its_run_ended(
    queue: dict[str, Any], tmp_path: Path, tiny_scenes: Path
) -> None:
    queue["states"] = ["TIMEOUT", "OUT_OF_MEMORY", "FAILED", "CANCELLED by 1000"]
    outcomes = list(SlurmExecutor(Resources()).run(jobs_in(tmp_path / "runs", tiny_scenes, 4), Notes()))
    assert [outcome.status for outcome in outcomes] == ["timeout", "out-of-memory", "failed", "failed"]
    assert outcomes[3].reason == f"job 7_0 ended as CANCELLED without a result; its log is {tmp_path}/slurm/7_0/log.out"
    assert len(list(RunStore(tmp_path / "runs").failures())) == 4


def test_a_job_that_slurm_ended_for_another_is_submitted_again_a_few_times(
    queue: dict[str, Any], tmp_path: Path, tiny_scenes: Path
) -> None:
    jobs = jobs_in(tmp_path / "runs", tiny_scenes, 1)
    queue["states"] = ["PREEMPTED", "NODE_FAIL", "COMPLETED"]
    (outcome,) = SlurmExecutor(Resources()).run(jobs, Notes())
    assert outcome.status == "ok"
    queue["states"] = ["PREEMPTED"] * 4
    (outcome,) = SlurmExecutor(Resources()).run(jobs, Notes())
    assert outcome.status == "failed"


def test_how_far_jobs_are_is_read_from_the_disk_that_all_share(
    queue: dict[str, Any], tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue["states"] = ["COMPLETED"]
    jobs, notes, looks = jobs_in(tmp_path / "runs", tiny_scenes, 1), Notes(), iter(["", "2", "3 0.5", None])
    file = module._step_file(jobs[0])
    file.parent.mkdir()
    file.write_text("1 0.5")  # of a call that was killed

    def done(entry: Entry) -> bool:
        text = next(looks)
        if text is not None:
            file.write_text(text)
        return text is None

    monkeypatch.setattr(Entry, "done", done)
    (outcome,) = SlurmExecutor(Resources()).run(jobs, notes)
    assert outcome.status == "ok"
    assert notes.steps == [3]
    assert not file.exists()


def test_limits_and_gpus_are_asked_of_slurm(queue: dict[str, Any], tmp_path: Path, tiny_scenes: Path) -> None:
    queue["states"] = ["FAILED"]
    (job,) = jobs_in(tmp_path / "runs", tiny_scenes, 1)
    limited = replace(job, timeout=90.0, memory=3 << 30, device="cuda")
    list(SlurmExecutor(Resources(device="cuda", gpus_per_run=2.0)).run([limited], Notes()))
    wanted = {"timeout_min": 5, "mem_gb": 5, "gpus_per_node": 2, "cpus_per_task": 1}
    assert queue["parameters"].items() >= wanted.items()


def test_what_slurm_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--address moon: --executor slurm knows slurm, local, debug"):
        SlurmExecutor(Resources(address="moon"))
    with pytest.raises(InputError, match="whole GPUs"):
        SlurmExecutor(Resources(address="debug", device="cuda", gpus_per_run=0.25))
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="no sbatch here"):
        SlurmExecutor(Resources())


@pytest.mark.parametrize(("library", "create"), [("ray", RayExecutor), ("submitit", SlurmExecutor)])
def test_a_library_that_is_not_installed_is_named_with_how_to_get_it(
    library: str, create: type[RayExecutor | SlurmExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=r"is not installed; pip install 'wvad-bench\[(ray|slurm)\]'"):
        create(Resources())


def test_a_job_whose_call_is_gone_does_nothing(tmp_path: Path, tiny_scenes: Path) -> None:
    (job,) = jobs_in(tmp_path / "runs", tiny_scenes, 1)
    usual = signal.getsignal(signal.SIGUSR2)
    try:
        with Claims(job.runs) as other:
            assert other.take(job.spec.key)
            with pytest.raises(KeyboardInterrupt):
                module._work(job, "the driver that submitted it")
        assert RunStore(job.runs).keys() == []
        assert list(RunStore(job.runs).failures()) == []
        assert module._work(job, None).status == "ok"
    finally:
        signal.signal(signal.SIGUSR2, usual)


def test_jobs_that_slurm_refuses_are_said_in_one_line(
    queue: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_scenes: Path
) -> None:
    import submitit

    def refuse(*arguments: object) -> None:
        raise submitit.core.utils.FailedJobError("sbatch: error: QOSMaxSubmitJobPerUserLimit\n(job violates policy)")

    monkeypatch.setattr(submitit.AutoExecutor, "map_array", refuse)
    with pytest.raises(InputError, match=r"sbatch refused a job: .*UserLimit \(job violates policy\)"):
        list(SlurmExecutor(Resources()).run(jobs_in(tmp_path / "runs", tiny_scenes, 1), Notes()))
