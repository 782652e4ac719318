"""What can happen to a call, each at a random moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Protocol

from tests.faults.calls import Call, living_processes
from tests.faults.results import complete_runs, runs_under_way

KILLED = -signal.SIGKILL
IN_START = {-signal.SIGINT, -signal.SIGTERM}
"""How Python ends on a signal before the command line is there."""

ANNOUNCED = b"no new runs"


class Scene(Protocol):
    """A call under way and what is found out about it."""

    call: Call
    results: Path
    random: Random
    planned: int

    def moment(self) -> None:
        """Wait for a random moment of the call, or its end."""

    def strike(self, processes: list[int], number: signal.Signals) -> bool:
        """Send a signal to processes; return whether the driver lived."""

    def begin(self) -> Call:
        """Start another call of the same command."""

    def expect(self, holds: bool, what: str) -> None:
        """Note what does not hold."""


def kill_the_driver(scene: Scene) -> set[int]:
    scene.moment()
    return {KILLED} if scene.strike([scene.call.id], signal.SIGKILL) else {0}


def kill_all(scene: Scene) -> set[int]:
    scene.moment()
    processes = [process.id for process in scene.call.processes()]
    scene.random.shuffle(processes)
    return {KILLED} if scene.strike(processes, signal.SIGKILL) else {0}


def kill_a_worker(scene: Scene) -> set[int]:
    done, workers = scene.random.randrange(scene.planned - 2), list[int]()
    scene.call.wait(lambda: len(complete_runs(scene.results)) >= done and scene.call.workers())
    scene.call.pause(scene.random.uniform(0, 0.15))
    scene.call.wait(lambda: workers.extend(scene.call.workers()) or workers)
    if workers:
        scene.strike([scene.random.choice(workers)], signal.SIGKILL)
    return {0, 1}


def kill_the_fork_server(scene: Scene) -> set[int]:
    scene.moment()
    servers: list[int] = []
    scene.call.wait(lambda: servers.extend(scene.call.fork_server()) or servers)
    if servers:
        scene.strike(servers, signal.SIGKILL)
    return {0}


def interrupt(scene: Scene) -> set[int]:
    """Ctrl-C: what is under way is finished, and nothing is begun."""
    scene.moment()
    begun = runs_under_way(scene.results)
    if not _signal_all(scene, signal.SIGINT):
        return {0}
    if not scene.call.wait(lambda: ANNOUNCED in scene.call.log.read_bytes()):
        return {0, 130, *IN_START}  # before the first run or after the last one
    known = runs_under_way(scene.results) | set(complete_runs(scene.results))
    scene.call.end()
    done = set(complete_runs(scene.results))
    scene.expect(begun <= done, f"runs under way were not finished: {begun - done}")
    scene.expect(done <= known, f"runs were begun after Ctrl-C: {done - known}")
    return {0} if len(done) == scene.planned else {130}


def interrupt_twice(scene: Scene) -> set[int]:
    scene.moment()
    if not _signal_all(scene, signal.SIGINT):
        return {0}
    scene.call.pause(scene.random.uniform(0, 0.5))
    _signal_all(scene, signal.SIGINT)
    return {0, 130, *IN_START}


def terminate_all(scene: Scene) -> set[int]:
    """SIGTERM as Slurm sends it."""
    scene.moment()
    return {130, *IN_START} if _signal_all(scene, signal.SIGTERM) else {0}


def terminate_the_driver(scene: Scene) -> set[int]:
    scene.moment()
    return {130, *IN_START} if scene.strike([scene.call.id], signal.SIGTERM) else {0}


def kill_one_of_two_drivers(scene: Scene) -> set[int]:
    """The other one completes the table, and no run is made by both at once."""
    other = scene.begin()
    try:
        with _watched(scene.results) as twice:
            scene.moment()
            delivered = scene.strike([scene.call.id], signal.SIGKILL)
            code = other.end()
    finally:
        other.kill()
    scene.expect(code == 0, f"the other call ended with {code}: {other.log.read_text()}")
    scene.expect(not twice, f"runs were made twice at once: {twice}")
    return {KILLED} if delivered else {0}


def kill_twice(scene: Scene) -> set[int]:
    """The repeated call is killed, too."""
    first = kill_the_driver(scene)
    code = scene.call.end()
    scene.expect(code in first, f"the first call ended with {code}")
    scene.call = scene.begin()
    return kill_all(scene)


KINDS: dict[str, Callable[[Scene], set[int]]] = {
    "kill -9 of the driver": kill_the_driver,
    "kill -9 of a worker": kill_a_worker,
    "kill -9 of the fork server": kill_the_fork_server,
    "kill -9 of all processes": kill_all,
    "Ctrl-C": interrupt,
    "Ctrl-C twice": interrupt_twice,
    "SIGTERM to all processes": terminate_all,
    "SIGTERM to the driver": terminate_the_driver,
    "kill -9 of one of two drivers": kill_one_of_two_drivers,
    "kill -9, and again in the repeated call": kill_twice,
}
"""Each returns the exit codes that the call may end with."""

LOCAL_ONLY = {"kill -9 of a worker", "kill -9 of the fork server"}


def _signal_all(scene: Scene, number: signal.Signals) -> bool:
    """Send a signal to the foreground group, as a terminal does."""
    return scene.strike([-scene.call.id], number)


@contextmanager
def _watched(results: Path) -> Iterator[list[str]]:
    """Collect the runs that two living drivers make at the same time."""
    found: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            names = [path.name for path in (results / "runs" / "staging").glob("*@*")]
            keys = [name.split("@")[0] for name in names]
            if len(set(keys)) == len(keys):
                continue
            sessions = {process.id: process.session for process in living_processes()}
            makers = {(name.split("@")[0], sessions.get(int(name.rpartition("@")[2]))) for name in names}
            living = [key for key, driver in makers if driver in sessions]
            found.extend(key for key in living if living.count(key) > 1)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
