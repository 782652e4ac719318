"""What dead processes leave behind, and how it is told from the work of the living."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.system.files import is_abandoned, remove_abandoned, scratch_name

NO_PROCESS = 2**22 + 1  # above the greatest process id


def left_by(pid: int, stem: str = "k") -> str:
    return f"{scratch_name(stem).rpartition('@')[0]}@{pid}"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to tell the dead from the living")
def test_a_process_that_has_ended_counts_as_dead_though_nobody_has_asked_how_it_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not is_abandoned(Path(left_by(process.pid)))
    process.kill()
    deadline = time.monotonic() + 30
    while not is_abandoned(Path(left_by(process.pid))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.wait() < 0


def test_files_and_folders_of_the_dead_are_removed_and_all_others_stay(tmp_path: Path) -> None:
    (tmp_path / left_by(NO_PROCESS)).mkdir()
    (tmp_path / left_by(NO_PROCESS) / "inside").touch()
    (tmp_path / left_by(NO_PROCESS, ".table4.csv")).touch()
    stay = {left_by(os.getpid()), left_by(os.getpid(), ".table4.csv"), f"k@elsewhere@{NO_PROCESS}", "k", "k@2"}
    for name in stay:
        (tmp_path / name).touch()
    remove_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == stay
    remove_abandoned(tmp_path / "not there")
