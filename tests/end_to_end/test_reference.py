"""The line that a table of the scenes ends with: whether it agrees with the reference results."""

from pathlib import Path

import pytest

from benchmark.cli import run

ROW = ["reproduce", "table1", "--methods", "binary-svm", "--seeds", "1", "--executor", "serial", "--tracking", "none"]


def test_scenes_of_another_size_do_not_agree_and_changed_settings_are_not_compared(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    assert run([*ROW, *places]) == 0
    beginning = "table1: no cell can be compared with the reference results of version "
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(beginning))
    assert "4 cells (other test videos or labels)" in line
    assert "cells (not in this table)" in line
    assert run([*ROW, *places, "--set", "steps=2"]) == 0
    assert "reference results" not in capsys.readouterr().out
