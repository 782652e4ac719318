"""A table whose driver is killed goes on where it was, and ends as if nothing had happened."""

import signal
import time
from pathlib import Path

import pytest

from benchmark.runs.store import RunStore
from tests.faults.calls import Call, send

ARGUMENTS = ["--seeds", "2", "--set", "steps=6", "--looks", "2", "--tracking", "none", "--workers", "2"]


def start(data: Path, results: Path) -> Call:
    places = ["--datasets", "scenes-avenue,scenes-shanghaitech", "--data", str(data), "--results", str(results)]
    return Call(["reproduce", "table4", *places, *ARGUMENTS], results.with_suffix(".log"))


def test_a_killed_table_goes_on_and_equals_an_undisturbed_one(tiny_scenes: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert start(tiny_scenes, whole).end() == 0
    call = start(tiny_scenes, broken)
    store = RunStore(broken / "runs")
    assert call.wait(lambda: len(store.keys()) >= 2), "the table ended before it could be interrupted"
    send(call.id, signal.SIGKILL)
    call.wait(lambda: False)  # for the driver alone: its workers may still be there
    kept = {key: (store.folder(key) / "record.json").stat().st_mtime_ns for key in store.keys()}  # noqa: SIM118
    assert 2 <= len(kept) < 8
    assert start(tiny_scenes, broken).end() == 0
    for key, written in kept.items():
        assert (store.folder(key) / "record.json").stat().st_mtime_ns == written
    assert list(store.failures()) == []
    assert not list((broken / "runs" / "staging").iterdir())
    folder = Path("tables") / "scenes-avenue+scenes-shanghaitech-quick" / "table4.csv"
    assert (broken / folder).read_bytes() == (whole / folder).read_bytes()
    for key in RunStore(whole / "runs").keys():  # noqa: SIM118
        for weights in (whole / "runs" / key / "weights").iterdir():
            assert (broken / "runs" / key / "weights" / weights.name).read_bytes() == weights.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to look for processes")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_no_process_outlives_its_driver(sent: signal.Signals, code: int, tiny_scenes: Path, tmp_path: Path) -> None:
    call = start(tiny_scenes, tmp_path)
    assert call.wait(lambda: list((tmp_path / "runs").glob("staging/*@*"))), "the table ended too early"
    send(call.id, sent)
    deadline = time.monotonic() + 30
    while call.alive or call.processes():
        assert time.monotonic() < deadline, "orphans"
        time.sleep(0.1)
    assert call.end() == code
    assert list(RunStore(tmp_path / "runs").failures()) == []
    if code == 130:
        assert "wvad: interrupted; what is finished is kept" in tmp_path.with_suffix(".log").read_text()
        assert not list((tmp_path / "runs" / "staging").iterdir())
