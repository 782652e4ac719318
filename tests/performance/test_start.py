"""What a call costs before it does anything, and what a table costs when there is nothing left to train."""

import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.performance.table_cost import CORES, compute, shares


def python(code: str, *arguments: str, cwd: Path, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, input=said, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def call(*arguments: str, cwd: Path) -> str:
    """Run the command line as a person does."""
    return python("from benchmark.cli import main; main()", *arguments, cwd=cwd).stdout


NAMES = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from benchmark.cli import main
main()
"""
IMPORT = """
import importlib, sys
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except Exception:  # a part of a package that is no module of its own
        pass
"""
OURS = ("benchmark", "methods", "reports", "__main__")


def imports_of(*arguments: str, cwd: Path) -> str:
    """Return the modules of others that a command has imported in the end, in their order."""
    names = python(NAMES, *arguments, cwd=cwd).stderr.split()
    return " ".join(name for name in names if name.split(".")[0] not in OURS)


def start_with(names: str, cwd: Path) -> None:
    """Start Python and import modules, as anything that needs them has to."""
    python(IMPORT, cwd=cwd, said=names)


COMMANDS = [("--help", "≤ 2 ×", "reproduce"), ("methods", "≤ 3.5 ×", "mmil")]


@pytest.mark.parametrize("side", ["ours", "limit"])
@pytest.mark.parametrize(("command", "aim", "word"), COMMANDS)
def test_command(benchmark: BenchmarkFixture, tmp_path: Path, command: str, aim: str, word: str, side: str) -> None:
    benchmark.group, benchmark.param = f"wvad {command}, beside a start of Python with the same imports", None
    if side == "ours":
        benchmark.extra_info.update(kind="limit", aim=f"{aim} the start with its imports")
        assert word in benchmark.pedantic(call, (command,), {"cwd": tmp_path}, rounds=7, warmup_rounds=1)
    else:
        benchmark.pedantic(start_with, (imports_of(command, cwd=tmp_path), tmp_path), rounds=7, warmup_rounds=1)


PART = 10
"""One part in so many of the table's steps and scorings is measured."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reproduced")


@pytest.mark.parametrize("side", ["ours", "limit"])
@pytest.mark.benchmark(group="wvad reproduce table4 on the scenes from nothing, beside its steps and scores alone")
def test_reproduce_cold(benchmark: BenchmarkFixture, folder: Path, side: str) -> None:
    if benchmark.disabled:
        pytest.skip("trains a whole table: for make bench alone")
    benchmark.param = None
    if side == "ours":
        benchmark.extra_info.update(kind="limit", aim="≤ 1.35 × its steps and scores alone", waits=True)
        said = benchmark.pedantic(call, ("reproduce", "table4"), {"cwd": folder}, rounds=1)
        assert "CLAV+CoMo" in said
    else:
        work = shares(folder / "results", folder / "data", PART)
        benchmark.extra_info.update(scale=PART, cores=CORES)
        with get_context("spawn").Pool(CORES) as cores:
            benchmark.pedantic(cores.map, (compute, work, 1), rounds=3, warmup_rounds=1)
            cores.close()
            cores.join()


@pytest.mark.parametrize("side", ["ours", "limit"])
@pytest.mark.benchmark(group="wvad reproduce table4, all stored, beside a start of Python with the same imports")
def test_reproduce_stored(benchmark: BenchmarkFixture, folder: Path, side: str) -> None:
    if benchmark.disabled or not (folder / "results" / "runs").is_dir():
        pytest.skip("needs the runs of the cold call: for make bench alone")
    benchmark.param = None
    if side == "ours":
        benchmark.extra_info.update(kind="limit", aim="≤ 2 × the start with its imports")
        assert "CLAV+CoMo" in benchmark.pedantic(call, ("reproduce", "table4"), {"cwd": folder}, rounds=3)
    else:
        names = imports_of("reproduce", "table4", cwd=folder)
        benchmark.pedantic(start_with, (names, folder), rounds=3, warmup_rounds=1)
