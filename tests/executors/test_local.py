import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import pytest

from benchmark.execution.executors import Resources, local
from benchmark.execution.executors.local import LocalExecutor
from benchmark.system.stopping import stopping
from tests.executors.small_jobs import Notes, jobs_in


def test_an_interrupt_while_a_process_starts_leaves_none_behind(
    tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = LocalExecutor._start

    def start_and_interrupt(*arguments: object) -> object:
        worker = start(*arguments)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        return worker

    monkeypatch.setattr(LocalExecutor, "_start", start_and_interrupt)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            list(LocalExecutor(Resources(workers=2)).run(jobs_in(tmp_path, tiny_scenes, 2), Notes()))
    finally:
        signal.signal(signal.SIGINT, usual)
    assert multiprocessing.active_children() == []


def test_a_process_that_ends_without_an_outcome_is_named_with_its_code(tmp_path: Path, tiny_scenes: Path) -> None:
    (outcome,) = LocalExecutor(Resources(1)).run(jobs_in(tmp_path, tiny_scenes, 1, "spoil=die"), Notes())
    assert outcome.reason == "its process ended with code 9"


def test_a_run_that_takes_too_much_memory_says_so(tmp_path: Path, tiny_scenes: Path) -> None:
    (job,) = jobs_in(tmp_path, tiny_scenes, 1, "spoil=memory")
    (outcome,) = LocalExecutor(Resources(1)).run([replace(job, memory=500 << 20)], Notes())
    assert outcome.status == "out-of-memory"
    (outcome,) = LocalExecutor(Resources(1)).run([job], Notes())
    assert outcome.status == "ok"


def test_a_fork_server_that_is_killed_is_started_again(
    tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, killed = LocalExecutor._start, []

    def kill_and_start(*arguments: object) -> object:
        server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        if server is not None and server not in killed:
            killed.append(server)
            os.kill(server, signal.SIGKILL)
        return start(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalExecutor, "_start", kill_and_start)
    outcomes = list(LocalExecutor(Resources(1)).run(jobs_in(tmp_path, tiny_scenes, 3), Notes()))
    assert [outcome.reason for outcome in outcomes] == [""] * 3
    assert len(killed) >= 2


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see what a process is deaf to")
def test_processes_are_deaf_to_interrupts_from_their_first_moment_on(tmp_path: Path, tiny_scenes: Path) -> None:
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # another test may have started it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    list(LocalExecutor(Resources(1)).run(jobs_in(tmp_path, tiny_scenes, 1), Notes()))
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    (line,) = [line for line in Path(f"/proc/{server}/status").read_text().splitlines() if line.startswith("SigBlk")]
    blocked = int(line.split()[1], 16)
    assert all(blocked >> (number - 1) & 1 for number in (signal.SIGINT, signal.SIGTERM))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_one_more_signal_while_processes_are_ended_leaves_none_behind(
    tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = local._end

    def end_and_interrupt(worker: local._Worker) -> None:
        signal.raise_signal(signal.SIGTERM)
        end(worker)

    monkeypatch.setattr(local, "_end", end_and_interrupt)
    slow = jobs_in(tmp_path, tiny_scenes, 3, "spoil=linger", "steps=200")
    outcomes = LocalExecutor(Resources(workers=3)).run(slow, Notes())
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGTERM))
    with stopping():
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            next(outcomes)
    assert multiprocessing.active_children() == []


def test_a_thread_that_a_method_leaves_behind_holds_up_nobody(
    tmp_path: Path, tiny_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "LEAVE", 0.2)
    begun = time.monotonic()
    (outcome,) = LocalExecutor(Resources(1)).run(jobs_in(tmp_path, tiny_scenes, 1, "spoil=thread"), Notes())
    assert outcome.status == "ok"
    assert time.monotonic() - begun < 50
