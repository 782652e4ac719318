"""A job on a machine that shares no disk with the driver's, without the cluster in between."""

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.execution.executors import node_data
from benchmark.execution.executors.errands import Errand, carry_out, prepare, receive
from benchmark.execution.executors.serial import SerialExecutor
from benchmark.runs.store import RunStore
from benchmark.training.jobs import Job, Outcome
from tests.executors.small_jobs import METHOD, Notes, contents, jobs_in


@pytest.fixture
def data(tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The driver's data, and a node that has none yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WVAD_DATA", str(tmp_path / "node"))
    node_data.find_on_node.cache_clear()
    return Path(shutil.copytree(tiny_scenes / "scenes-avenue", tmp_path / "driver" / "scenes-avenue")).parent


def carry(errand: Errand) -> Outcome:
    """Do an errand as another process would."""
    node_data.find_on_node.cache_clear()
    return receive(errand, carry_out(pickle.loads(pickle.dumps(errand)), lambda step, loss: None))  # noqa: S301


def job_of(tmp_path: Path, data: Path) -> Job:
    (job,) = jobs_in(tmp_path / "runs", data, 1)
    return job


def test_features_are_found_below_the_data_root_of_the_node(tmp_path: Path, data: Path) -> None:
    job = job_of(tmp_path, data)
    errand = prepare(job)
    shutil.move(data, tmp_path / "node")
    assert carry(errand).status == "ok"
    serial = job_of(tmp_path / "serial", tmp_path / "node")
    list(SerialExecutor().run([serial], Notes()))
    assert contents(tmp_path / "runs") == contents(tmp_path / "serial" / "runs")


def test_features_that_a_node_lacks_fail_the_run_with_the_place_to_put_them(tmp_path: Path, data: Path) -> None:
    errand = prepare(job_of(tmp_path, data))
    shutil.rmtree(data)
    outcome = carry(errand)
    assert outcome.status == "failed"
    assert "has no dataset scenes-avenue" in outcome.reason
    assert str(tmp_path / "node" / "scenes-avenue") in outcome.reason
    assert [failure.reason for failure in RunStore(tmp_path / "runs").failures()] == [outcome.reason]


def test_other_features_under_the_same_name_fail_the_run(tmp_path: Path, data: Path, tiny_scenes: Path) -> None:
    errand = prepare(job_of(tmp_path, data))
    shutil.rmtree(data / "scenes-avenue")
    shutil.copytree(tiny_scenes / "scenes-ucf-crime", data / "scenes-avenue")
    assert "is not the driver's scenes-avenue" in carry(errand).reason


def test_features_are_hashed_once_and_again_when_they_have_changed(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    check = node_data.is_as_imported
    monkeypatch.setattr(node_data, "is_as_imported", lambda *video: hashed.append(video[1].name) or check(*video))
    errand = prepare(job_of(tmp_path, data))
    assert carry(errand).status == "ok"
    assert len(hashed) == len(set(hashed)) == 23
    assert carry(errand).status == "ok"
    assert len(hashed) == 23
    features = np.load(data / "scenes-avenue" / "features.npy", mmap_mode="r+")
    features[-1, 0, 0] += 1
    features.flush()
    assert "is damaged; copy the driver's dataset there" in carry(errand).reason
    assert "is damaged" in carry(errand).reason  # what was found wanting is not taken for checked


def test_a_method_from_a_file_goes_along(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "only_here.py"
    file.write_bytes(Path(METHOD.method.module).read_bytes())
    (job,) = jobs_in(tmp_path / "runs", data, 1, reference=f"{file}:MeanMIL")
    errand = prepare(job)
    file.unlink()
    assert carry(errand).status == "ok"


def test_a_node_with_other_code_does_nothing(tmp_path: Path, data: Path) -> None:
    errand = replace(prepare(job_of(tmp_path, data)), code="another")
    assert "install the same versions there" in carry(errand).reason
    assert RunStore(tmp_path / "runs").keys() == []


def test_a_stored_run_goes_along_and_is_evaluated_where_it_was_not(tmp_path: Path, data: Path) -> None:
    job = job_of(tmp_path, data)
    assert carry(prepare(job)).status == "ok"
    before, folder = contents(tmp_path / "runs"), RunStore(job.runs).folder(job.spec.key)
    shutil.rmtree(folder / "evaluations")
    errand = prepare(job)
    delivery = carry_out(errand, lambda step, loss: None)
    assert "record.json" in errand.stored
    assert {Path(name).parts[0] for name in delivery.files} == {"evaluations"}  # what was sent does not come back
    shutil.rmtree(folder)  # meanwhile: what was sent and what came back is the whole run
    assert not receive(errand, delivery).trained
    assert contents(tmp_path / "runs") == before


def test_what_comes_back_is_checked_together_with_what_was_sent(tmp_path: Path, data: Path) -> None:
    job = job_of(tmp_path, data)
    assert carry(prepare(job)).status == "ok"
    folder = RunStore(job.runs).folder(job.spec.key)
    shutil.rmtree(folder / "evaluations")
    errand = prepare(job)
    delivery = carry_out(errand, lambda step, loss: None)
    scores = next(name for name in delivery.files if name.endswith(".npz"))
    for files in ({scores: b"torn"}, {"losses.csv": b"other"}):
        outcome = receive(errand, replace(delivery, files=delivery.files | files))
        assert outcome.status == "failed"
        assert "cannot be stored" in outcome.reason
    assert not (folder / "evaluations").exists()


def test_a_refreshed_run_takes_the_place_of_the_stored_one(tmp_path: Path, data: Path) -> None:
    job = job_of(tmp_path, data)
    assert carry(prepare(job)).status == "ok"
    store = RunStore(job.runs)
    before = store.record(job.spec.key)
    (store.folder(job.spec.key) / "losses.csv").write_text("spoilt")
    assert carry(prepare(replace(job, cached="refresh"))).trained
    after = store.record(job.spec.key)
    assert before is not None
    assert after is not None
    assert after.finished > before.finished
    assert "spoilt" not in (store.folder(job.spec.key) / "losses.csv").read_text()


def test_a_run_that_cannot_be_stored_is_a_failure_and_no_error(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(tmp_path, data)
    errand = prepare(job)
    delivery = carry_out(errand, lambda step, loss: None)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunStore, "scratch", full)
    outcome = receive(errand, delivery)
    assert outcome.status == "failed"
    assert "No space left on device" in outcome.reason
