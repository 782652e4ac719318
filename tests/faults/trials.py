"""Trials by hand: `python -m tests.faults.trials --trials 200 --seed 0 --workers 2`."""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

from tests.conftest import write_tiny_scenes
from tests.faults.calls import TABLE, TRAIN, Call, Task, call_here, send
from tests.faults.disturbances import KINDS, LOCAL_ONLY
from tests.faults.results import (
    complete_runs,
    damaged_evaluations,
    everything,
    half_done_evaluations,
    leftovers,
    runs_under_way,
    said_counts,
    true_counts,
)

IN_START = 0.15
"""Share of the trials in which something happens before the first run."""


@dataclass
class Report:
    """How a trial went.

    Attributes
    ----------
    delivered
        Signals that were sent while the call was alive.
    lost
        Runs that were complete before something happened, and absent or other ones after it or after the last call.
    differing
        Runs, evaluations and tables that are not those of an undisturbed call in the end.
    false
        What `wvad status` or `wvad store verify` says that is not so.
    other
        Whatever else must not be.
    """

    number: int
    kind: str
    where: str
    delivered: int = 0
    lost: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        return [*self.lost, *self.differing, *self.false, *self.other]


@dataclass(frozen=True)
class Undisturbed:
    """A call to which nothing happens: its seconds before the first run and from then on, and what it leaves."""

    start: float
    rest: float
    content: dict[str, object]


@cache
def undisturbed(task: Task, executor: str, data: Path, folder: Path) -> Undisturbed:
    """Do a task without disturbing it."""
    results = Path(tempfile.mkdtemp(dir=folder)) / "undisturbed"
    began = time.monotonic()
    call = Call(task.arguments(data, results, executor), results.with_suffix(".log"))
    call.wait(lambda: runs_under_way(results))
    first = time.monotonic()
    assert call.end() == 0, call.log.read_text()
    assert leftovers(results) == []
    return Undisturbed(first - began, time.monotonic() - first, everything(results))


class Trial:
    """One call to which something happens, and all that has to hold afterwards."""

    def __init__(self, number: int, seed: int, kind: str, data: Path, folder: Path) -> None:
        self.random = Random(f"{seed} {number}")
        self.task = self.random.choice([TRAIN, TRAIN, TABLE])
        self.executor = "local" if kind in LOCAL_ONLY else self.random.choice(["serial", "local"])
        self.report = Report(number, kind, f"{self.task.words[0]}, {self.executor}")
        self.kind, self.data, self.folder = kind, data, folder / f"{number}"
        self.results = self.folder / "results"
        self.model = undisturbed(self.task, self.executor, data, folder)
        self.planned = sum(str(name).count("/") == 0 for name in self.model.content)
        self.before: dict[str, tuple[int, bytes]] = {}
        self.training = False
        self.folder.mkdir()
        self.calls: list[Call] = []
        self.call = self.begin()

    def begin(self) -> Call:
        log = self.folder / f"{len(self.calls)}.log"
        call = Call(self.task.arguments(self.data, self.results, self.executor), log)
        self.calls.append(call)
        return call

    def moment(self) -> None:
        if self.random.random() < IN_START:
            self.call.pause(self.random.uniform(0, self.model.start))
        else:
            self.call.wait(lambda: runs_under_way(self.results))
            self.call.pause(self.random.uniform(0, 0.8 * self.model.rest))

    def strike(self, processes: list[int], number: signal.Signals) -> bool:
        self.training = (self.results / "runs" / "claims").is_dir()
        self.before |= complete_runs(self.results)
        lived = self.call.alive
        for process in processes:
            send(process, number)
        self.report.delivered += lived
        return lived

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.report.other.append(what)

    def run(self) -> Report:
        """Let it happen, and look."""
        try:
            codes = KINDS[self.kind](self)
            self._look_at_the_call(codes)
            self._look_at_the_results()
            self._repeat()
        except Exception:  # the trial itself went wrong, which is no reason to end all of them
            self.report.other.append(traceback.format_exc())
        finally:
            for call in self.calls:
                call.kill()
        if not self.report.faults():
            shutil.rmtree(self.folder)
        return self.report

    def _look_at_the_call(self, codes: set[int]) -> None:
        code, said = self.call.end(), self.call.log.read_text()
        self.expect(code in codes, f"exit code {code} where {codes} was expected: {said}")
        self.expect(not (self.training and "Traceback" in said), f"a traceback: {said}")
        if self.kind in LOCAL_ONLY:
            failed = [path.read_text() for path in (self.results / "runs" / "failed").glob("*.json")]
            self.expect(len(failed) == (code == 1), f"{len(failed)} failures at exit code {code}")
            self.expect(all("was ended by signal 9" in text for text in failed), f"the failure is another: {failed}")

    def _look_at_the_results(self) -> None:
        said, true = said_counts(self.results), true_counts(self.results)
        if said != true:
            self.report.false.append(f"status says {said} where {true} is true")
        if (self.results / "runs").is_dir():
            said_damaged, half_done = damaged_evaluations(self.results), half_done_evaluations(self.results)
            if said_damaged != half_done:
                self.report.false.append(f"verify says {said_damaged} where {half_done} is true")

    def _repeat(self) -> None:
        """Complete the task: nothing that is complete is touched, and the end is that of an undisturbed call."""
        self._look_for_losses(self.before)
        complete = complete_runs(self.results)
        code, _, said = call_here(*self.task.arguments(self.data, self.results, "serial"))
        self.expect(code == 0, f"the repeated call ended with {code}: {said}")
        self._look_for_losses(complete)
        found, model = everything(self.results), self.model.content
        self.report.differing += [f"differs: {k}" for k in found.keys() | model.keys() if found.get(k) != model.get(k)]
        left = leftovers(self.results)
        self.expect(not left, f"left over: {left}")

    def _look_for_losses(self, before: dict[str, tuple[int, bytes]]) -> None:
        after = complete_runs(self.results)
        self.report.lost += [f"lost: {key}" for key, content in before.items() if after.get(key) != content]


