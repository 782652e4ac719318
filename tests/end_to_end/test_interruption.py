"""A table whose driver is killed goes on where it was, and ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.runs import RunStore

ARGUMENTS = ["--seeds", "2", "--set", "steps=6", "--looks", "2", "--tracking", "none", "--workers", "2"]


def start(data: Path, results: Path) -> subprocess.Popen[bytes]:
    places = ["--datasets", "scenes-avenue,scenes-shanghaitech", "--data", str(data), "--results", str(results)]
    # A shell makes its background jobs, and so what a test run among them starts, deaf to SIGINT.
    hear = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hear}; from benchmark.cli import main; main()"
    command = [sys.executable, "-c", code, "reproduce", "table4", *places, *ARGUMENTS]
    errors = results.with_suffix(".log").open("wb")
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)


def wait_for(condition: object, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, "the table ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processes_of(group: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == group and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_a_killed_table_goes_on_and_equals_an_undisturbed_one(tiny_scenes: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert start(tiny_scenes, whole).wait() == 0
    process = start(tiny_scenes, broken)
    store = RunStore(broken / "runs")
    wait_for(lambda: len(store.keys()) >= 2, process)
    process.kill()
    process.wait()
    kept = {key: (store.folder(key) / "record.json").stat().st_mtime_ns for key in store.keys()}  # noqa: SIM118
    assert 2 <= len(kept) < 8
    assert start(tiny_scenes, broken).wait() == 0
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
    process = start(tiny_scenes, tmp_path)
    wait_for(lambda: list((tmp_path / "runs").glob("staging/*@*")), process)
    os.kill(process.pid, sent)
    assert process.wait(timeout=30) == code
    deadline = time.monotonic() + 30
    while processes_of(process.pid):
        assert time.monotonic() < deadline, "orphans"
        time.sleep(0.1)
    assert list(RunStore(tmp_path / "runs").failures()) == []
    if code == 130:
        assert "wvad: interrupted; what is finished is kept" in tmp_path.with_suffix(".log").read_text()
        assert not list((tmp_path / "runs" / "staging").iterdir())
