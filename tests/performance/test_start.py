"""What a call costs before it does anything, and what a table costs when there is nothing left to train."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.plugins.registry import MethodPlugin
from benchmark.system.entry_points import list_plugins

WVAD = [sys.executable, "-c", "from benchmark.cli import main; main()"]


def call(*arguments: str, cwd: Path) -> str:
    """Run the command line in a process of its own, as a person does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([*WVAD, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.benchmark(group="wvad --help")
def test_help(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    benchmark.extra_info.update(kind="seconds", aim="≤ 0.4 s")
    said = benchmark.pedantic(call, ("--help",), {"cwd": tmp_path}, rounds=7, warmup_rounds=1)
    assert "reproduce" in said


@pytest.mark.benchmark(group="wvad methods")
def test_methods(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    benchmark.extra_info.update(kind="seconds", aim="≤ 0.5 s")
    said = benchmark.pedantic(call, ("methods",), {"cwd": tmp_path}, rounds=7, warmup_rounds=1)
    assert all(name in said for name in list_plugins(MethodPlugin))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reproduced")


@pytest.mark.benchmark(group="wvad reproduce table4 on the scenes, nothing made yet")
def test_reproduce_cold(benchmark: BenchmarkFixture, folder: Path) -> None:
    if benchmark.disabled:
        pytest.skip("trains a whole table: for make bench alone")
    benchmark.extra_info.update(kind="seconds", aim="≤ 120 s")
    said = benchmark.pedantic(call, ("reproduce", "table4"), {"cwd": folder}, rounds=1)
    assert "CLAV+CoMo" in said


@pytest.mark.benchmark(group="wvad reproduce table4 on the scenes, all stored")
def test_reproduce_stored(benchmark: BenchmarkFixture, folder: Path) -> None:
    if benchmark.disabled or not (folder / "results" / "runs").is_dir():
        pytest.skip("needs the runs of the cold call: for make bench alone")
    benchmark.extra_info.update(kind="seconds", aim="≤ 5 s")
    said = benchmark.pedantic(call, ("reproduce", "table4"), {"cwd": folder}, rounds=3)
    assert "CLAV+CoMo" in said