def run_trials(kinds: Iterable[str], seed: int, workers: int, folder: Path) -> Iterator[Report]:
    """Do a trial of each of the kinds, several side by side; what went wrong stays in the folder."""
    data = folder / "data"
    data.mkdir(parents=True)
    write_tiny_scenes(data)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        coming = [pool.submit(_try, number, seed, kind, data, folder) for number, kind in enumerate(kinds)]
        for future in as_completed(coming):
            yield future.result()


def _try(number: int, seed: int, kind: str, data: Path, folder: Path) -> Report:
    return Trial(number, seed, kind, data, folder).run()


def summary(reports: list[Report]) -> str:
    """Return the counts, a line for each kind and one for all."""
    head = ("kind", "trials", "signals in time", "runs lost", "differing", "false statuses", "other faults")
    lines = ["{:40} {:>7} {:>16} {:>10} {:>10} {:>15} {:>13}".format(*head)]
    for kind in (*KINDS, "all"):
        own = [report for report in reports if kind in (report.kind, "all")]
        counts = [len(own), sum(r.delivered for r in own)]
        counts += [sum(len(getattr(r, name)) for r in own) for name in ("lost", "differing", "false", "other")]
        lines.append("{:40} {:7} {:16} {:10} {:10} {:15} {:13}".format(kind, *counts))
    return "\n".join(lines)


def main() -> int:
    """Do as many trials as asked for, of all kinds in turn; exit code 1 if any found a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.trials", description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="trials side by side")
    parser.add_argument("--kind", choices=list(KINDS), help="only this kind")
    options = parser.parse_args()
    names = [options.kind] if options.kind else list(KINDS)
    folder = Path(tempfile.mkdtemp(prefix="fault-trials-"))
    print(f"trials in {folder}", flush=True)
    reports = []
    kinds = [names[number % len(names)] for number in range(options.trials)]
    for report in run_trials(kinds, options.seed, options.workers, folder):
        reports.append(report)
        verdict = "; ".join(report.faults()) or "sound"
        print(f"{report.number:4} {report.kind} ({report.where}): {report.delivered} signals; {verdict}", flush=True)
    print(summary(reports))
    if any(report.faults() for report in reports):
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
