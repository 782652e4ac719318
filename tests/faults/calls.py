"""Calls of the command line: as processes that can be disturbed, and in this process where nothing is to happen."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmark.cli import run

PLUGIN = Path(__file__).parents[1] / "plugins" / "mean_mil.py"
HEAR = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""A shell makes its background jobs, and so what is started from one, deaf to SIGINT."""

PATIENCE = 120.0
"""Seconds after which a call counts as hanging."""


@dataclass(frozen=True)
class Task:
    """What a call is to do: a command that trains, less its folders and its executor."""

    words: tuple[str, ...]

    def arguments(self, data: Path, results: Path, executor: str) -> list[str]:
        places = ["--data", str(data), "--results", str(results)]
        return [*self.words, *places, "--executor", executor, "--workers", "2", "--tracking", "none", "--looks", "2"]


TRAIN = Task(("train", f"{PLUGIN}:MeanMIL", "scenes-avenue", "--seeds", "6", "--set", "steps=120"))
TABLE = Task(
    ("reproduce", "table4", "--datasets", "scenes-avenue,scenes-shanghaitech", "--seeds", "1", "--set", "steps=12")
)


class Process(NamedTuple):
    """A living process, as the system describes it."""

    id: int
    parent: int
    session: int
    command: str


class Call:
    """A command line in a process and a session of its own.

    Attributes
    ----------
    log
        What it says on stderr.
    """

    def __init__(self, arguments: list[str], log: Path) -> None:
        command = [sys.executable, "-c", f"{HEAR}; from benchmark.cli import main; main()", *arguments]
        self.log, self._began = log, time.monotonic()
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True, cwd=Path(__file__).parents[2]
            )
        self.id = self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def processes(self) -> list[Process]:
        """Processes of its session, the driver among them, that are not dead."""
        return [process for process in living_processes() if process.session == self.id]

    def fork_server(self) -> list[int]:
        return [p.id for p in self.processes() if p.parent == self.id and "forkserver import main" in p.command]

    def workers(self) -> list[int]:
        servers = self.fork_server()
        return [process.id for process in self.processes() if process.parent in servers]

    def wait(self, condition: Callable[[], object]) -> bool:
        """Wait until something holds; return whether it did before the driver's end."""
        while not (holds := condition()) and self.alive:
            self._check_patience()
            time.sleep(0.005)
        return bool(holds)

    def pause(self, seconds: float) -> None:
        """Wait for some time, or until the driver's end."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end)

    def end(self) -> int:
        """Wait until all processes of the session have ended; return the driver's exit code."""
        code = self._process.wait(PATIENCE)
        while self.processes():
            self._check_patience()
            time.sleep(0.01)
        return code

    def kill(self) -> None:
        """End all of it, if there is anything left."""
        for process in self.processes():
            send(process.id, signal.SIGKILL)
        self._process.wait()

    def _check_patience(self) -> None:
        if time.monotonic() - self._began > PATIENCE:
            raise TimeoutError(f"the call hangs: {self.processes()}")


def living_processes() -> list[Process]:
    """All processes of the machine that are not dead."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, _, session = (path / "stat").read_text().rpartition(")")[2].split()[:4]
            command = (path / "cmdline").read_text()
        except OSError:
            continue
        if state not in "ZX":
            found.append(Process(int(path.name), int(parent), int(session), command))
    return found


def send(process: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


class Said(NamedTuple):
    """How a call in this process ended."""

    code: int
    out: str
    err: str


def call_here(*arguments: str) -> Said:
    """Run a command in this process, which spares the seconds of a start."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(arguments))
    return Said(code, out.getvalue(), err.getvalue())
