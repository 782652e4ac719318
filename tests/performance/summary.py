"""The table of aims, printed from the last stored run of the benchmarks: `make bench` calls it.

    python -m tests.performance.summary [.benchmarks]

A benchmark that has an aim says so in `benchmark.extra_info`:

`aim`
    In words that begin with ``≥`` or ``≤``, a number and its unit: ``≥ 200 × as fast``, ``≤ 5 × the time of one AUC``,
    ``≥ 65 % of the matrix product``, ``≤ 10 s``.
`kind`
    What it is held against: ``rival``, what others do; ``limit``, what the machine can do or one unit of the same work;
    ``seconds``, the clock alone.
`scale`
    Optional, of the rival or limit: by how much its time is multiplied to be that of the same work.
`what`
    Optional: what is measured, where several of one group have aims; the group's name unless given.
`processor`
    Processor seconds per second of the clock, which every benchmark notes (conftest.py). Where it is below
    `UNDISTURBED`, something else had the processor: an aim missed then says nothing of the code.
`cores`
    Optional: how many of them a benchmark keeps busy; its processor seconds are those of each.
`waits`
    Optional, true of a benchmark that waits, for processes of its own or by design: its processor seconds say nothing
    of the machine, and the rival's or limit's alone are looked at.

The rival or limit is the one benchmark of the same `group` that has no aim, measured in the same run. The ratio is how
many times as fast as that (``≥ N ×``), its share (``≥ N %``), or how many times as long (``≤ N ×``). All from medians:
on a shared machine times wander, ratios less so.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

AIM = re.compile(r"(?P<bound>[≥≤]) (?P<number>[\d.,]+) (?P<unit>×|%|s)(?: |$)")
HEADERS = ("what", "median", "rival or limit", "ratio", "aim", "met", "processor", "since the last run")
UNDISTURBED = 0.9

Benchmark = dict[str, Any]
"""A benchmark as pytest-benchmark stores it."""


@dataclass(frozen=True)
class Aim:
    """What a benchmark is to reach.

    Attributes
    ----------
    bound
        ``≥`` or ``≤``.
    number, unit
        Of the aim: ``×``, ``%`` or ``s``.
    """

    text: str
    bound: str
    number: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> Aim:
        """Read an aim in words.

        Raises
        ------
        ValueError
            If they say no number.
        """
        found = AIM.match(text)
        if found is None:
            raise ValueError(f"aim {text!r}: begin with ≥ or ≤, a number, and ×, % or s")
        return cls(text, found["bound"], float(found["number"].replace(",", "")), found["unit"])

    def reached(self, seconds: float, reference: float | None) -> float:
        """Return what is compared with the number, from a median and that of the rival or limit."""
        if self.unit == "s" or reference is None:
            return seconds
        if self.unit == "%":
            return 100 * reference / seconds
        return reference / seconds if self.bound == "≥" else seconds / reference

    def met(self, reached: float) -> bool:
        """Return whether what was reached is enough."""
        return reached >= self.number if self.bound == "≥" else reached <= self.number


def rows(benchmarks: list[Benchmark], before: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    """Yield a line of the table for each benchmark with an aim.

    Parameters
    ----------
    before
        Name of a benchmark -> its median in the run before.
    """
    for one in benchmarks:
        if "aim" not in one["extra_info"]:
            continue
        aim, seconds = Aim.parse(one["extra_info"]["aim"]), one["stats"]["median"]
        beside = None if aim.unit == "s" else _reference(one, benchmarks)
        reference = None if beside is None else _reference_seconds(beside)
        reached = aim.reached(seconds, reference)
        share = min(filter(None, (_processor(one), beside and _processor(beside))), default=None)
        missed = "NO" if share is None or share >= UNDISTURBED else "disturbed"
        yield (
            f"{one['extra_info'].get('what') or one['group'] or one['name']}{_parameters(one)}",
            _time(seconds),
            _time(reference) if reference is not None else "",
            f"{reached:.3g} {aim.unit}" if aim.unit != "s" else "",
            aim.text,
            "yes" if aim.met(reached) else missed,
            "" if share is None else f"{100 * share:.0f} %",
            _change(seconds, before.get(one["fullname"])),
        )


def _reference(one: Benchmark, benchmarks: list[Benchmark]) -> Benchmark:
    others = [b for b in benchmarks if b["group"] == one["group"] and "aim" not in b["extra_info"]]
    if len(others) != 1:
        raise ValueError(f"{one['fullname']}: its group has {len(others)} benchmarks without an aim, not one")
    return others[0]


def _reference_seconds(reference: Benchmark) -> float:
    return float(reference["stats"]["median"]) * float(reference["extra_info"].get("scale", 1))


def _processor(one: Benchmark) -> float | None:
    said = one["extra_info"]
    return None if said.get("waits") else float(said.get("processor", 1.0)) / float(said.get("cores", 1))


def _parameters(one: Benchmark) -> str:
    return f" ({one['param']})" if one["param"] else ""


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _change(seconds: float, before: float | None) -> str:
    return "new" if before is None else f"{100 * (seconds / before - 1):+.0f} %"


def read_runs(storage: Path) -> tuple[list[Benchmark], dict[str, float]]:
    """Read the benchmarks of the last stored run, and the medians of the latest run before that has each of them."""
    paths = sorted(storage.glob("*/*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not paths:
        raise SystemExit(f"{storage}: no stored run; `make bench` makes one")
    *older, last = (json.loads(path.read_text(encoding="utf-8"))["benchmarks"] for path in paths)
    return last, {one["fullname"]: float(one["stats"]["median"]) for run in older for one in run}


def main(arguments: list[str]) -> None:
    """Print the table."""
    benchmarks, before = read_runs(Path(arguments[0] if arguments else ".benchmarks"))
    print(tabulate(list(rows(benchmarks, before)), HEADERS, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main(sys.argv[1:])
