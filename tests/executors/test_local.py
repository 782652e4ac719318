import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.executors import Resources
from benchmark.executors.local import LocalExecutor
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
